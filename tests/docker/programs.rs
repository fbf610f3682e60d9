//! Every program of `tests/programs`, in every language that is configured.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::server::{Arrange, Server, root};

#[test]
fn every_configured_language_has_programs_and_each_does_what_it_must() {
    let languages = configured();
    let pools: Vec<_> = languages.iter().map(|language| (language.as_str(), 1)).collect();
    // Leaked for the few names of one run: `Arrange` takes what is usually written out.
    let pools: Vec<(&'static str, usize)> =
        pools.into_iter().map(|(name, size)| (&*name.to_owned().leak(), size)).collect();
    let server = Arrange::new(&pools).warm();
    let mut wrong = Vec::new();
    for language in &languages {
        let cases = cases(language);
        assert!(!cases.is_empty(), "there is no program for {language} in tests/programs/{language}");
        wrong.extend(cases.iter().filter_map(|case| check(&server, language, case).err()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    server.nothing_is_left();
    server.stop();
}

fn configured() -> Vec<String> {
    stems(&root().join("config/languages"), "toml")
}

fn stems(directory: &Path, extension: &str) -> Vec<String> {
    let files = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let paths = files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == extension));
    let mut stems: Vec<_> = paths.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    stems.sort();
    stems
}

/// The descriptions of a language's cases.
fn cases(language: &str) -> Vec<PathBuf> {
    let directory = root().join("tests/programs").join(language);
    stems(&directory, "json").into_iter().map(|stem| directory.join(stem).with_extension("json")).collect()
}

fn check(server: &Server, language: &str, case: &Path) -> Result<(), String> {
    let description: Value = serde_json::from_slice(&fs::read(case).unwrap()).unwrap();
    let mut request = description["request"].clone();
    request["language"] = language.into();
    if request.get("files").is_none() {
        let source = source_of(case);
        match language {
            "binary" => {
                request["files"] = json!([{"path": "main", "content": compiled(&source), "encoding": "base64"}])
            }
            _ => request["source"] = fs::read_to_string(source).unwrap().into(),
        }
    }
    let answer = server.execute(&request);
    match difference(&description["expect"], &answer, "") {
        None => Ok(()),
        Some(difference) => Err(format!("{}: {difference}\n  in {answer}", case.display())),
    }
}

/// The file beside the description.
fn source_of(case: &Path) -> PathBuf {
    let beside = fs::read_dir(case.parent().unwrap()).unwrap().map(|file| file.unwrap().path());
    let mut sources = beside.filter(|path| path.file_stem() == case.file_stem() && path != case);
    sources.next().unwrap_or_else(|| panic!("{} has no source beside it", case.display()))
}

/// A static executable, as base64.
fn compiled(source: &Path) -> String {
    let directory = tempfile::tempdir().unwrap();
    let executable = directory.path().join("main");
    let status = Command::new("cc").args(["-O2", "-static", "-o"]).args([&executable, source]).status().unwrap();
    assert!(status.success(), "{} does not compile", source.display());
    BASE64_STANDARD.encode(fs::read(executable).unwrap())
}

/// Where the answer is not what was expected; what is not named is not looked at.
fn difference(expected: &Value, found: &Value, place: &str) -> Option<String> {
    match expected {
        Value::Object(members) => {
            members.iter().find_map(|(name, expected)| difference(expected, &found[name], &format!("{place}/{name}")))
        }
        _ if expected == found => None,
        _ => Some(format!("{place} is {found}, not {expected}")),
    }
}
