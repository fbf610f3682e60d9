//! Where the configuration comes from: defaults, below the file, below `CAISSON_*` variables, below flags. The only
//! reader of the environment.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use toml::Table;

use super::{
    Fault,
    overlay::{Origin, Overlay},
    raw::{Raw, RawLanguage},
};

/// What to read. Flags are `section.key=value`.
#[derive(Debug, Clone)]
pub struct Sources {
    pub file: PathBuf,
    pub variables: Vec<(String, String)>,
    pub flags: Vec<String>,
}

/// All that was read, before anybody asked what it means.
#[derive(Debug)]
pub(super) struct Read {
    pub settings: Layered<Raw>,
    /// By key, which is the name of the file without its extension.
    pub languages: Vec<(String, Layered<RawLanguage>)>,
    /// The text of the seccomp profile.
    pub seccomp: String,
}

/// A decoded value and the place of each of its keys.
#[derive(Debug)]
pub(super) struct Layered<T> {
    pub value: T,
    pub overlay: Overlay,
}

/// `CAISSON_POOL__BUDGET` is `pool.budget`.
const PREFIX: &str = "CAISSON_";
const SEPARATOR: &str = "__";

impl Sources {
    /// The file, this process's environment and these flags.
    pub fn of_process(file: &Path, flags: Vec<String>) -> Self {
        // A name or value that is no UTF-8 cannot be meant for us: every key of ours is ASCII.
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let variables = env::vars_os().filter_map(text).filter(|(name, _)| name.starts_with(PREFIX)).collect();
        Self { file: file.to_owned(), variables, flags }
    }

    /// Reads everything there is to read, as far as faults allow.
    pub(super) fn read(&self, faults: &mut Vec<Fault>) -> Option<Read> {
        let settings = self.settings(faults)?;
        let directory = self.file.parent().unwrap_or(Path::new("."));
        let languages = languages(&directory.join(&settings.value.languages.directory), &settings.value, faults);
        let seccomp = directory.join(&settings.value.docker.seccomp_profile);
        let seccomp = read_file("docker.seccomp_profile", &seccomp, faults).unwrap_or_default();
        Some(Read { settings, languages, seccomp })
    }

    fn settings(&self, faults: &mut Vec<Fault>) -> Option<Layered<Raw>> {
        let mut overlay = Overlay::new(table_of(&Raw::default()));
        if let Some(table) = parse("configuration file", &self.file, faults) {
            overlay.put(table, &Origin::new(self.file.display()), faults);
        }
        for (name, text) in &self.variables {
            let path = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
            let path: Vec<&str> = path.split(SEPARATOR).collect();
            overlay.put_text(&path, text, &Origin::new(format_args!("variable {name}")), faults);
        }
        for flag in &self.flags {
            match flag.split_once('=') {
                Some((key, text)) => {
                    let path: Vec<&str> = key.split('.').collect();
                    overlay.put_text(&path, text, &Origin::new(format_args!("--set {key}")), faults);
                }
                None => faults.push(Fault::new(format!("--set {flag}"), "must have the form section.key=value")),
            }
        }
        decode(overlay, "", faults)
    }
}

fn languages(directory: &Path, settings: &Raw, faults: &mut Vec<Fault>) -> Vec<(String, Layered<RawLanguage>)> {
    let listed = fs::read_dir(directory).and_then(|entries| entries.map(|entry| entry.map(|e| e.path())).collect());
    let mut files: Vec<PathBuf> = match listed {
        Ok(files) => files,
        Err(error) => {
            let problem = format!("{} cannot be listed: {error}", directory.display());
            faults.push(Fault::new("languages.directory", problem));
            return Vec::new();
        }
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let defaults = RawLanguage { limits: settings.limits.clone(), ..RawLanguage::default() };
    let keyed = files.iter().filter_map(|file| Some((file.file_stem()?.to_str()?.to_owned(), file)));
    let wanted = &settings.languages.enabled;
    keyed
        .filter(|(key, _)| wanted.is_empty() || wanted.contains(key))
        .filter_map(|(key, file)| {
            let mut overlay = Overlay::new(table_of(&defaults));
            overlay.put(parse("language file", file, faults)?, &Origin::new(file.display()), faults);
            let section = format!("languages/{key}");
            Some((key, decode(overlay, &section, faults)?))
        })
        .collect()
}

fn parse(what: &str, file: &Path, faults: &mut Vec<Fault>) -> Option<Table> {
    match read_file(what, file, faults)?.parse() {
        Ok(table) => Some(table),
        Err(error) => {
            let error: toml::de::Error = error;
            faults.push(Fault::new(file.display(), format!("is no TOML: {}", error.to_string().trim_end())));
            None
        }
    }
}

fn read_file(what: &str, file: &Path, faults: &mut Vec<Fault>) -> Option<String> {
    let problem = |error| format!("{} cannot be read: {error}", file.display());
    fs::read_to_string(file).map_err(|error| faults.push(Fault::new(what, problem(error)))).ok()
}

fn decode<T: DeserializeOwned>(overlay: Overlay, section: &str, faults: &mut Vec<Fault>) -> Option<Layered<T>> {
    match overlay.table().clone().try_into() {
        Ok(value) => Some(Layered { value, overlay }),
        Err(error) => {
            let error: toml::de::Error = error;
            // What the overlay let pass: members of lists and of free tables.
            faults.push(Fault::new(section, error.to_string().trim_end().replace('\n', " ")));
            None
        }
    }
}

fn table_of(defaults: &impl Serialize) -> Table {
    Table::try_from(defaults).expect("the defaults are numbers, strings, lists and tables")
}
