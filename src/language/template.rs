//! Commands with holes: `["/usr/bin/gcc", "-o", "main", "{flags}", "{sources}"]`.
//!
//! A hole that stands for a list is a word of its own and becomes as many words as the list has. Nothing ever passes
//! through a shell.

use std::borrow::Cow;

use crate::job::WorkPath;

/// A checked command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(Vec<Word>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Word {
    Text(Vec<Part>),
    Sources,
    Flags,
    Args,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Entrypoint,
    Stem,
    MemoryBytes,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    #[error("must name a program")]
    Empty,
    #[error("must begin with the path of a program, such as /usr/bin/python3 or ./main, not `{0}`")]
    NoPath(String),
    #[error(
        "holds `{{{0}}}`; known are {{entrypoint}}, {{stem}} and {{memory_bytes}}, and {{sources}}, {{flags}}, {{args}} as words of their own"
    )]
    UnknownHole(String),
}

pub(super) struct Values<'a> {
    pub entrypoint: &'a WorkPath,
    pub sources: &'a [String],
    pub flags: &'a [String],
    pub args: &'a [String],
    /// The step's limit.
    pub memory_bytes: u64,
}

impl Template {
    pub fn parse(words: &[String]) -> Result<Self, TemplateFault> {
        let program = words.first().filter(|word| !word.is_empty()).ok_or(TemplateFault::Empty)?;
        if !program.contains('/') {
            return Err(TemplateFault::NoPath(program.clone()));
        }
        words.iter().map(|word| Word::parse(word)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn expand(&self, values: &Values<'_>) -> Vec<String> {
        let mut argv = Vec::with_capacity(self.0.len() + values.args.len());
        for word in &self.0 {
            match word {
                Word::Text(parts) => argv.push(parts.iter().map(|part| part.fill(values)).collect()),
                Word::Sources => argv.extend(values.sources.iter().map(|path| as_argument(path).into_owned())),
                Word::Flags => argv.extend_from_slice(values.flags),
                Word::Args => argv.extend_from_slice(values.args),
            }
        }
        argv
    }
}

impl Word {
    fn parse(word: &str) -> Result<Self, TemplateFault> {
        match word {
            "{sources}" => return Ok(Self::Sources),
            "{flags}" => return Ok(Self::Flags),
            "{args}" => return Ok(Self::Args),
            _ => {}
        }
        let mut parts = Vec::new();
        let mut rest = word;
        while let Some((before, behind)) = rest.split_once('{') {
            let (hole, behind) = behind.split_once('}').unwrap_or((behind, ""));
            parts.push(Part::Literal(before.to_owned()));
            parts.push(match hole {
                "entrypoint" => Part::Entrypoint,
                "stem" => Part::Stem,
                "memory_bytes" => Part::MemoryBytes,
                unknown => return Err(TemplateFault::UnknownHole(unknown.to_owned())),
            });
            rest = behind;
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(Self::Text(parts))
    }
}

impl Part {
    fn fill<'a>(&'a self, values: &'a Values<'_>) -> Cow<'a, str> {
        match self {
            Self::Literal(text) => text.into(),
            Self::Entrypoint => as_argument(values.entrypoint.as_str()),
            Self::Stem => values.entrypoint.stem().into(),
            Self::MemoryBytes => values.memory_bytes.to_string().into(),
        }
    }
}

/// A path that no program takes for one of its options.
fn as_argument(path: &str) -> Cow<'_, str> {
    if path.starts_with('-') { format!("./{path}").into() } else { path.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn lists_become_words_and_text_is_filled_in() {
        let template = Template::parse(&words(&[
            "/usr/bin/cc",
            "{flags}",
            "-o",
            "{stem}",
            "-m{memory_bytes}",
            "{sources}",
            "{args}",
        ]))
        .unwrap();
        let argv = template.expand(&Values {
            entrypoint: &WorkPath::parse("src/main.c").unwrap(),
            sources: &words(&["src/main.c", "util.c"]),
            flags: &[],
            args: &words(&["a b"]),
            memory_bytes: 1 << 20,
        });
        assert_eq!(argv, ["/usr/bin/cc", "-o", "main", "-m1048576", "src/main.c", "util.c", "a b"]);
    }

    #[test]
    fn a_path_is_neither_an_option_nor_a_template() {
        let template = Template::parse(&words(&["/x", "{entrypoint}", "{sources}"])).unwrap();
        let argv = |path: &str| {
            template.expand(&Values {
                entrypoint: &WorkPath::parse(path).unwrap(),
                sources: &words(&[path]),
                flags: &[],
                args: &[],
                memory_bytes: 0,
            })
        };
        assert_eq!(argv("-c"), ["/x", "./-c", "./-c"]);
        assert_eq!(argv("a{stem}.py"), ["/x", "a{stem}.py", "a{stem}.py"]);
    }

    #[test]
    fn a_command_that_cannot_work_is_refused() {
        assert_eq!(Template::parse(&[]), Err(TemplateFault::Empty));
        assert_eq!(Template::parse(&words(&["python3"])), Err(TemplateFault::NoPath("python3".into())));
        assert_eq!(Template::parse(&words(&["/x", "-{sources}"])), Err(TemplateFault::UnknownHole("sources".into())));
        assert_eq!(Template::parse(&words(&["/x", "{nope}"])), Err(TemplateFault::UnknownHole("nope".into())));
    }
}
