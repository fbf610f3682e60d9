//! The commands as people call them.

use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::server::{Arrange, Server, caisson};

/// `caisson run` of a file with this name and content.
fn run(server: &Server, name: &str, source: &str, arguments: &[&str], stdin: &str) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let file: PathBuf = directory.path().join(name);
    fs::write(&file, source).unwrap();
    let mut child = caisson()
        .args(["run", "--server", &server.url])
        .arg(&file)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Exit code, stdout, stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_file_runs_as_if_it_ran_here() {
    let server = Arrange::new(&[("bash", 2), ("c", 2)]).warm();
    let output = run(
        &server,
        "sum.sh",
        "read a b; echo $((a + b)) $1; echo oops >&2; exit 7",
        &["--stdin", "-", "--", "x"],
        "2 3\n",
    );
    assert_eq!(told(&output), (Some(7), "5 x\n".to_owned(), "oops\ncaisson: run: runtime_error\n".to_owned()));
    let output = run(&server, "bytes.sh", "printf '\\377\\000'", &[], "");
    assert_eq!((output.status.code(), output.stdout), (Some(0), b"\xff\0".to_vec()));
    let output = run(&server, "crash.c", "int main(void) { return *(volatile int *)0; }", &[], "");
    assert_eq!(
        (output.status.code(), told(&output).2),
        (Some(139), "caisson: run: runtime_error: SIGSEGV\n".to_owned())
    );
    let output = run(&server, "bad.c", "int main(void) { return }", &[], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).2.contains("bad.c:1"), "{output:?}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn the_whole_answer_is_to_be_had_as_json() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let output = run(&server, "noname", "echo hello", &["--language", "bash", "--json"], "");
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &answer["run"]["stdout"]), (Some(0), &Value::from("hello\n")));
    server.stop();
}

#[test]
fn what_cannot_be_run_is_explained() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let (code, _, said) = told(&run(&server, "x.unknown", "", &[], ""));
    assert_eq!(code, Some(125));
    assert!(said.contains("choose one with --language: bash"), "{said}");
    let (code, _, said) = told(&run(&server, "x.sh", "", &["--language", "cobol"], ""));
    assert_eq!(code, Some(125));
    assert!(said.contains("unknown_language"), "{said}");
    let output =
        caisson().args(["run", "--server", "http://127.0.0.1:1", "Cargo.toml", "--language", "c"]).output().unwrap();
    let (code, _, said) = told(&output);
    assert_eq!(code, Some(125));
    assert!(said.contains("no answer from http://127.0.0.1:1"), "{said}");
    server.stop();
}

#[test]
fn a_wrong_configuration_ends_the_start_with_every_fault() {
    let output = caisson()
        .args(["serve", "--set", "pool.budgte=1", "--set", "log.format=xml"])
        .env("CAISSON_POOL__QUEUE", "0")
        .output()
        .unwrap();
    let (code, _, said) = told(&output);
    assert_eq!(code, Some(2));
    for fault in [
        "the configuration has 3 faults",
        "pool.budgte: is no known key; did you mean `budget`? (--set pool.budgte)",
        "pool.queue: must be at least 1, is 0 (variable CAISSON_POOL__QUEUE)",
        "log.format: must be `human` or `json`, not `xml`",
    ] {
        assert!(said.contains(fault), "{fault} is not in {said}");
    }
}

#[test]
fn a_port_that_is_taken_is_named() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let listen = format!("server.listen={}", server.url.trim_start_matches("http://"));
    let output = caisson().args(["serve", "--set", &listen, "--set", "pool.owner=never-started"]).output().unwrap();
    let (code, _, said) = told(&output);
    assert_eq!(code, Some(1));
    assert!(said.contains("could not listen on 127.0.0.1:") && said.contains("in use"), "{said}");
    server.stop();
}

#[test]
fn the_doctor_names_a_remedy_for_what_is_wrong() {
    let output = caisson().args(["doctor", "--set", "docker.host=unix:///nowhere/docker.sock"]).output().unwrap();
    let (code, said, _) = told(&output);
    assert_eq!(code, Some(1));
    assert!(said.contains("WRONG engine") && said.contains("remedy: start the engine"), "{said}");
    let server = Arrange::new(&[("bash", 1)]).warm();
    let languages = tempfile::tempdir().unwrap();
    let text = fs::read_to_string("config/languages/bash.toml").unwrap().replace("caisson/bash:", "caisson/none:");
    fs::write(languages.path().join("bash.toml"), text).unwrap();
    let directory = format!("languages.directory={}", languages.path().display());
    let output = server.doctor().args(["--set", &directory]).output().unwrap();
    let (code, said, _) = told(&output);
    assert_eq!(code, Some(1));
    assert!(
        said.contains("caisson/none:latest is not there") && said.contains("remedy: caisson images build bash"),
        "{said}"
    );
    server.stop();
}

#[test]
fn images_are_built_from_the_repository_or_not_at_all() {
    let output = caisson().args(["images", "build", "--directory", "/nowhere"]).output().unwrap();
    let (code, _, said) = told(&output);
    assert_eq!(code, Some(1));
    assert!(said.contains("/nowhere/build.sh is not there"), "{said}");
}
