//! Imports go downward only, and each external crate has one home. Read from the sources as text: what the compiler
//! accepts is not the question.
//!
//! Tests inside `src` are not exempt: they have no reason to look upward either.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Top-level modules, each with those that it may name. Every one of them stands further down in the table, so that there
/// is no way back up.
const EDGES: &[(&str, &[&str])] = &[
    ("main", &["cli"]),
    ("cli", &["app", "simulate", "config", "job"]),
    ("app", &["api", "telemetry", "dispatch", "pool", "sandbox", "engine", "config", "language", "observe", "job"]),
    // Of connections and of the memory of answers only the API knows; times as people write them are in requests, in the
    // configuration, and in what is done at them.
    ("api", &["dispatch", "language", "observe", "job", "calendar"]),
    ("telemetry", &["observe", "job"]),
    // Decides by the pool's own policy, and is why that is pure.
    ("simulate", &["pool", "job"]),
    ("dispatch", &["pool", "sandbox", "observe", "job"]),
    ("pool", &["sandbox", "engine", "observe", "job", "calendar"]),
    ("sandbox", &["engine", "observe", "job"]),
    ("engine", &["observe", "job"]),
    ("config", &["language", "job", "calendar"]),
    ("language", &["job"]),
    ("observe", &["job"]),
    ("job", &[]),
    ("calendar", &[]),
];

/// External crates that one part of the tree keeps to itself: a file's path without its extension begins with a home.
const HOMES: &[(&str, &[&str])] = &[
    ("anyhow", &["cli", "main"]),
    ("axum", &["api"]),
    ("base64", &["api", "cli"]),
    ("bollard", &["engine/docker"]),
    ("caisson_protocol", &["sandbox", "engine/fake", "engine/native"]),
    ("cronexpr", &["calendar"]),
    ("clap", &["cli", "main"]),
    ("deadpool", &["pool"]),
    ("governor", &["api"]),
    ("fastrand", &["cli/bench"]),
    ("hdrhistogram", &["cli/bench"]),
    ("http_body", &["api"]),
    // A load generator is the one client that must send on time whatever the answers do, which ureq cannot.
    ("http_body_util", &["api", "cli/bench"]),
    ("hyper", &["api", "cli/bench"]),
    ("hyper_util", &["api", "cli/bench"]),
    ("jiff", &["calendar"]),
    ("postcard", &[]),
    ("procfs", &["telemetry"]),
    ("prometheus", &["telemetry"]),
    ("prost", &["telemetry"]),
    ("rustix", &["app/descriptors", "engine/docker", "engine/native"]),
    ("semver", &["language"]),
    ("serde_saphyr", &["cli"]),
    ("strsim", &["config"]),
    ("subtle", &["api"]),
    ("syscalls", &["engine/native"]),
    ("toml", &["config"]),
    ("tokio_io_timeout", &["api"]),
    ("tower_http", &["api"]),
    ("tracing_subscriber", &["telemetry"]),
    ("ureq", &["cli", "main", "telemetry"]),
];

/// Crates at home everywhere: the runtime, and what has no say in the design.
const EVERYWHERE: &[&str] = &["futures_util", "serde", "serde_json", "thiserror", "tokio", "tokio_util", "tracing"];

/// One file of the server: its path below `src` without `.rs`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    fn module(&self) -> &str {
        self.path.split('/').next().unwrap_or(&self.path)
    }

    /// Without comments, which may speak of anything.
    fn code(&self) -> String {
        self.text.lines().map(|line| line.split("//").next().unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

/// Everything that stands in the wrong place, one sentence each.
fn complaints(sources: &[Source]) -> BTreeSet<String> {
    let edges: BTreeMap<_, _> = EDGES.iter().copied().collect();
    let modules: BTreeSet<&str> = sources.iter().map(Source::module).filter(|module| *module != "lib").collect();
    let mut found: BTreeSet<String> = modules
        .iter()
        .filter(|module| !edges.contains_key(*module))
        .map(|module| format!("{module} is not in the table"))
        .collect();
    for source in sources {
        let (code, module) = (source.code(), source.module());
        let allowed = edges.get(module).copied().unwrap_or_default();
        // `lib.rs` is the list of modules and names them all.
        let named = if module == "lib" { BTreeSet::new() } else { named_modules(&source.path, &code, &modules) };
        for other in named.iter().filter(|other| *other != module && !allowed.contains(&other.as_str())) {
            found.insert(format!("{} must not name {other}", source.path));
        }
        for (name, homes) in HOMES {
            if names_crate(&code, name) && !homes.iter().any(|home| is_below(&source.path, home)) {
                found.insert(format!("{} is not the home of {name}", source.path));
            }
        }
    }
    found
}

/// Whether `path` is `home` or lies below it.
fn is_below(path: &str, home: &str) -> bool {
    path.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The top-level modules that a file reaches through `crate::`, through the library's own name, or by climbing.
fn named_modules(path: &str, code: &str, modules: &BTreeSet<&str>) -> BTreeSet<String> {
    let depth = path.split('/').count();
    let up = "super::".repeat(depth);
    let climbed = paths_after(code, &up).into_iter().filter(|name| modules.contains(name.as_str()));
    // `$crate::` of a macro is `crate::` too.
    let named = paths_after(code, "crate::").into_iter().chain(paths_after(code, "caisson::"));
    named.chain(climbed).filter(|name| name.starts_with(|first: char| first.is_ascii_lowercase())).collect()
}

/// The first name behind each occurrence of `prefix`, or all first names of a braced list.
fn paths_after(code: &str, prefix: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(first_names(list)),
            None => names.push(word(rest)),
        }
    }
    names
}

/// `a` and `c` of `a::{b, d}, c::e}`.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut begins) = (Vec::new(), 0, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            _ if begins && is_word(character) => {
                names.push(word(&list[at..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

/// Whether a path of the crate stands anywhere in the code, imported or not.
fn names_crate(code: &str, name: &str) -> bool {
    let stands = |at: usize, before: &str| {
        let rest = &code[at + name.len()..];
        let begins = !before.ends_with(is_word) && (!before.ends_with("::") || before.ends_with("use ::"));
        let imported = before.ends_with("use ") && rest.trim_start().starts_with([';', 'a']);
        begins && (rest.starts_with("::") || (imported && !rest.starts_with(is_word)))
    };
    code.match_indices(name).any(|(at, _)| stands(at, &code[..at]))
}

fn word(text: &str) -> String {
    text.chars().take_while(|character| is_word(*character)).collect()
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Every source of the root package. Agent, protocol and zygote are packages of their own.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut sources, mut directories) = (Vec::new(), vec![root.clone()]);
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory).expect("a directory of sources") {
            let path: PathBuf = entry.expect("an entry").path();
            let below =
                path.strip_prefix(&root).expect("a path below src").to_str().expect("a name of ASCII").to_owned();
            if path.is_dir() {
                if !matches!(below.as_str(), "agent" | "protocol" | "zygote") {
                    directories.push(path);
                }
            } else if let Some(name) = below.strip_suffix(".rs") {
                sources.push(Source::new(name, &fs::read_to_string(&path).expect("a source")));
            }
        }
    }
    sources
}

fn complaints_about(path: &str, text: &str) -> Vec<String> {
    complaints(&[Source::new(path, text)]).into_iter().collect()
}

#[test]
fn the_sources_keep_to_the_table() {
    let sources = sources();
    assert!(sources.iter().any(|source| source.path == "api/native/meaning"), "the sources were not found");
    assert_eq!(complaints(&sources), BTreeSet::new());
}

#[test]
fn the_table_has_no_way_back_up() {
    for (index, (module, below)) in EDGES.iter().enumerate() {
        for other in *below {
            let place = EDGES.iter().position(|(known, _)| known == other);
            assert!(place.is_some_and(|place| place > index), "{module} -> {other}");
        }
    }
}

#[test]
fn every_dependency_has_a_home_or_is_at_home_everywhere() {
    let manifest = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml")).unwrap();
    let (_, behind) = manifest.split_once("\n[dependencies]\n").unwrap();
    let dependencies = behind.lines().take_while(|line| !line.starts_with('[')).filter(|line| !line.is_empty());
    let homeless: Vec<_> = dependencies
        .map(|line| line.split([' ', '=']).next().unwrap_or(line).replace('-', "_"))
        .filter(|name| HOMES.iter().all(|(known, _)| known != name) && !EVERYWHERE.contains(&name.as_str()))
        .collect();
    assert_eq!(homeless, Vec::<String>::new());
}

#[test]
fn an_import_that_goes_up_is_found_however_it_is_written() {
    for text in [
        "use crate::dispatch::Refusal;",
        "pub use crate::{job::Job, dispatch};",
        "use crate::{\n    job::{Job, Step},\n    dispatch::{Dispatch, Status},\n};",
        "fn f() { crate::dispatch::f(); }",
        "fn f(_: &crate::dispatch::Dispatch) {}",
        "mod tests { use crate::dispatch; }",
        "use super::dispatch;",
    ] {
        let sources = [Source::new("pool", text), Source::new("dispatch", "")];
        assert_eq!(complaints(&sources).into_iter().collect::<Vec<_>>(), ["pool must not name dispatch"], "{text}");
    }
    let deep = [Source::new("pool/fleet", "use super::super::dispatch::X;"), Source::new("dispatch", "")];
    assert_eq!(complaints(&deep).len(), 1);
    assert_eq!(complaints_about("main", "fn main() { caisson::app::run() }"), ["main must not name app"]);
}

#[test]
fn an_import_that_goes_down_or_stays_is_no_fault() {
    for text in [
        "use crate::{engine::Engine, job::Job};",
        "use crate::pool::Fleet;",
        "// see crate::dispatch",
        "/// [`crate::api`]",
        "use super::*;",
        "use other_crate::dispatch;",
    ] {
        assert_eq!(complaints_about("pool/fleet", text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn a_module_that_nobody_put_into_the_table_is_found() {
    assert_eq!(complaints_about("cluster/gossip", ""), ["cluster is not in the table"]);
    assert_eq!(complaints_about("app", "use crate::cluster;"), ["app must not name cluster"]);
}

#[test]
fn a_crate_away_from_home_is_found_however_it_is_written() {
    for text in [
        "use axum::Router;",
        "use ::axum::Router;",
        "use axum;",
        "use axum as web;",
        "fn f() { axum::serve() }",
        "fn f() -> Result<(), axum::Error> {}",
    ] {
        assert_eq!(complaints_about("pool", text), ["pool is not the home of axum"], "{text}");
    }
    assert_eq!(complaints_about("engine/fake", "use bollard::Docker;"), ["engine/fake is not the home of bollard"]);
    assert_eq!(complaints_about("sandbox", "use postcard::x;"), ["sandbox is not the home of postcard"]);
}

#[test]
fn a_crate_at_home_and_a_word_that_resembles_one_are_no_fault() {
    for (path, text) in [
        ("api", "use axum::Router;"),
        ("api/native/response", "use axum::http;"),
        ("engine/docker", "use bollard::Docker;"),
        ("engine/docker/spec", "use bollard::models;"),
        ("pool", "// axum::Router\nlet axum = 1; my_axum::f(); self::toml::f();"),
    ] {
        assert_eq!(complaints_about(path, text), Vec::<String>::new(), "{path}: {text}");
    }
}
