//! A problem package, read whole before anything is sent: the legacy format of Kattis and the ICPC, and the newer one.
//! <https://www.kattis.com/problem-package-format/>
//!
//! What cannot be honoured is an error that names the file, or a note where it does not bear on the verdicts.

mod comparison;
mod data;
mod files;
mod metadata;
mod submissions;

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, bail, ensure};

pub use comparison::Comparison;
pub use data::Case;
pub use files::SourceFile;
pub use metadata::Limits;
pub use submissions::{Expected, Submission};

use files::{Entry, Tree};
use metadata::{Kind, Metadata};

#[derive(Debug)]
pub struct Package {
    pub name: String,
    pub limits: Limits,
    pub validation: Validation,
    pub cases: Vec<Case>,
    pub submissions: Vec<Submission>,
    /// Files for all submissions of a language, by what the package calls it; `default` is for every one.
    pub included: BTreeMap<String, Vec<SourceFile>>,
    pub notes: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Validation {
    Default(Comparison),
    Custom(Validator),
    Interactive(Validator),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    /// Where it lies in the package.
    pub path: String,
    pub files: Vec<SourceFile>,
    /// For every case; a case may have more.
    pub flags: Vec<String>,
}

/// Of the newer format and of the older one.
const OF_VALIDATORS: [&str; 2] = ["output_validator", "output_validators"];

impl Package {
    pub fn read(directory: &Path) -> anyhow::Result<Self> {
        let tree = Tree::open(directory)?;
        let metadata = Metadata::read(&tree)?;
        let cases = data::read(&tree)?;
        let place = OF_VALIDATORS.into_iter().find(|name| tree.holds(name));
        let mut notes = Vec::new();
        let validation = match metadata.kind(place.is_some())? {
            Kind::Default => {
                if let Some(place) = place {
                    notes.push(format!("{place} is not used: problem.yaml asks for the default validation"));
                }
                Validation::Default(Comparison::of(metadata.validator_flags(), &cases)?)
            }
            Kind::Custom => Validation::Custom(validator(&tree, place, &metadata)?),
            Kind::Interactive => Validation::Interactive(validator(&tree, place, &metadata)?),
        };
        for (path, remark) in [
            ("static_validator", "is not run"),
            ("submissions/submissions.yaml", "is not read: the directories tell what is expected"),
        ] {
            if tree.holds(path) {
                notes.push(format!("{path} {remark}"));
            }
        }
        Ok(Self {
            name: metadata.name().map_or_else(|| tree.name(), str::to_owned),
            limits: metadata.limits(&tree)?,
            validation,
            cases,
            submissions: submissions::read(&tree)?,
            included: included(&tree)?,
            notes,
        })
    }
}

fn validator(tree: &Tree, place: Option<&'static str>, metadata: &Metadata) -> anyhow::Result<Validator> {
    let wanted = OF_VALIDATORS[usize::from(metadata.is_legacy())];
    let place = place.with_context(|| format!("{wanted} is not there, and problem.yaml asks for it"))?;
    let entries = tree.list(place)?;
    // The older format has a directory of validators, each a file or a directory; several files are one program too, as
    // many packages have it.
    let directories: Vec<_> = entries.iter().filter(|entry| entry.is_directory).collect();
    let program = match directories.as_slice() {
        [single] if entries.len() == 1 => (*single).clone(),
        [] => Entry { name: place.to_owned(), path: place.to_owned(), is_directory: true },
        _ => {
            ensure!(place == OF_VALIDATORS[0], "{place} holds several validators; there can be only one");
            Entry { name: place.to_owned(), path: place.to_owned(), is_directory: true }
        }
    };
    let files = tree.program(&program)?;
    if let Some(script) = files.iter().find(|file| matches!(file.path.as_str(), "build" | "run")) {
        bail!("{}/{} is not supported: a server builds programs its own way", program.path, script.path);
    }
    Ok(Validator { path: program.path, files, flags: metadata.validator_flags().to_vec() })
}

fn included(tree: &Tree) -> anyhow::Result<BTreeMap<String, Vec<SourceFile>>> {
    const INCLUDE: &str = "include";
    let entries = if tree.holds(INCLUDE) { tree.list(INCLUDE)? } else { Vec::new() };
    let directories = entries.into_iter().filter(|entry| entry.is_directory);
    directories.map(|entry| Ok((entry.name.clone(), tree.program(&entry)?))).collect()
}

#[cfg(test)]
mod tests;
