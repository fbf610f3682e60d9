//! `problem.yaml` in its two dialects: `legacy`, and the one with a dated version (2023-07-draft, 2025-09).

use std::{collections::BTreeMap, fmt};

use anyhow::{Context, bail, ensure};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeOwned, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::files::Tree;

/// What of `problem.yaml` bears on judging.
#[derive(Debug, Default, Deserialize)]
pub struct Metadata {
    problem_format_version: Option<String>,
    name: Option<Name>,
    #[serde(rename = "type")]
    kind: Option<Words>,
    validation: Option<Words>,
    validator_flags: Option<Words>,
    limits: Option<Limits>,
    constants: Option<BTreeMap<String, IgnoredAny>>,
}

/// As the package says them; what it does not say is the server's to decide.
#[derive(Debug, Default, Clone, PartialEq, Deserialize)]
pub struct Limits {
    #[serde(rename = "time_limit")]
    pub time_s: Option<f64>,
    #[serde(rename = "memory")]
    pub memory_mib: Option<f64>,
    #[serde(rename = "output")]
    pub output_mib: Option<f64>,
    #[serde(rename = "compilation_time")]
    pub compilation_s: Option<f64>,
    #[serde(rename = "compilation_memory")]
    pub compilation_memory_mib: Option<f64>,
}

/// How output is validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Default,
    Custom,
    Interactive,
}

/// Words in either form: a string with blanks between them (legacy), or a sequence.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Words(pub Vec<String>);

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Name {
    One(String),
    ByLanguage(BTreeMap<String, String>),
}

pub const FILE: &str = "problem.yaml";

/// Those of both dialects; both call for an error at any other.
const KEYS: &[&str] = &[
    "problem_format_version",
    "type",
    "name",
    "uuid",
    "version",
    "author",
    "credits",
    "source",
    "source_url",
    "license",
    "rights_owner",
    "embargo_until",
    "limits",
    "validation",
    "validator_flags",
    "grading",
    "scoring",
    "keywords",
    "languages",
    "libraries",
    "allow_file_writing",
    "constants",
];
const LIMITS: &[&str] = &[
    "time_multipliers",
    "time_multiplier",
    "time_safety_margin",
    "time_limit",
    "time_resolution",
    "memory",
    "output",
    "code",
    "compilation_time",
    "compilation_memory",
    "validation_time",
    "validation_memory",
    "validation_output",
    "validation_passes",
];

impl Metadata {
    pub fn read(tree: &Tree) -> anyhow::Result<Self> {
        let text = tree.text(FILE)?;
        refuse_others(FILE, "", &keys(&text, FILE)?, KEYS)?;
        refuse_others(FILE, "limits.", &keys_of_limits(&text)?, LIMITS)?;
        let metadata: Self = parse(&text, FILE)?;
        ensure!(
            metadata.constants.as_ref().is_none_or(BTreeMap::is_empty),
            "{FILE}: constants are not supported: nothing puts them in place of their names"
        );
        Ok(metadata)
    }

    pub fn name(&self) -> Option<&str> {
        match self.name.as_ref()? {
            Name::One(name) => Some(name),
            Name::ByLanguage(names) => names.get("en").or_else(|| names.values().next()).map(String::as_str),
        }
    }

    /// With the time limit of whoever says it first: `.timelimit`, DOMjudge's own file, or `problem.yaml`.
    pub fn limits(&self, tree: &Tree) -> anyhow::Result<Limits> {
        let mut limits = self.limits.clone().unwrap_or_default();
        limits.time_s = match time_limit_beside(tree)? {
            Some(seconds) => Some(seconds),
            None => limits.time_s,
        };
        for (name, value) in [
            ("time_limit", limits.time_s),
            ("memory", limits.memory_mib),
            ("output", limits.output_mib),
            ("compilation_time", limits.compilation_s),
            ("compilation_memory", limits.compilation_memory_mib),
        ] {
            let is_possible = value.is_none_or(|value| value > 0.0 && value <= 1e9);
            ensure!(is_possible, "{FILE}: limits.{name} must be more than 0 and at most 1e9");
        }
        Ok(limits)
    }

    /// `has_validator`: whether the package brings a program for it.
    pub fn kind(&self, has_validator: bool) -> anyhow::Result<Kind> {
        let said = |words: &Option<Words>| words.clone().unwrap_or_default().0;
        let (kinds, validation) = (said(&self.kind), said(&self.validation));
        for kind in &kinds {
            match kind.as_str() {
                "pass-fail" | "scoring" | "interactive" => {}
                "multi-pass" | "submit-answer" => bail!("{FILE}: type: problems of the type {kind} are not supported"),
                _ => bail!("{FILE}: type: {kind} is no known type"),
            }
        }
        let is_interactive = kinds.iter().any(|kind| kind == "interactive");
        match validation.split_first() {
            Some((first, rest)) if first == "custom" => {
                let mut is_interactive = is_interactive;
                for word in rest {
                    match word.as_str() {
                        "interactive" => is_interactive = true,
                        // Whether it scores makes no difference to the verdict.
                        "score" => {}
                        _ => bail!("{FILE}: validation: `{word}` is not supported"),
                    }
                }
                Ok(if is_interactive { Kind::Interactive } else { Kind::Custom })
            }
            Some((first, [])) if first == "default" => Ok(Kind::Default),
            Some(_) => bail!("{FILE}: validation must be default, or custom with interactive or score"),
            // The newer dialect says it by what is there.
            None if is_interactive => Ok(Kind::Interactive),
            None if has_validator && !self.is_legacy() => Ok(Kind::Custom),
            None => Ok(Kind::Default),
        }
    }

    pub fn validator_flags(&self) -> &[String] {
        self.validator_flags.as_ref().map_or(&[], |words| &words.0)
    }

    pub fn is_legacy(&self) -> bool {
        self.problem_format_version.as_deref().is_none_or(|version| version.starts_with("legacy"))
    }
}

/// Of the files beside `problem.yaml` that hold a time limit in seconds.
fn time_limit_beside(tree: &Tree) -> anyhow::Result<Option<f64>> {
    let number = |text: &str, file: &str| {
        let trimmed = text.trim().trim_matches(['\'', '"']);
        let seconds: Option<f64> = trimmed.parse().ok().filter(|seconds| (f64::MIN_POSITIVE..=1e9).contains(seconds));
        seconds.with_context(|| format!("{file}: `{trimmed}` is no time limit"))
    };
    if let Some(text) = tree.text_if_any(".timelimit")? {
        return number(&text, ".timelimit").map(Some);
    }
    const OF_DOMJUDGE: &str = "domjudge-problem.ini";
    let text = tree.text_if_any(OF_DOMJUDGE)?.unwrap_or_default();
    let mut values = text.lines().filter_map(|line| line.split_once('=')).filter(|(key, _)| key.trim() == "timelimit");
    values.next_back().map(|(_, value)| number(value, OF_DOMJUDGE)).transpose()
}

/// The document of a YAML file; an empty one is one without keys.
pub fn parse<T: DeserializeOwned + Default>(text: &str, file: &str) -> anyhow::Result<T> {
    let document: Option<T> = serde_saphyr::from_str(text).with_context(|| format!("{file} is not understood"))?;
    Ok(document.unwrap_or_default())
}

pub fn keys(text: &str, file: &str) -> anyhow::Result<Vec<String>> {
    let all: BTreeMap<String, IgnoredAny> = parse(text, file)?;
    Ok(all.into_keys().collect())
}

fn keys_of_limits(text: &str) -> anyhow::Result<Vec<String>> {
    #[derive(Default, Deserialize)]
    struct Outer {
        limits: Option<BTreeMap<String, IgnoredAny>>,
    }
    let Outer { limits } = parse(text, FILE)?;
    Ok(limits.unwrap_or_default().into_keys().collect())
}

/// A key that is not known is a typo until shown otherwise, and would change what is judged.
pub fn refuse_others(file: &str, prefix: &str, keys: &[String], known: &[&str]) -> anyhow::Result<()> {
    let unknown = keys.iter().find(|key| !known.contains(&key.as_str()));
    unknown.map_or(Ok(()), |key| bail!("{file}: {prefix}{key} is no known key"))
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("words, as a string or as a sequence of strings")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
        Ok(Words(text.split_whitespace().map(str::to_owned).collect()))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Words, E> {
        Ok(Words::default())
    }

    // A single word may look like a number.
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Words, E> {
        Ok(Words(vec![number.to_string()]))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Words, E> {
        Ok(Words(vec![number.to_string()]))
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<Words, E> {
        Ok(Words(vec![number.to_string()]))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = sequence.next_element()? {
            words.push(word);
        }
        Ok(Words(words))
    }

    /// Of legacy's `{name, flags}`: there is one validator here, so that its name says nothing.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Words, A::Error> {
        let mut words = Words::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "flags" => words = map.next_value()?,
                "name" => {
                    map.next_value::<IgnoredAny>()?;
                }
                _ => return Err(de::Error::unknown_field(&key, &["name", "flags"])),
            }
        }
        Ok(words)
    }
}
