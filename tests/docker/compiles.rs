//! What the images of C and C++ do to make compiles cheap changes their time and nothing else: every program of
//! `tests/compiles`, compiled as the image does it and as Debian's own tools do, gets the same words and does the same.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    engine::{DockerHost, turn},
    server::root,
};

/// By file, such as `hello.c.run.stdout`.
type Results = BTreeMap<String, Vec<u8>>;

#[test]
fn a_cheap_compile_of_c_says_and_makes_what_a_plain_one_does() {
    compare("c", "/usr/bin/gcc -O2 -o main {flags} main.c -lm");
}

#[test]
fn a_cheap_compile_of_cpp_says_and_makes_what_a_plain_one_does() {
    let cheap = compare("cpp", "/usr/bin/g++ -O2 -o main {flags} main.cpp");
    let mut wrong = Vec::new();
    for program in programs("cpp") {
        let Some(expected) = named(&program, "header") else { continue };
        let name = name_of(&program);
        let is_taken = cheap.get(&format!("{name}.headers")).is_some_and(|headers| !headers.is_empty());
        if is_taken != (expected == "taken") {
            wrong.push(format!("{name}: the prepared header was to be {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the cheap way made, after it was found to be no different.
fn compare(language: &str, command: &str) -> Results {
    let _turn = turn();
    let cheap = results(language, command, "cheaply");
    let plain = results(language, command, "plainly");
    let compiles = plain.keys().filter(|name| name.ends_with(".compile.status")).count();
    assert_eq!(compiles, programs(language).len(), "not every program was compiled");
    let seen = cheap.keys().chain(plain.keys()).filter(|name| !name.ends_with(".headers"));
    let different: Vec<_> = seen.filter(|name| cheap.get(*name) != plain.get(*name)).collect();
    let shown = different.first().map(|name| (text(cheap.get(*name)), text(plain.get(*name))));
    assert!(different.is_empty(), "different: {different:#?}, the first cheaply and plainly: {shown:#?}");
    cheap
}

fn text(bytes: Option<&Vec<u8>>) -> Option<String> {
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

fn results(language: &str, command: &str, way: &str) -> Results {
    let directory = tempfile::tempdir().unwrap();
    let (input, output) = (directory.path().join("programs"), directory.path().join("results"));
    fs::create_dir(&input).unwrap();
    fs::create_dir(&output).unwrap();
    let mut commands = String::new();
    for program in programs(language) {
        let flags = named(&program, "flags").unwrap_or_default();
        commands += &format!("{} {}\n", name_of(&program), command.replace("{flags}", &flags));
        fs::copy(&program, input.join(name_of(&program))).unwrap();
    }
    fs::write(input.join("commands"), commands).unwrap();
    let script = root().join("tests/compiles/every.sh");
    let volume = |from: &Path, to: &str| format!("--volume={}:{to}", from.display());
    let status = Command::new("docker")
        .env("DOCKER_HOST", DockerHost::usual().0)
        .args(["run", "--rm", "--network=none", "--user=0", "--entrypoint=/bin/sh"])
        .args([volume(&input, "/programs:ro"), volume(&output, "/results"), volume(&script, "/every.sh:ro")])
        .args([&format!("caisson/{language}:latest"), "/every.sh", way])
        .status();
    assert!(status.unwrap().success(), "{way} there was no way to compile {language}");
    let files = fs::read_dir(&output).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (name_of(&path), fs::read(&path).unwrap())).collect()
}

fn programs(language: &str) -> Vec<PathBuf> {
    let files = fs::read_dir(root().join("tests/compiles").join(language)).unwrap();
    files.map(|entry| entry.unwrap().path()).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What a line such as `// flags: -O3` at the head of a program says.
fn named(program: &Path, name: &str) -> Option<String> {
    let source = fs::read_to_string(program).unwrap();
    let head = source.lines().take_while(|line| line.starts_with("// "));
    head.filter_map(|line| line.strip_prefix("// ")?.strip_prefix(name)?.strip_prefix(": ")).next().map(str::to_owned)
}
