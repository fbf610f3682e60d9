//! What a package and one of its submissions ask of `POST /v1/judge`.

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::package::{Case, Comparison, Limits, Package, SourceFile, Submission, Validation, Validator};
use crate::cli::client::{Language, Languages};

/// What the requests for all submissions of a package have alike.
pub type Alike = Map<String, Value>;

const MIB: f64 = 1024.0 * 1024.0;

pub fn alike(package: &Package, languages: &Languages, all_cases: bool) -> anyhow::Result<Alike> {
    let mut alike = Map::new();
    let mut put = |name: &str, value: Value| alike.insert(name.to_owned(), value);
    let flags = Flags::of(package);
    match &package.validation {
        Validation::Default(comparison) => put("checker", checker(comparison)),
        Validation::Custom(validator) => {
            let mut program = program(validator, languages, flags.of_program())?;
            program.insert("kind".to_owned(), "program".into());
            put("checker", program.into())
        }
        Validation::Interactive(validator) => {
            put("interactor", program(validator, languages, flags.of_program())?.into())
        }
    };
    put("cases", package.cases.iter().map(|entry| case(entry, &flags)).collect());
    put("stop_on_failure", (!all_cases).into());
    let (run, compile) = limits(&package.limits);
    if !run.is_empty() {
        put("limits", run.into());
    }
    if !compile.is_empty() {
        put("compile", json!({"limits": compile}));
    }
    Ok(alike)
}

/// The request for one submission; none if its language is not to be had.
pub fn fill(alike: &Alike, package: &Package, submission: &Submission, languages: &Languages) -> anyhow::Result<Value> {
    let language = language_of(&submission.files, languages)?;
    let mut files = submission.files.clone();
    let names = ["default", &language.id].into_iter().chain(language.aliases.iter().map(String::as_str));
    for included in names.filter_map(|name| package.included.get(name)).flatten() {
        files.retain(|file| file.path != included.path);
        files.push(included.clone());
    }
    let mut request = alike.clone();
    request.insert("language".to_owned(), language.id.as_str().into());
    request.insert("files".to_owned(), sources(files, language, &submission.path));
    Ok(request.into())
}

/// The flags of a validator are said in one place, so that nothing hangs on how the two go together: with the program,
/// or, once a case has some of its own, all of them with each case.
enum Flags<'a> {
    OfProgram(&'a [String]),
    OfCases(&'a [String]),
}

impl<'a> Flags<'a> {
    fn of(package: &'a Package) -> Self {
        match &package.validation {
            // Its flags have become the comparison.
            Validation::Default(_) => Self::OfProgram(&[]),
            Validation::Custom(Validator { flags, .. }) | Validation::Interactive(Validator { flags, .. }) => {
                let differ = package.cases.iter().any(|case| !case.flags.words.is_empty());
                if differ { Self::OfCases(flags) } else { Self::OfProgram(flags) }
            }
        }
    }

    fn of_program(&self) -> &'a [String] {
        match self {
            Self::OfProgram(flags) => flags,
            Self::OfCases(_) => &[],
        }
    }
}

/// Where the server's comparisons differ from the format's: `exact` is of every byte, so that case counts as well.
fn checker(comparison: &Comparison) -> Value {
    let Comparison { case_sensitive, space_change_sensitive, absolute, relative } = *comparison;
    match (absolute, relative) {
        (None, None) if space_change_sensitive => json!({"kind": "exact"}),
        (None, None) => json!({"kind": "tokens", "case_sensitive": case_sensitive}),
        // A tolerance that is not named is none.
        (absolute, relative) => {
            let (abs, rel) = (absolute.unwrap_or(0.0), relative.unwrap_or(0.0));
            json!({"kind": "float", "abs": abs, "rel": rel, "case_sensitive": case_sensitive})
        }
    }
}

fn program(validator: &Validator, languages: &Languages, args: &[String]) -> anyhow::Result<Map<String, Value>> {
    let Validator { path, files, flags: _ } = validator;
    let language = language_of(files, languages).with_context(|| path.clone())?;
    let mut program = Map::new();
    program.insert("language".to_owned(), language.id.as_str().into());
    program.insert("files".to_owned(), sources(files.clone(), language, path));
    program.insert("protocol".to_owned(), "kattis".into());
    if !args.is_empty() {
        program.insert("args".to_owned(), args.into());
    }
    Ok(program)
}

fn case(case: &Case, flags: &Flags) -> Value {
    let Case { id, input, answer, args, flags: own } = case;
    let mut told = Map::new();
    told.insert("id".to_owned(), id.as_str().into());
    put_bytes(&mut told, "stdin", "stdin_encoding", input);
    put_bytes(&mut told, "expected_output", "expected_output_encoding", answer);
    if !args.is_empty() {
        told.insert("args".to_owned(), json!(args));
    }
    if let Flags::OfCases(common) = flags {
        told.insert("checker_args".to_owned(), common.iter().chain(&own.words).map(String::as_str).collect());
    }
    told.into()
}

/// Of the run and of the compile. Wall time leaves room for a busy machine: what is judged is processor time.
fn limits(limits: &Limits) -> (Map<String, Value>, Map<String, Value>) {
    let Limits { time_s, memory_mib, output_mib, compilation_s, compilation_memory_mib } = *limits;
    let (mut run, mut compile) = (Map::new(), Map::new());
    for (of, seconds, mib) in [(&mut run, time_s, memory_mib), (&mut compile, compilation_s, compilation_memory_mib)] {
        if let Some(seconds) = seconds {
            of.insert("cpu_time_ms".to_owned(), (seconds * 1e3).into());
            of.insert("wall_time_ms".to_owned(), (wall(seconds) * 1e3).into());
        }
        if let Some(mib) = mib {
            of.insert("memory_bytes".to_owned(), bytes(mib));
        }
    }
    if let Some(mib) = output_mib {
        run.insert("output_bytes".to_owned(), bytes(mib));
    }
    (run, compile)
}

fn wall(cpu_s: f64) -> f64 {
    (2.0 * cpu_s).max(cpu_s + 2.0)
}

fn bytes(mib: f64) -> Value {
    // Bounded where it was read, so that nothing is lost.
    ((mib * MIB).ceil() as u64).into()
}

fn language_of<'a>(files: &[SourceFile], languages: &'a Languages) -> anyhow::Result<&'a Language> {
    languages.of(files.iter().map(|file| file.path.as_str()))
}

/// The files of a program called `path`, the one to start with first: that is how the server tells it.
fn sources(mut files: Vec<SourceFile>, language: &Language, path: &str) -> Value {
    let name = stem(path);
    let rank = |file: &SourceFile| {
        let is_source = language.goes_with(&file.path);
        match stem(&file.path) {
            stem if is_source && matches!(stem, "main" | "Main" | "__main__") => 0,
            stem if is_source && stem == name => 1,
            _ if is_source => 2,
            _ => 3,
        }
    };
    files.sort_by_key(rank);
    let told = files.iter().map(|SourceFile { path, content }| {
        let mut file = Map::new();
        file.insert("path".to_owned(), path.as_str().into());
        put_bytes(&mut file, "content", "encoding", content);
        Value::from(file)
    });
    told.collect()
}

/// The last part of a path without its extension.
fn stem(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// As text where it is text, which is shorter, and as base64 otherwise.
fn put_bytes(object: &mut Map<String, Value>, name: &str, encoding: &str, bytes: &[u8]) {
    match str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), text.into()),
        Err(_) => {
            object.insert(encoding.to_owned(), "base64".into());
            object.insert(name.to_owned(), BASE64_STANDARD.encode(bytes).into())
        }
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::cli::judge::package::Expected;

    fn languages() -> Languages {
        let language =
            |id: &str, alias: &str, extension: &str| json!({"id": id, "aliases": [alias], "extensions": [extension]});
        let all = [language("c", "gcc", "c"), language("cpp", "c++", "cpp"), language("python", "python3", "py")];
        serde_json::from_value(json!({"languages": all})).unwrap()
    }

    fn file(path: &str, content: &[u8]) -> SourceFile {
        SourceFile { path: path.to_owned(), content: content.to_vec() }
    }

    fn package(validation: Validation) -> Package {
        let case = Case {
            id: "secret/1".to_owned(),
            input: b"1\n".to_vec(),
            answer: vec![0xff],
            args: Vec::new(),
            flags: Default::default(),
        };
        Package {
            name: "Sum".to_owned(),
            limits: Limits::default(),
            validation,
            cases: vec![case],
            submissions: Vec::new(),
            included: BTreeMap::new(),
            notes: Vec::new(),
        }
    }

    fn validator(flags: &[&str]) -> Validator {
        Validator {
            path: "output_validators/check".to_owned(),
            files: vec![file("a.h", b""), file("b.cpp", b""), file("check.cpp", b"")],
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        }
    }

    fn submission(path: &str, files: Vec<SourceFile>) -> Submission {
        Submission { path: path.to_owned(), expected: Expected::Rejected, files }
    }

    fn paths(request: &Value) -> Vec<&str> {
        request["files"].as_array().unwrap().iter().map(|file| file["path"].as_str().unwrap()).collect()
    }

    #[test]
    fn a_request_says_all_that_the_package_says_and_nothing_else() {
        let mut package = package(Validation::Default(Comparison::default()));
        package.limits =
            Limits { time_s: Some(0.5), memory_mib: Some(64.0), compilation_s: Some(10.0), ..Limits::default() };
        package.cases[0].args = vec!["x".to_owned()];
        let alike = alike(&package, &languages(), false).unwrap();
        let submission = submission("accepted/sum.py", vec![file("sum.py", b"print(1)")]);
        assert_eq!(
            fill(&alike, &package, &submission, &languages()).unwrap(),
            json!({
                "language": "python",
                "files": [{"path": "sum.py", "content": "print(1)"}],
                "checker": {"kind": "tokens", "case_sensitive": false},
                "cases": [{"id": "secret/1", "stdin": "1\n", "expected_output": "/w==",
                    "expected_output_encoding": "base64", "args": ["x"]}],
                "stop_on_failure": true,
                "limits": {"cpu_time_ms": 500.0, "wall_time_ms": 2500.0, "memory_bytes": 67_108_864},
                "compile": {"limits": {"cpu_time_ms": 10_000.0, "wall_time_ms": 20_000.0}},
            })
        );
    }

    #[test]
    fn comparisons_become_the_servers_own() {
        let said = |comparison| checker(&comparison);
        let default = Comparison::default();
        assert_eq!(said(Comparison { space_change_sensitive: true, ..default.clone() }), json!({"kind": "exact"}));
        assert_eq!(
            said(Comparison { case_sensitive: true, ..default.clone() }),
            json!({"kind": "tokens", "case_sensitive": true})
        );
        assert_eq!(
            said(Comparison { absolute: Some(0.1), ..default }),
            json!({"kind": "float", "abs": 0.1, "rel": 0.0, "case_sensitive": false})
        );
    }

    #[test]
    fn a_validator_becomes_a_program_that_begins_with_the_file_called_like_it() {
        let package = package(Validation::Custom(validator(&["fast"])));
        let alike = alike(&package, &languages(), true).unwrap();
        let checker = &alike["checker"];
        assert_eq!(
            (&checker["kind"], &checker["language"], &checker["protocol"], &checker["args"]),
            (&json!("program"), &json!("cpp"), &json!("kattis"), &json!(["fast"]))
        );
        assert_eq!(paths(checker), ["check.cpp", "b.cpp", "a.h"]);
        assert_eq!(alike["stop_on_failure"], false);
    }

    #[test]
    fn flags_are_with_the_program_or_all_with_each_case() {
        let mut package = package(Validation::Interactive(validator(&["fast"])));
        let alike_before = alike(&package, &languages(), false).unwrap();
        assert_eq!(alike_before["interactor"]["args"], json!(["fast"]));
        assert!(alike_before.get("checker").is_none() && alike_before["interactor"].get("kind").is_none());
        package.cases[0].flags.words = vec!["7".to_owned()];
        let alike = alike(&package, &languages(), false).unwrap();
        assert!(alike["interactor"].get("args").is_none());
        assert_eq!(alike["cases"][0]["checker_args"], json!(["fast", "7"]));
    }

    #[test]
    fn included_files_replace_the_submissions_own() {
        let mut package = package(Validation::Default(Comparison::default()));
        package.included.insert("default".to_owned(), vec![file("all.txt", b"")]);
        package.included.insert("python3".to_owned(), vec![file("main.py", b"new")]);
        package.included.insert("c".to_owned(), vec![file("main.c", b"")]);
        let alike = alike(&package, &languages(), false).unwrap();
        let submission = submission("accepted/x", vec![file("a.py", b""), file("main.py", b"old")]);
        let request = fill(&alike, &package, &submission, &languages()).unwrap();
        assert_eq!(
            (paths(&request), &request["files"][0]["content"]),
            (vec!["main.py", "a.py", "all.txt"], &json!("new"))
        );
    }

    #[test]
    fn a_language_that_is_not_to_be_had_is_named_by_its_files() {
        let package = package(Validation::Default(Comparison::default()));
        let alike = alike(&package, &languages(), false).unwrap();
        let submission = submission("accepted/x.kt", vec![file("x.kt", b"")]);
        let error = fill(&alike, &package, &submission, &languages()).unwrap_err();
        assert_eq!(error.to_string(), "no language of the server goes with the name of x.kt");
    }
}
