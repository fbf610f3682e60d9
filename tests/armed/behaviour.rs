//! What holds around the programs: who gives way to whom, what is counted, and what is left.

use std::{fs, process::Command};

use serde_json::{Value, json};

use crate::server::{Arrange, Server, until};

fn run(server: &Server, language: &str, source: &str, arm: &str) -> Value {
    server.execute(&json!({"language": language, "source": source, "arm": arm}))["run"].clone()
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// The interpreters that wait, by their number.
fn waiting(server: &Server, name: &str) -> Vec<u32> {
    let is_one = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    server.pids().into_iter().filter(is_one).collect()
}

#[test]
fn an_interpreter_that_was_killed_while_it_waited_is_started_again() {
    let server = Arrange::new(&[("python", 1)]).warm();
    for _ in 0..3 {
        server.until_full();
        let mut found = Vec::new();
        until("one is armed", || {
            found = waiting(&server, "python3");
            found.len() == 1
        });
        assert!(Command::new("kill").args(["-9", &found[0].to_string()]).status().unwrap().success());
        // One that is told to die as its source comes is a program that was killed.
        let status = format!("/proc/{}/status", found[0]);
        until("it is dead", || fs::read_to_string(&status).is_ok_and(|status| status.contains("State:\tZ")));
        let ran = run(&server, "python", "import os\nprint('fine', os.listdir('.'))", "auto");
        assert_eq!((&ran["status"], &ran["stdout"]), (&json!("ok"), &json!("fine ['main.py']\n")), "{ran}");
        assert_eq!(ran["armed"], Value::Null, "{ran}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_program_that_ends_its_own_and_others_leaves_nothing() {
    let server = Arrange::new(&[("python", 2), ("bash", 2)]).warm();
    let sources = [
        ("python", "import os\nfor _ in range(20):\n    if os.fork() == 0:\n        while True: pass\nos._exit(3)"),
        ("python", "import os\nif os.fork() == 0:\n    while True: pass\nos.kill(-1, 9)\nos._exit(3)"),
        ("python", "import os\nif os.fork(): os._exit(3)\nos.setsid()\nwhile True: pass"),
        ("bash", "for i in 1 2 3 4; do (while :; do :; done) & done; kill -9 $$"),
    ];
    for (language, source) in sources {
        let ran = run(&server, language, source, "auto");
        assert_eq!(ran["status"], "runtime_error", "{source}: {ran}");
        assert_eq!(ran["armed"], true, "{source}: {ran}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn the_time_before_the_program_came_is_not_counted() {
    let server = Arrange::new(&[("python", 4)]).warm();
    let cpu = |arm: &str| {
        let ran = run(&server, "python", "print('x')", arm);
        assert_eq!(ran["armed"] == true, arm == "auto", "{ran}");
        ran["cpu_time_ms"].as_f64().unwrap()
    };
    let (armed, late): (Vec<_>, Vec<_>) = (0..7).map(|_| (cpu("auto"), cpu("off"))).unzip();
    let (armed, late) = (median(armed), median(late));
    assert!(armed < late * 0.75, "{armed} ms armed, {late} ms otherwise");
    server.stop();
}

#[test]
fn memory_is_counted_as_if_it_had_been_started_late() {
    const MIB: f64 = 1048576.0;
    let server = Arrange::new(&[("python", 4)]).warm();
    for mib in [0, 20, 60] {
        let source = format!("x = b'x' * ({mib} << 20)");
        let peak = |arm: &str| {
            let peaks = (0..3).map(|_| run(&server, "python", &source, arm)["memory_peak_bytes"].as_f64().unwrap());
            median(peaks.collect()) / MIB
        };
        let (armed, late) = (peak("auto"), peak("off"));
        assert!((armed - late).abs() < 2.0, "{mib} MiB: {armed} armed, {late} otherwise");
    }
    server.stop();
}

#[test]
fn a_time_limit_is_as_exact_as_ever() {
    let server = Arrange::new(&[("python", 2)]).warm();
    let request = |arm: &str| json!({"language": "python", "source": "while True: pass", "limits": {"cpu_time_ms": 400}, "arm": arm});
    for arm in ["auto", "off"] {
        let ran = server.execute(&request(arm))["run"].clone();
        assert_eq!(ran["status"], "time_limit_exceeded", "{ran}");
        let used = ran["cpu_time_ms"].as_f64().unwrap();
        assert!((400.0..800.0).contains(&used), "{arm}: {used}");
    }
    server.stop();
}

#[test]
fn the_first_case_of_a_judging_finds_its_interpreter_waiting_and_the_others_are_copies_where_there_are_any() {
    let server = Arrange::new(&[("python", 2)]).warm();
    let is_forked = server.docker.is_native();
    for arm in ["auto", "off"] {
        let cases: Vec<_> =
            (0..4).map(|n| json!({"stdin": format!("{n}\n"), "expected_output": format!("{}\n", n * n)})).collect();
        let source = "import os\nn = int(input())\nopen('/tmp/left', 'x')\nprint(n * n, *os.listdir('.')[1:])";
        let body = json!({"language": "python", "source": source, "cases": cases, "arm": arm});
        let reply = server.post("/v1/judge", body.to_string());
        assert_eq!(reply.status, 200, "{}", reply.body);
        let cases = reply.body["cases"].as_array().unwrap();
        for (index, case) in cases.iter().enumerate() {
            assert_eq!(case["verdict"], "accepted", "{}", reply.body);
            assert_eq!(case["run"]["armed"] == true, (index == 0 || is_forked) && arm == "auto", "{}", reply.body);
        }
    }
    server.nothing_is_left();
    server.stop();
}

/// What a compile makes is kept for the cases all the same.
#[test]
fn a_submission_is_compiled_by_what_waited() {
    let server = Arrange::new(&[("java", 1), ("c", 1)]).warm();
    let programs = [
        (
            "java",
            "public class Main { public static void main(String[] a) { System.out.println(new java.util.Scanner(System.in).nextInt() * 2); } }",
        ),
        ("c", "#include <stdio.h>\nint main(void) { int n; if (scanf(\"%d\", &n) == 1) printf(\"%d\\n\", n * 2); }"),
    ];
    for (language, source) in programs {
        for arm in ["auto", "off"] {
            server.until_full();
            let cases =
                Vec::from_iter((0..3).map(|n| json!({"stdin": n.to_string(), "expected_output": (2 * n).to_string()})));
            let body = json!({"language": language, "source": source, "cases": cases, "arm": arm});
            let reply = server.post("/v1/judge", body.to_string());
            assert_eq!(reply.body["verdict"], "accepted", "{}", reply.body);
            assert_eq!(reply.body["compile"]["armed"] == true, arm == "auto", "{}", reply.body);
            let cases = reply.body["cases"].as_array().unwrap();
            assert!(cases.iter().all(|case| case["run"]["armed"] != true), "{}", reply.body);
        }
    }
    server.nothing_is_left();
    server.stop();
}

/// To start a compiler of Java and have it ready takes longer than to compile.
#[test]
fn nobody_who_waits_already_waits_for_more_than_his_own_compiler() {
    let server = Arrange::new(&[("java", 0), ("c", 0)]).start();
    let programs =
        [("java", "public class Main { public static void main(String[] a) {} }"), ("c", "int main(void) {}")];
    for (language, source) in programs {
        let report = server.execute(&json!({"language": language, "source": source}));
        assert_eq!((&report["status"], &report["claim"]), (&json!("ok"), &json!("cold")), "{report}");
        assert_eq!(report["compile"]["armed"] == true, language == "c", "{report}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_server_that_is_killed_leaves_no_interpreter_behind() {
    let server = Arrange::new(&[("python", 2), ("javascript", 1), ("java", 1), ("c", 1)]).warm();
    let all = [("python3", 2), ("node", 1), ("java", 2), ("cc1", 1)];
    until("all are armed", || all.iter().all(|(name, many)| waiting(&server, name).len() == *many));
    server.signal("KILL");
    until("no process is left", || server.processes().is_empty());
}
