//! The scripts for wrk get what they say they expect, and nothing else.

use std::{fs, process::Command};

use crate::server::{Arrange, Server, root};

/// Its shared part is no script of its own.
const MODULE: &str = "caisson.lua";

/// All scripts, by their names.
fn scripts() -> Vec<String> {
    let files = fs::read_dir(root().join("tests/load")).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".lua") && name != MODULE);
    names.sort();
    names
}

/// Exit code and words. From elsewhere, as the scripts must find their files from anywhere.
fn wrk(server: &Server, script: &str, seconds: &str) -> (Option<i32>, String) {
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", "2", "--duration", seconds, "--timeout", "60s", "--script"])
        .arg(root().join("tests/load").join(script))
        .arg(&server.url)
        .current_dir("/")
        .output()
        .expect("wrk is installed: `make test` sees to it");
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (output.status.code(), said)
}

/// For a few seconds, and for longer where the machine is too busy for a single answer in that time.
fn wrk_until_answered(server: &Server, script: &str) -> (Option<i32>, String) {
    let has_answers = |said: &str| told(said, "by status") != "none";
    let mut tries = ["3s", "20s", "60s"].iter().map(|seconds| {
        server.until_full();
        wrk(server, script, seconds)
    });
    tries.find(|(_, said)| has_answers(said)).unwrap_or_else(|| panic!("{script}: no answer"))
}

/// What stands behind a word at the beginning of a line.
fn told<'a>(said: &'a str, word: &str) -> &'a str {
    let found = said.lines().find_map(|line| line.strip_prefix(word));
    found.unwrap_or_else(|| panic!("no line {word} in {said}")).trim()
}

#[test]
fn every_script_is_answered_with_200_and_what_its_program_says() {
    let languages = ["bash", "binary", "c", "cpp", "java", "javascript", "python"].map(|language| (language, 3));
    let server = Arrange::new(&languages).warm();
    let scripts = scripts();
    assert_eq!(scripts.len(), languages.len() + 1, "{scripts:?}");
    for script in scripts {
        let (code, said) = wrk_until_answered(&server, &script);
        assert_eq!(code, Some(0), "{script}: {said}");
        let statuses = told(&said, "by status");
        assert!(statuses.starts_with("200: ") && !statuses.contains(','), "{script}: {said}");
        assert_eq!(told(&said, "unexpected"), "none", "{script}: {said}");
        // Each job says which program it ran, and each was answered as it should be.
        assert_ne!(told(&said, "as expected"), "none", "{script}: {said}");
    }
    server.stop();
}

#[test]
fn an_answer_that_is_no_200_is_counted_by_its_status_and_fails_the_script() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let (code, said) = wrk(&server, "python.lua", "1s");
    assert_eq!(code, Some(1), "{said}");
    assert!(told(&said, "by status").starts_with("422: "), "{said}");
    assert_eq!(told(&said, "as expected"), "none", "{said}");
    server.stop();
}
