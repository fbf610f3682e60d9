//! `caisson judge`: whole problem packages, as people and CI call it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Arrange, Server, caisson, root};

fn packaged(name: &str) -> PathBuf {
    root().join("tests/packages").join(name)
}

/// A copy to be changed.
fn copied(name: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let copied = Command::new("cp").args(["-r", "--"]).arg(packaged(name).join(".")).arg(directory.path()).status();
    assert!(copied.unwrap().success());
    directory
}

fn judge(server: &Server, package: &Path, arguments: &[&str]) -> Output {
    caisson().args(["judge", "--server", &server.url]).arg(package).args(arguments).output().unwrap()
}

/// Exit code, stdout, stderr.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// The columns that are the same each time: state, submission and, behind what is expected, the verdict.
fn rows(table: &str) -> Vec<(&str, &str, &str)> {
    let states = table.lines().filter_map(|line| {
        let (state, rest) = line.split_once(' ')?;
        matches!(state, "ok" | "WRONG" | "ERROR" | "skip").then_some((state, rest))
    });
    states
        .map(|(state, rest)| {
            let mut columns = rest.split("  ").map(str::trim).filter(|column| !column.is_empty());
            let (submission, _, got) = (columns.next().unwrap(), columns.next().unwrap(), columns.next().unwrap());
            (state, submission, got)
        })
        .collect()
}

#[test]
fn every_submission_of_a_package_is_what_its_directory_says() {
    let server = Arrange::new(&[("c", 2), ("python", 2)]).warm();
    let (code, table, said) = told(&judge(&server, &packaged("sum"), &[]));
    assert_eq!((code, said.as_str()), (Some(0), ""), "{table}");
    assert_eq!(
        rows(&table),
        [
            ("ok", "accepted/sum.c", "accepted"),
            ("ok", "accepted/sum.py", "accepted"),
            ("ok", "accepted/two_files", "accepted"),
            ("ok", "compile_error/undeclared.c", "compile_error"),
            ("ok", "mixed/overflows.c", "wrong_answer"),
            ("ok", "run_time_error/asserts.c", "runtime_error"),
            ("ok", "run_time_error/raises.py", "runtime_error"),
            ("ok", "time_limit_exceeded/counts.c", "time_limit_exceeded"),
            ("ok", "wrong_answer/no_sign.py", "wrong_answer"),
        ],
        "{table}"
    );
    assert!(table.starts_with("Sum: 4 cases\n") && table.ends_with("\n9 of 9 as expected\n"), "{table}");

    let (code, table, said) = told(&judge(&server, &packaged("mean"), &["--all-cases"]));
    assert_eq!((code, said.as_str()), (Some(0), ""), "{table}");
    let wanted = [("ok", "accepted/mean.py", "accepted"), ("ok", "rejected/rounds.py", "wrong_answer")];
    assert_eq!(rows(&table), wanted, "{table}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_submission_in_the_wrong_directory_is_told_with_its_case() {
    let server = Arrange::new(&[("c", 1), ("python", 2)]).warm();
    let package = copied("sum");
    let submissions = package.path().join("submissions");
    fs::rename(submissions.join("wrong_answer/no_sign.py"), submissions.join("accepted/no_sign.py")).unwrap();
    fs::copy(submissions.join("accepted/sum.py"), submissions.join("wrong_answer/right.py")).unwrap();
    let only = ["--submission", "accepted/*.py", "--submission", "wrong_answer"];
    let (code, table, said) = told(&judge(&server, package.path(), &only));
    assert_eq!((code, said.as_str()), (Some(1), ""), "{table}");
    let wanted = [
        ("WRONG", "accepted/no_sign.py", "wrong_answer"),
        ("ok", "accepted/sum.py", "accepted"),
        ("WRONG", "wrong_answer/right.py", "accepted"),
    ];
    assert_eq!(rows(&table), wanted, "{table}");
    assert!(table.contains("\n        secret/small/2-negative: token 1: expected `-2`, got `8`\n"), "{table}");
    assert!(table.contains("\n        every case is accepted\n1 of 3 as expected\n"), "{table}");

    let output = judge(&server, package.path(), &["--json", "--submission", "no_sign.py"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = &document["submissions"][0];
    assert_eq!(
        (output.status.code(), &row["result"], &row["got"], &row["case"]),
        (Some(1), &"not_as_expected".into(), &"wrong_answer".into(), &"secret/small/2-negative".into()),
        "{document}"
    );
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_time_limit_may_be_given_in_place_of_the_packages() {
    let server = Arrange::new(&[("c", 1)]).warm();
    let only = ["--submission", "counts.c", "--time-limit", "0.2", "--json"];
    let output = judge(&server, &packaged("sum"), &only);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let time_ms = document["submissions"][0]["max_cpu_time_ms"].as_f64().unwrap();
    assert!(output.status.success() && (200.0..900.0).contains(&time_ms), "{document}");
    server.stop();
}

#[test]
fn what_cannot_be_judged_is_explained_and_is_no_verdict() {
    let server = Arrange::new(&[("python", 1)]).set("server.max_body_bytes=20000").warm();
    let refused = |package: &Path, arguments: &[&str], wanted: &str| {
        let (code, table, said) = told(&judge(&server, package, arguments));
        assert_eq!(code, Some(125), "{table}{said}");
        assert!(said.contains(wanted), "{said} is not {wanted}");
    };
    let package = copied("sum");
    let only = ["--submission", "sum.py"];
    refused(package.path(), &["--submission", "sum.rb"], "no submission goes with sum.rb");
    fs::write(package.path().join("data/secret/2.in"), "7".repeat(20_000)).unwrap();
    refused(package.path(), &only, "data/secret/2.ans is not there");
    fs::write(package.path().join("data/secret/2.ans"), "").unwrap();
    refused(package.path(), &only, "remedy: a larger server.max_body_bytes in the server's configuration");
    fs::write(package.path().join("problem.yaml"), "limits: {memory: 2048}").unwrap();
    fs::write(package.path().join("data/secret/2.in"), "").unwrap();
    refused(package.path(), &only, "invalid_limit: `limits.memory_bytes` is over the ceiling of");
    fs::write(package.path().join("problem.yaml"), "name: [").unwrap();
    refused(package.path(), &only, "problem.yaml is not understood");
    refused(Path::new("/nowhere"), &[], "could not read /nowhere");

    // One that is in no language of this server leaves the others to be judged.
    let (code, table, _) = told(&judge(&server, &packaged("sum"), &["--submission", "accepted"]));
    assert_eq!(code, Some(125), "{table}");
    let wanted =
        [("ERROR", "accepted/sum.c", "-"), ("ok", "accepted/sum.py", "accepted"), ("ERROR", "accepted/two_files", "-")];
    assert_eq!(rows(&table), wanted, "{table}");
    assert!(table.contains("no language of the server goes with the name of sum.c"), "{table}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_validator_of_the_packages_own_decides() {
    let server = Arrange::new(&[("cpp", 2), ("python", 2)]).warm();
    let (code, table, said) = told(&judge(&server, &packaged("order"), &[]));
    assert_eq!((code, said.as_str()), (Some(0), ""), "{table}");
    let wanted = [
        ("ok", "accepted/greatest_first.py", "accepted"),
        ("ok", "accepted/least_first.py", "accepted"),
        ("ok", "wrong_answer/as_they_come.py", "wrong_answer"),
        ("ok", "wrong_answer/words.py", "wrong_answer"),
    ];
    assert_eq!(rows(&table), wanted, "{table}");

    // Its message is told where the verdict is not the one expected.
    let package = copied("order");
    let submissions = package.path().join("submissions");
    fs::rename(submissions.join("wrong_answer/as_they_come.py"), submissions.join("accepted/as_they_come.py")).unwrap();
    let (code, table, _) = told(&judge(&server, package.path(), &["--submission", "as_they_come.py"]));
    assert_eq!(code, Some(1), "{table}");
    assert!(table.contains("\n        secret/1-many: 4 comes after 1\n"), "{table}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn an_interactive_package_talks_to_its_submissions() {
    let server = Arrange::new(&[("c", 2), ("cpp", 2), ("python", 2)]).warm();
    let (code, table, said) = told(&judge(&server, &packaged("guess"), &["--all-cases"]));
    assert_eq!((code, said.as_str()), (Some(0), ""), "{table}");
    let verdicts: Vec<_> = rows(&table).into_iter().map(|(state, submission, _)| (state, submission)).collect();
    let wanted = [
        ("ok", "accepted/halves.c"),
        ("ok", "accepted/halves.py"),
        ("ok", "mixed/crashes.py"),
        ("ok", "wrong_answer/counts.py"),
        ("ok", "wrong_answer/silent.py"),
    ];
    assert_eq!(verdicts, wanted, "{table}");
    server.nothing_is_left();
    server.stop();
}
