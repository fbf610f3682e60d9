//! The cases: `data/sample`, then `data/secret`, each group in the order of its names.

use anyhow::{bail, ensure};
use serde::Deserialize;

use super::{
    files::{Entry, Tree},
    metadata::{Words, keys, parse, refuse_others},
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The path below `data` without the extension.
    pub id: String,
    pub input: Vec<u8>,
    pub answer: Vec<u8>,
    /// For the submission.
    pub args: Vec<String>,
    pub flags: Flags,
}

/// For the validator, on top of those of `problem.yaml`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Flags {
    pub words: Vec<String>,
    /// The file that says so.
    pub origin: String,
}

/// What a group hands down to those below.
#[derive(Debug, Default, Clone)]
struct Settings {
    args: Vec<String>,
    flags: Flags,
}

/// A group's file in either dialect, or a case's own.
#[derive(Debug, Default, Deserialize)]
struct Said {
    args: Option<Words>,
    output_validator_flags: Option<Words>,
    output_validator_args: Option<Words>,
}

const OF_GROUPS: [&str; 2] = ["testdata.yaml", "test_group.yaml"];
const KEYS: &[&str] = &[
    "args",
    "output_validator_flags",
    "output_validator_args",
    "input_validator_flags",
    "input_validator_args",
    "static_validation",
    "scoring",
    "full_feedback",
    "hint",
    "description",
    "on_reject",
    "grading",
    "grader_flags",
    "accept_score",
    "reject_score",
    "range",
];

pub fn read(tree: &Tree) -> anyhow::Result<Vec<Case>> {
    let settings = Settings::default().of_group(tree, "data")?;
    let mut cases = Vec::new();
    if tree.holds("data/sample") {
        group(tree, "data/sample", &settings, &mut cases)?;
    }
    group(tree, "data/secret", &settings, &mut cases)?;
    ensure!(!cases.is_empty(), "data/secret holds no case: no file whose name ends in .in");
    Ok(cases)
}

fn group(tree: &Tree, path: &str, inherited: &Settings, cases: &mut Vec<Case>) -> anyhow::Result<()> {
    let settings = inherited.of_group(tree, path)?;
    let mut entries = tree.list(path)?;
    // By what the case is called: `1-big` comes after `1`, although `1-big.in` comes before `1.in`.
    entries.sort_by(|one, other| base(one).cmp(base(other)));
    for entry in &entries {
        match (entry.is_directory, entry.name.rsplit_once('.')) {
            (false, Some((_, "in"))) => cases.push(case(tree, path, base(entry), &settings)?),
            (false, Some((name, "ans"))) => {
                ensure!(tree.holds(&format!("{path}/{name}.in")), "{} has no {name}.in beside it", entry.path);
            }
            (true, Some((_, "files"))) => bail!("{}: files for a single case are not supported", entry.path),
            (true, None) => group(tree, &entry.path, &settings, cases)?,
            // Hints, pictures, what is shown in the statement or offered for download.
            (true | false, _) => {}
        }
    }
    Ok(())
}

fn base(entry: &Entry) -> &str {
    entry.name.strip_suffix(".in").unwrap_or(&entry.name)
}

fn case(tree: &Tree, group: &str, name: &str, settings: &Settings) -> anyhow::Result<Case> {
    let path = format!("{group}/{name}");
    let mut settings = settings.clone().of(tree, &format!("{path}.yaml"))?;
    // An earlier draft had the arguments in a file of their own.
    if let Some(text) = tree.text_if_any(&format!("{path}.args"))? {
        settings.args = text.split_whitespace().map(str::to_owned).collect();
    }
    let Settings { args, flags } = settings;
    Ok(Case {
        id: path.strip_prefix("data/").unwrap_or(&path).to_owned(),
        input: tree.read(&format!("{path}.in"))?,
        answer: tree.read(&format!("{path}.ans"))?,
        args,
        flags,
    })
}

impl Settings {
    fn of_group(&self, tree: &Tree, path: &str) -> anyhow::Result<Self> {
        OF_GROUPS.iter().try_fold(self.clone(), |settings, name| settings.of(tree, &format!("{path}/{name}")))
    }

    /// With what this file says, if it is there.
    fn of(mut self, tree: &Tree, file: &str) -> anyhow::Result<Self> {
        let Some(text) = tree.text_if_any(file)? else { return Ok(self) };
        refuse_others(file, "", &keys(&text, file)?, KEYS)?;
        let Said { args, output_validator_flags, output_validator_args } = parse(&text, file)?;
        if let Some(Words(args)) = args {
            self.args = args;
        }
        if let Some(Words(words)) = output_validator_args.or(output_validator_flags) {
            self.flags = Flags { words, origin: file.to_owned() };
        }
        Ok(self)
    }
}
