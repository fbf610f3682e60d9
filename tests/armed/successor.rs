//! What is started for the step after the first, and waits while that one runs: it is there then, or is started late, and whatever
//! the first one does no more comes of it.

use std::{fs, process::Command, thread};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::server::{Arrange, Server, until};

/// A shell that compiles: whatever the source does is done by the compiler, and what it makes is run by another.
const LANGUAGE: &str = r#"
name = "two shells"
version = "1"
image = "caisson/bash:latest"
source_file = "main.sh"
compile = ["/usr/bin/bash", "{sources}"]
run = RUN
[arm]
mode = "compile"
run_entry = "made"
"#;

const RUN: &str = r#"["/usr/bin/bash", "made"]"#;

/// Has a child that is dead, and never buries it.
const CARELESS: &str = r#"["/usr/bin/perl", "-e", "fork or exit; open F, 'made'; exec '/usr/bin/bash', 'made'"]"#;

struct Shells {
    server: Server,
    _languages: TempDir,
}

fn shells(run: &str) -> Shells {
    let languages = tempfile::tempdir().unwrap();
    fs::write(languages.path().join("shells.toml"), LANGUAGE.replace("RUN", run)).unwrap();
    let directory = format!("languages.directory={}", languages.path().display());
    Shells { server: Arrange::new(&[("shells", 1)]).set(directory).warm(), _languages: languages }
}

impl Shells {
    /// Its stages.
    fn run(&self, source: &str) -> [Value; 2] {
        self.server.until_full();
        let report = self.server.execute(&json!({"language": "shells", "source": source}));
        [&report["compile"], &report["run"]].map(Value::clone)
    }

    /// The successor in the one sandbox.
    fn waiting(&self) -> u32 {
        let is_one = |pid: &u32| {
            fs::read_to_string(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words.ends_with("\0made\0"))
        };
        let mut found = Vec::new();
        self.server.until_full();
        until("it waits", || {
            found = Vec::from_iter(self.server.pids().into_iter().filter(is_one));
            found.len() == 1
        });
        found[0]
    }

    fn end(self) {
        self.server.nothing_is_left();
        self.server.stop();
    }
}

/// Its compiler had waited, what was made has run, and no successor was there for it.
fn assert_started_late(after: &str, compile: &Value, run: &Value) {
    assert_eq!((&compile["status"], &compile["armed"]), (&json!("ok"), &json!(true)), "{after}: {compile}");
    assert_eq!((&run["stdout"], &run["armed"]), (&json!("fine\n"), &Value::Null), "{after}: {run}");
}

fn signal(name: &str, pid: u32) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

#[test]
fn it_finds_what_the_first_step_made_and_nothing_of_how_it_waited() {
    let shells = shells(RUN);
    for (arm, is_armed) in [("auto", true), ("off", false)] {
        shells.server.until_full();
        let source = "ls -A > seen; echo 'cat seen; ls -A . /tmp /dev/shm; cat; jobs; echo $$ > /dev/null' > made";
        let report =
            shells.server.execute(&json!({"language": "shells", "source": source, "arm": arm, "stdin": "in\n"}));
        let run = &report["run"];
        assert_eq!(run["stdout"], "main.sh\nseen\n.:\nmade\nmain.sh\nseen\n\n/dev/shm:\n\n/tmp:\nin\n", "{report}");
        assert_eq!((&report["compile"]["armed"] == true, &run["armed"] == true), (is_armed, is_armed), "{report}");
    }
    shells.end();
}

#[test]
fn what_the_first_step_leaves_running_ends_with_it_and_the_successor_does_not() {
    let shells = shells(RUN);
    let sources = [
        "sleep 100 & echo 'echo fine' > made",
        "for i in 1 2 3 4 5 6 7 8; do (while :; do :; done) & done; echo 'echo fine' > made",
        "(setsid bash -c 'while :; do sleep 0.01; done' &) ; echo 'echo fine' > made",
    ];
    for source in sources {
        let [compile, run] = shells.run(&format!("{source}; echo 'set -- /proc/[0-9]*; echo $#' >> made"));
        assert_eq!(compile["status"], "ok", "{source}: {compile}");
        // PID 1, the agent and the shell.
        assert_eq!((&run["stdout"], &run["armed"]), (&json!("fine\n3\n"), &json!(true)), "{source}: {run}");
    }
    shells.end();
}

#[test]
fn a_successor_that_the_first_step_kills_or_disturbs_costs_nothing_but_time() {
    let shells = shells(RUN);
    let to_others =
        "for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p != 1 ] && [ $p != $$ ] && kill -SIGNAL $p; done 2>/dev/null";
    for signal in ["KILL", "TERM", "STOP"] {
        let source = format!("echo 'echo fine' > made; {}; true", to_others.replace("SIGNAL", signal));
        let [compile, run] = shells.run(&source);
        assert_eq!(compile["status"], "ok", "{signal}: {compile}");
        // Where the kernel keeps one program's signals from another, it has waited all the same.
        assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("fine\n")), "{signal}: {run}");
    }
    shells.end();
}

/// From outside, which no kernel forbids.
#[test]
fn a_successor_that_was_disturbed_while_it_waited_is_started_late() {
    let shells = shells(RUN);
    for signals in [&["KILL"][..], &["TERM"], &["STOP"], &["STOP", "CONT"]] {
        let pid = shells.waiting();
        for name in signals {
            signal(name, pid);
        }
        let [compile, run] = shells.run("echo 'echo fine' > made");
        assert_started_late(&signals.join(" "), &compile, &run);
    }
    shells.end();
}

/// It finds what was made so far, and runs beside the compiler.
#[test]
fn a_successor_that_goes_on_before_its_time_is_ended_with_the_first_step() {
    let shells = shells(RUN);
    let source =
        "echo 'echo fine; [ -e early ] || { > early; sleep 60; }' > made; until [ -e early ]; do sleep 0.01; done";
    let pid = shells.waiting();
    let [compile, run] = thread::scope(|scope| {
        let asked = scope.spawn(|| shells.run(source));
        until("the compiler runs", || shells.server.processes().iter().any(|name| name.contains("sleep")));
        signal("STOP", pid);
        signal("CONT", pid);
        asked.join().unwrap()
    });
    assert_started_late("", &compile, &run);
    shells.end();
}

#[test]
fn a_first_step_that_fights_to_stay_is_ended_all_the_same() {
    let shells = shells(RUN);
    let sources = [
        "echo 'echo fine' > made; f() { f & f; }; f & sleep 0.2",
        "echo 'echo fine' > made; trap '' TERM HUP INT; (while :; do (sleep 0.001 &); done) & sleep 0.2",
    ];
    for source in sources {
        let [compile, run] = shells.run(source);
        assert_ne!(compile["status"], "sandbox_error", "{source}: {compile}");
        if compile["status"] == "ok" {
            assert_eq!((&run["status"], &run["stdout"]), (&json!("ok"), &json!("fine\n")), "{source}: {run}");
        }
    }
    shells.end();
}

/// Nobody else could bury it, so that it is given up for who is not to wait for that.
#[test]
fn a_successor_whose_own_dead_are_in_the_way_is_started_late() {
    let shells = shells(CARELESS);
    let [compile, run] = shells.run("echo 'echo fine' > made");
    assert_started_late("", &compile, &run);
    shells.server.stop();
}

#[test]
fn what_is_made_is_given_whole_or_read_by_one_that_is_started_late() {
    let shells = shells(RUN);
    for (lines, is_armed) in [(1000, true), (12000, false)] {
        let source =
            format!("for ((n = 0; n < {lines}; n++)); do echo ': line'; done > made; echo 'echo fine' >> made");
        let [compile, run] = shells.run(&source);
        assert_eq!((&compile["status"], &compile["armed"]), (&json!("ok"), &json!(true)), "{compile}");
        assert_eq!((&run["stdout"], run["armed"] == true), (&json!("fine\n"), is_armed), "{run}");
    }
    // And what is not there is missed as ever.
    let [_, run] = shells.run("true");
    assert_eq!(
        (&run["status"], &run["stderr"], &run["armed"]),
        (&json!("runtime_error"), &json!("/usr/bin/bash: made: No such file or directory\n"), &Value::Null),
        "{run}"
    );
    shells.end();
}

#[test]
fn the_cases_of_a_judging_are_run_without_it() {
    let shells = shells(RUN);
    let cases = Vec::from_iter((0..3).map(|n| json!({"stdin": n.to_string(), "expected_output": n.to_string()})));
    let body = json!({"language": "shells", "source": "echo cat > made", "cases": cases});
    let reply = shells.server.post("/v1/judge", body.to_string());
    assert_eq!(reply.body["verdict"], "accepted", "{}", reply.body);
    assert_eq!(reply.body["compile"]["armed"], true, "{}", reply.body);
    for case in reply.body["cases"].as_array().unwrap() {
        assert_eq!(case["run"]["armed"], Value::Null, "{}", reply.body);
    }
    shells.end();
}
