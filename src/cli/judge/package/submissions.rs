//! The example submissions, and what is expected of each: told by its directory, or by DOMjudge's tag in its source.

use anyhow::{Context, bail, ensure};

use super::files::{Entry, SourceFile, Tree};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// Below `submissions`.
    pub path: String,
    pub expected: Expected,
    pub files: Vec<SourceFile>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// By the names that the server gives them.
    OneOf(Vec<&'static str>),
    /// Anything, if only it is not accepted.
    Rejected,
    /// Nothing that a verdict could show; with the reason.
    Unclear(&'static str),
}

pub const DIRECTORY: &str = "submissions";

const ACCEPTED: &[&str] = &["accepted"];
/// Right words in a wrong layout are wrong too, which the format has no name for.
const WRONG: &[&str] = &["wrong_answer", "presentation_error"];
const SLOW: &[&str] = &["time_limit_exceeded"];
/// The format has no directory for what needs too much memory: it crashes.
const CRASHED: &[&str] = &["runtime_error", "memory_limit_exceeded"];
const UNCOMPILED: &[&str] = &["compile_error"];
const MEMORY: &[&str] = &["memory_limit_exceeded"];
const OUTPUT: &[&str] = &["output_limit_exceeded"];

const TAG: &[u8] = b"@EXPECTED_RESULTS@:";

pub fn read(tree: &Tree) -> anyhow::Result<Vec<Submission>> {
    let mut submissions = Vec::new();
    for directory in tree.list(DIRECTORY)?.iter().filter(|entry| entry.is_directory) {
        for entry in tree.list(&directory.path)? {
            submissions.push(submission(tree, directory, &entry)?);
        }
    }
    ensure!(!submissions.is_empty(), "{DIRECTORY} holds no submission");
    Ok(submissions)
}

fn submission(tree: &Tree, directory: &Entry, entry: &Entry) -> anyhow::Result<Submission> {
    let files = tree.program(entry)?;
    let tagged = files.iter().find_map(|file| tag(&file.content));
    let expected = match tagged {
        Some(words) => Expected::of_tag(&words).with_context(|| entry.path.clone())?,
        None => Expected::of_directory(&directory.name).with_context(|| {
            format!("{} is no known directory, and {} has no @EXPECTED_RESULTS@", directory.path, entry.path)
        })?,
    };
    Ok(Submission { path: format!("{}/{}", directory.name, entry.name), expected, files })
}

/// What stands behind the tag, to the end of the line or of the comment.
fn tag(source: &[u8]) -> Option<String> {
    let at = source.windows(TAG.len()).position(|window| window.eq_ignore_ascii_case(TAG))?;
    let line = source[at + TAG.len()..].split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    Some(line.split("*/").next().unwrap_or_default().trim().to_owned())
}

impl Expected {
    fn of_directory(name: &str) -> Option<Self> {
        let one_of = |names: &[&'static str]| Some(Self::OneOf(names.to_vec()));
        match name {
            "accepted" => one_of(ACCEPTED),
            "wrong_answer" => one_of(WRONG),
            "time_limit_exceeded" => one_of(SLOW),
            "run_time_error" => one_of(CRASHED),
            "brute_force" => one_of(&[SLOW, CRASHED].concat()),
            "compile_error" | "compiler_error" => one_of(UNCOMPILED),
            "memory_limit_exceeded" => one_of(MEMORY),
            "output_limit_exceeded" => one_of(OUTPUT),
            "rejected" => Some(Self::Rejected),
            "partially_accepted" => Some(Self::Unclear("scores are not compared")),
            _ => None,
        }
    }

    fn of_tag(words: &str) -> anyhow::Result<Self> {
        let mut all = Vec::new();
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            all.extend(match word.to_ascii_uppercase().replace('_', "-").as_str() {
                "CORRECT" | "ACCEPTED" => ACCEPTED,
                "WRONG-ANSWER" | "NO-OUTPUT" => WRONG,
                "TIMELIMIT" | "TIME-LIMIT" | "TIME-LIMIT-EXCEEDED" => SLOW,
                "RUN-ERROR" | "RUN-TIME-ERROR" | "RUNTIME-ERROR" => CRASHED,
                "COMPILER-ERROR" | "COMPILE-ERROR" => UNCOMPILED,
                "MEMORY-LIMIT" | "MEMORY-LIMIT-EXCEEDED" => MEMORY,
                "OUTPUT-LIMIT" | "OUTPUT-LIMIT-EXCEEDED" => OUTPUT,
                "CHECK-MANUALLY" => return Ok(Self::Unclear("to be checked by people")),
                _ => bail!("@EXPECTED_RESULTS@: `{word}` is no known result"),
            });
        }
        ensure!(!all.is_empty(), "@EXPECTED_RESULTS@ names no result");
        Ok(Self::OneOf(all))
    }

    /// Whether this verdict of the server is as expected.
    pub fn is_met_by(&self, verdict: &str) -> bool {
        match self {
            Self::OneOf(names) => names.contains(&verdict),
            Self::Rejected => !matches!(verdict, "accepted" | "judge_error"),
            Self::Unclear(_) => true,
        }
    }

    /// Short, for a column: the first name stands for those that go with it.
    pub fn label(&self) -> String {
        match self {
            Self::OneOf(names) => {
                let implied = |name: &&&str| {
                    (**name == "presentation_error" && names.contains(&"wrong_answer"))
                        || (**name == "memory_limit_exceeded" && names.contains(&"runtime_error"))
                };
                let said: Vec<_> = names.iter().filter(|name| !implied(name)).copied().collect();
                said.join(" or ")
            }
            Self::Rejected => "rejected".to_owned(),
            Self::Unclear(_) => "-".to_owned(),
        }
    }
}
