//! What a sandbox is, as seen from inside it and from the engine.

use std::fs;

use serde_json::{Value, json};

use crate::server::{Arrange, Server, until};

/// Where a program of ours looks around: one line for each thing that it can see.
const LOOK_AROUND: &str = r#"
import os, socket
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status") if ":\t" in line)
for name in ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"):
    print(name, status[name].strip())
print("netns", os.readlink("/proc/self/ns/net"))
print("interfaces", sorted(line.split(":")[0].strip() for line in open("/proc/self/net/dev") if ":" in line))
print("routes", len(open("/proc/self/net/route").readlines()[1:]))
print("environment", dict(os.environ))
print("cwd", os.getcwd())
def attempt(name, act):
    try:
        act()
        print(name, "done")
    except Exception as error:
        print(name, type(error).__name__, getattr(error, "errno", None))
attempt("internet", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt("netlink", lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0))
attempt("root", lambda: open("/usr/bin/new", "w"))
attempt("box", lambda: open("/box/new", "w"))
attempt("agent", lambda: open("/caisson/agent", "ab"))
attempt("pid 1", lambda: os.readlink("/proc/1/exe"))
attempt("signal to pid 1", lambda: os.kill(1, 9))
attempt("setuid", lambda: os.setuid(0))
attempt("unshare", lambda: os.unshare(os.CLONE_NEWUSER))
for path in ("/work/a", "/tmp/a", "/dev/shm/a"):
    attempt(path, lambda: open(path, "w"))
pids = [pid for pid in os.listdir("/proc") if pid.isdigit()]
print("processes", len(pids))
agent = [pid for pid in pids if os.stat("/proc/" + pid).st_uid not in (os.getuid(),) and pid != "1"]
for pid in agent:
    attempt("signal to the agent", lambda: os.kill(int(pid), 9))
    attempt("memory of the agent", lambda: open("/proc/" + pid + "/mem", "rb"))
    attempt("streams of the agent", lambda: os.listdir("/proc/" + pid + "/fd"))
"#;

#[test]
fn a_program_finds_no_network_no_rights_and_nothing_of_ours_within_reach() {
    let server = Arrange::new(&[("python", 1)]).env("OF_THE_SERVER", "secret").warm();
    let output = server.output("python", LOOK_AROUND);
    let seen = |name: &str| {
        let line = output.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("{name} is not in:\n{output}")).to_owned()
    };
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(seen(name), "0000000000000000", "{name}");
    }
    assert_eq!((seen("NoNewPrivs").as_str(), seen("Seccomp").as_str()), ("1", "2"));
    let uid: u32 = seen("Uid").split_whitespace().next().unwrap().parse().unwrap();
    assert!(uid >= 10_000, "uid {uid}");
    // Its own group and no other.
    let groups = seen("Groups");
    assert!(groups.is_empty() || groups == seen("Gid").split_whitespace().next().unwrap(), "groups {groups}");
    assert_ne!(seen("netns"), fs::read_link("/proc/self/ns/net").unwrap().display().to_string());
    assert_eq!(seen("interfaces"), "['lo']");
    assert_eq!(seen("routes"), "0");
    assert_eq!(seen("cwd"), "/work");
    for (what, how) in [
        ("internet", "PermissionError 1"),
        ("netlink", "PermissionError 1"),
        ("root", "OSError 30"),
        ("box", "PermissionError 13"),
        ("agent", "PermissionError 13"),
        ("pid 1", "PermissionError 13"),
        ("setuid", "PermissionError 1"),
        ("unshare", "PermissionError 1"),
        ("signal to the agent", "PermissionError 1"),
        ("memory of the agent", "PermissionError 13"),
        ("streams of the agent", "PermissionError 13"),
        ("/work/a", "done"),
        ("/tmp/a", "done"),
        ("/dev/shm/a", "done"),
    ] {
        assert_eq!(seen(what), how, "{what}");
    }
    let environment = seen("environment");
    for leaked in ["OF_THE_SERVER", "CAISSON", "DOCKER", "CARGO", "SSH"] {
        assert!(!environment.contains(leaked), "{environment}");
    }
    server.nothing_is_left();
    server.stop();
}

/// The runtime brings `lo` up in every new network namespace, asked or not. It leads nowhere, and no socket of the
/// internet families can be made to use it.
#[test]
fn the_network_ends_at_the_loopback_interface() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let addresses =
        "grep -oE '[0-9]+(\\.[0-9]+){3}' /proc/self/net/fib_trie | grep -v '^127\\.' ; ls /proc/self/net/dev_snmp6";
    // Natively it is down, and has not even this.
    assert!(["lo\n", ""].contains(&server.output("bash", addresses).as_str()));
    let connect = server.execute(&json!({"language": "bash", "source": "echo > /dev/tcp/127.0.0.1/80"}));
    assert!(connect["run"]["stderr"].as_str().unwrap().contains("Operation not permitted"), "{connect}");
    server.stop();
}

#[test]
fn the_engine_confirms_what_was_asked_for() {
    let server = Arrange::new(&[("python", 2)]).warm();
    let names = server.docker.sandboxes(&server.owner);
    let inspected: Vec<Value> = names.iter().map(|name| server.docker.inspect(name)).collect();
    for container in &inspected {
        let host = &container["HostConfig"];
        assert_eq!(container["Config"]["NetworkDisabled"], true);
        assert_eq!(host["CapDrop"], json!(["ALL"]));
        assert_eq!(host["CapAdd"], Value::Null);
        assert_eq!(host["ReadonlyRootfs"], true);
        assert_eq!(host["Privileged"], false);
        assert_eq!(host["IpcMode"], "none");
        assert_eq!(host["LogConfig"]["Type"], "none");
        assert_eq!(host["Binds"], Value::Null);
        assert_eq!(container["Mounts"], json!([]));
        assert_eq!(host["Memory"], host["MemorySwap"]);
        assert!(host["Memory"].as_i64().unwrap() > 0 && host["PidsLimit"].as_i64().unwrap() > 0);
        assert!(host["NanoCpus"].as_i64().unwrap() > 0);
        let options = host["SecurityOpt"].to_string();
        assert!(options.contains("no-new-privileges") && options.contains("SCMP_ACT_ERRNO"));
        assert_eq!(container["Config"]["Labels"]["caisson.owner"], server.owner.as_str());
        assert!(!container["Config"]["Labels"]["caisson.boot"].as_str().unwrap().is_empty());
    }
    let users: Vec<_> = inspected.iter().map(|container| container["Config"]["User"].to_string()).collect();
    assert_ne!(users[0], users[1]);
    server.stop();
}

#[test]
fn sources_cannot_be_changed_and_what_is_changed_beside_them_does_not_outlive_the_compile() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let source = "echo changed > main.sh || exit 1; ln -s /etc/passwd link; cat /box/main.sh | wc -l; id -u";
    let answer =
        server.execute(&json!({"language": "bash", "source": source, "artifacts": ["link", "main.sh", "none"]}));
    assert_eq!(answer["status"], "ok", "{answer}");
    // The working copy is the program's own; the original is not.
    assert!(answer["run"]["stdout"].as_str().unwrap().starts_with("0\n"), "{answer}");
    let artifacts = answer["artifacts"].as_array().unwrap();
    assert!(artifacts[0]["error"].is_string() && artifacts[2]["error"].is_string(), "{answer}");
    assert_eq!(artifacts[1]["size_bytes"], 8);
    server.stop();
}

#[test]
fn no_daemon_is_on_the_way_between_a_job_and_its_answer() {
    let server = Arrange::new(&[("python", 2)]).warm();
    assert_eq!(server.agents_over_sockets(), 2);
    assert_eq!(server.output("python", "print(6 * 7)"), "42\n");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn two_requests_never_share_a_sandbox() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let mark =
        |server: &Server| server.output("bash", "ls -A /tmp /work /dev/shm; touch /tmp/mark /dev/shm/mark; id -u");
    let (first, second) = (mark(&server), mark(&server));
    assert!(!first.contains("mark") && !second.contains("mark"), "{first}{second}");
    assert_ne!(first, second, "the uid of a sandbox rests before it is used again");
    server.stop();
}

#[test]
fn a_service_whose_sandboxes_promise_too_much_serves_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let profile = directory.path().join("open.json");
    fs::write(&profile, r#"{"defaultAction": "SCMP_ACT_ALLOW"}"#).unwrap();
    let profile = format!("docker.seccomp_profile={}", profile.display());
    let server = Arrange::new(&[("bash", 1)]).set(profile.clone()).start();
    let told = "a sandbox did not come up";
    until("the first sandbox is refused", || !server.events(told).is_empty());
    let error = server.events(told)[0]["error"].as_str().unwrap().to_owned();
    assert!(
        error.contains("a promise of isolation does not hold") && error.contains("sockets: socket inet"),
        "{error}"
    );
    assert_eq!(server.get("/readyz").status, 503);
    let refused = server.post("/v1/execute", json!({"language": "bash", "source": "echo hello"}).to_string());
    assert_eq!((refused.status, &refused.body["code"]), (503, &json!("engine_unavailable")), "{}", refused.body);
    assert!(server.metric("caisson_boots_failed_total{kind=\"promise\",language=\"bash\"}") >= 1.0);

    let doctor = server
        .doctor()
        .args(["--set", "languages.enabled=[\"bash\"]", "--set", &profile])
        .args([
            "--set",
            &format!("pool.owner={}-doctor", server.owner),
            "--set",
            &format!("pool.uid_base={}", server.uids().end),
        ])
        .output()
        .unwrap();
    let checklist = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert_eq!(doctor.status.code(), Some(1), "{checklist}");
    assert!(checklist.contains("WRONG promise sockets") && checklist.contains("remedy:"), "{checklist}");
    server.stop();
}

#[test]
fn the_doctor_goes_through_every_promise() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let uids = format!("pool.uid_base={}", server.uids().end);
    let owner = format!("pool.owner={}-doctor", server.owner);
    let doctor = server.doctor().args(["--set", &uids, "--set", &owner]).output().unwrap();
    let checklist = String::from_utf8_lossy(&doctor.stdout).into_owned();
    for promise in [
        "user",
        "capabilities",
        "no new privileges",
        "system call filters",
        "network",
        "sockets",
        "system calls",
        "masked paths",
        "writable paths",
        "core dumps",
        "descriptors",
    ] {
        assert!(checklist.contains(&format!("ok    promise {promise} ")), "{promise}: {checklist}");
    }
    // A second wall, which an old kernel may not have.
    assert!(checklist.contains("promise landlock"), "{checklist}");
    assert_eq!(doctor.status.code(), Some(0), "{checklist}");
    server.stop();
}
