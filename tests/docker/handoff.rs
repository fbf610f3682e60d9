//! `docker.handoff = "attach"`: the container's first process becomes PID 1 and the agent, and nothing else differs.

use std::{collections::BTreeMap, fs};

use serde_json::json;

use crate::{
    memory::over_tcp,
    server::{Arrange, until},
};

fn attached(languages: &[(&'static str, usize)]) -> Arrange {
    Arrange::new(languages).set("docker.handoff=attach")
}

/// Of a process: names and values in `/proc/<pid>/status`.
fn status(pid: u32) -> BTreeMap<String, String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.split_ascii_whitespace().collect::<Vec<_>>().join(" "))).collect()
}

#[test]
fn both_processes_of_a_ready_sandbox_have_given_up_everything() {
    // Its shelf has no program that waits armed.
    let server = attached(&[("binary", 1)]).warm();
    let uids = server.uids();
    let pids = server.pids();
    assert_eq!(pids.len(), 2, "{pids:?}");
    let mut users = Vec::new();
    for status in pids.into_iter().map(status) {
        let uid: u32 = status["Uid"].split(' ').next().unwrap().parse().unwrap();
        assert!(uids.contains(&uid), "{status:?}");
        for ids in ["Uid", "Gid"] {
            assert_eq!(status[ids], [uid.to_string(), uid.to_string(), uid.to_string(), uid.to_string()].join(" "));
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(u64::from_str_radix(&status[set], 16), Ok(0), "{set}: {status:?}");
        }
        assert_eq!((&*status["Groups"], &*status["NoNewPrivs"], &*status["Seccomp"]), ("", "1", "2"));
        users.push(uid);
    }
    users.sort_unstable();
    assert_eq!(users[0] + 1, users[1]);
    assert_eq!(server.agents_over_sockets(), 1);
    server.stop();
}

#[test]
fn jobs_and_judgings_run_as_ever() {
    let server = attached(&[("python", 2), ("c", 2)]).warm();
    assert_eq!(server.output("python", "import os; print(os.getpid() > 1, os.getppid())"), "True 1\n");
    let source = "#include <stdio.h>\nint main(void) { int n; scanf(\"%d\", &n); printf(\"%d\\n\", n * n); return 0; }";
    let cases = json!([{"stdin": "4", "expected_output": "16"}, {"stdin": "5", "expected_output": "24"}]);
    let judged = server.post("/v1/judge", json!({"language": "c", "source": source, "cases": cases}).to_string()).body;
    assert_eq!(judged["verdict"], "wrong_answer", "{judged}");
    assert_eq!(judged["cases"][0]["verdict"], "accepted", "{judged}");
    let loud = server.execute(&json!({"language": "python", "source": "print('x' * 3_000_000)"}));
    assert_eq!(loud["run"]["stdout_truncated"], true);
    server.nothing_is_left();
    server.stop();
}

#[test]
fn the_job_reaches_neither_of_the_two() {
    let server = attached(&[("python", 2)]).warm();
    let source = "import os, signal\nfor pid in [int(p) for p in os.listdir('/proc') if p.isdigit()]:\n    if pid == os.getpid(): continue\n    try:\n        os.kill(pid, signal.SIGKILL)\n        print('killed', pid)\n    except PermissionError: pass\n    for name in ['mem', 'environ']:\n        try:\n            open(f'/proc/{pid}/{name}', 'rb').read(1)\n            print('read', pid, name)\n        except OSError: pass\nprint('done')";
    assert_eq!(server.output("python", source), "done\n");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn sandboxes_leave_by_themselves_when_the_service_is_gone() {
    let server = attached(&[("binary", 2)]).warm();
    let pids = server.pids();
    assert_eq!(pids.len(), 4, "{pids:?}");
    let (docker, owner) = (server.docker.clone(), server.owner.clone());
    server.kill();
    until("both have left", || pids.iter().all(|pid| !fs::exists(format!("/proc/{pid}")).unwrap()));
    let again = attached(&[("binary", 2)]).docker(docker).owner(&owner).warm();
    again.nothing_is_left();
    again.stop();
}

/// By the container's own streams alone.
#[test]
fn it_does_so_for_an_engine_that_is_elsewhere() {
    let server = attached(&[("python", 1)]).docker(over_tcp()).warm();
    assert_eq!(server.agents_over_sockets(), 0);
    let request = json!({"language": "python", "source": "print(len(input()))", "stdin": "x".repeat(1 << 20)});
    assert_eq!(server.execute(&request)["run"]["stdout"], "1048576\n");
    server.nothing_is_left();
    server.stop();
}
