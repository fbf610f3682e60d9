//! What goes wrong around the service: engines that stop, sandboxes that are killed, clients that leave.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs,
    io::Write,
    net::TcpStream,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    engine::DockerHost,
    private_engine::PrivateEngine,
    server::{Arrange, Reply, Server, until},
};

/// A service that was killed must be cleaned up after within this, by the one that follows.
const ORPHANS_GONE: Duration = Duration::from_secs(10);

fn sleeper(seconds: u32) -> String {
    json!({"language": "bash", "source": format!("echo begun; sleep {seconds}; echo over"), "limits": {"wall_time_ms": 60000}})
        .to_string()
}

fn claimed(server: &Server) -> u64 {
    let status = server.status();
    status["pools"].as_array().unwrap().iter().map(|pool| pool["claimed"].as_u64().unwrap()).sum()
}

fn kill(docker: &DockerHost, name: &str) {
    // It may have gone by itself in the meantime.
    let _ = docker.try_docker(&["kill", name]);
}

#[test]
fn a_sandbox_killed_while_it_waits_is_replaced_before_anybody_notices() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    let before = server.docker.sandboxes(&server.owner);
    before.iter().for_each(|name| kill(&server.docker, name));
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    server.nothing_is_left();
    assert!(server.docker.sandboxes(&server.owner).iter().all(|name| !before.contains(name)));
    server.stop();
}

#[test]
fn a_sandbox_killed_while_it_runs_is_a_sandbox_error() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| server.post("/v1/execute", sleeper(50)));
        until("the job runs", || claimed(&server) == 1);
        until("the program has begun", || server.processes().iter().any(|name| name.contains("sleep")));
        server.docker.sandboxes(&server.owner).iter().for_each(|name| kill(&server.docker, name));
        asked.join().unwrap()
    });
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("sandbox_error")), "{}", answer.body);
    assert_eq!(server.metric("caisson_jobs_total{language=\"bash\",outcome=\"sandbox_error\"}"), 1.0);
    server.nothing_is_left();
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    server.stop();
}

#[test]
fn a_client_that_hangs_up_ends_its_job() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let body = sleeper(50);
    let mut stream = TcpStream::connect(server.url.trim_start_matches("http://")).unwrap();
    write!(stream, "POST /v1/execute HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
    until("the program has begun", || server.processes().iter().any(|name| name.contains("sleep")));
    drop(stream);
    until("the job is counted as abandoned", || {
        server.metric("caisson_jobs_total{language=\"bash\",outcome=\"abandoned\"}") == 1.0
    });
    server.nothing_is_left();
    server.stop();
}

#[test]
fn what_a_killed_service_left_is_gone_soon_after_its_restart_and_nobody_elses() {
    let other = Arrange::new(&[("bash", 1)]).warm();
    let killed = Arrange::beside(&[("bash", 2)]).warm();
    let (owner, docker) = (killed.owner.clone(), killed.docker.clone());
    let orphans = docker.sandboxes(&owner);
    let others = docker.sandboxes(&other.owner);
    assert_eq!((orphans.len(), others.len()), (2, 1));
    killed.kill();
    let since = Instant::now();
    let restarted = Arrange::beside(&[("bash", 2)]).owner(&owner).start();
    until("the orphans are gone", || docker.sandboxes(&owner).iter().all(|name| !orphans.contains(name)));
    assert!(since.elapsed() <= ORPHANS_GONE, "took {:?}", since.elapsed());
    assert_eq!(restarted.metric("caisson_orphans_reaped_total"), 2.0);
    assert_eq!(docker.sandboxes(&other.owner), others);
    restarted.nothing_is_left();
    restarted.stop();
    other.nothing_is_left();
    other.stop();
}

#[test]
fn an_engine_that_stops_in_mid_load_is_a_clear_answer_and_its_return_is_enough() {
    let server = Arrange::new(&[("bash", 2)]);
    let networks = host_networks();
    let mut engine = PrivateEngine::with(&["caisson/bash:latest"], None);
    let server = server.docker(engine.host.clone()).warm();
    let over = AtomicBool::new(false);
    let request = json!({"language": "bash", "source": "echo hello", "deadline_ms": 5000}).to_string();
    let replies: Vec<Reply> = thread::scope(|scope| {
        let client = || {
            let mut replies = Vec::new();
            while !over.load(Ordering::Relaxed) {
                replies.push(server.post("/v1/execute", request.clone()));
            }
            replies
        };
        let clients = [scope.spawn(client), scope.spawn(client), scope.spawn(client)];
        until("jobs are answered", || finished(&server, "ok") > 5.0);
        engine.stop();
        until("clients are told", || server.metric("caisson_jobs_rejected_total{reason=\"engine_unavailable\"}") > 0.0);
        assert_eq!(server.get("/healthz").status, 200);
        until("the service is not ready", || server.get("/readyz").status == 503);
        engine.start();
        let healed = finished(&server, "ok");
        until("jobs are answered again", || finished(&server, "ok") > healed + 5.0);
        over.store(true, Ordering::Relaxed);
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    for reply in &replies {
        check_in_trouble(reply);
    }
    server.nothing_is_left();
    assert_eq!(server.get("/readyz").status, 200);
    assert!(server.metric("caisson_engine_errors_total{kind=\"unreachable\",operation=\"create\"}") > 0.0);
    server.stop();
    drop(engine);
    assert_eq!(host_networks(), networks, "the private engine has changed the host");
}

fn host_networks() -> BTreeSet<OsString> {
    fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

fn finished(server: &Server, outcome: &str) -> f64 {
    server.metric(&format!("caisson_jobs_total{{language=\"bash\",outcome=\"{outcome}\"}}"))
}

/// A result, a lost sandbox, or a refusal that says when to come back: nothing else.
fn check_in_trouble(reply: &Reply) {
    let Reply { status, headers, body } = reply;
    let code = body["code"].as_str().unwrap_or_default();
    match status {
        200 => assert!(["ok", "sandbox_error"].contains(&body["status"].as_str().unwrap()), "{body}"),
        503 => {
            assert!(["engine_unavailable", "saturated"].contains(&code), "{body}");
            assert!(headers.contains_key("retry-after"));
            assert_eq!(body.get("errors"), None::<&Value>);
        }
        other => panic!("{other}: {body}"),
    }
}

#[test]
fn a_service_whose_engine_is_not_there_yet_starts_and_says_so() {
    let server = Arrange::new(&[("bash", 1)])
        .set("server.drain_patience_ms=1000")
        .docker(DockerHost("unix:///nowhere/docker.sock".to_owned()))
        .start();
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 503);
    until("who asks is told", || {
        let reply =
            server.post("/v1/execute", json!({"language": "bash", "source": "", "deadline_ms": 2000}).to_string());
        check_in_trouble(&reply);
        reply.body["code"] == "engine_unavailable"
    });
    // It cannot know whether the engine made a sandbox or not, and does not wait for ever to find out.
    server.signal("TERM");
    let (status, said) = server.failed();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("the engine does not remove the last sandboxes"), "{said}");
}

/// A process under this uid in the control groups that a container with this id would have.
struct Haunting {
    child: std::process::Child,
    groups: Vec<PathBuf>,
}

impl Haunting {
    fn begin(uid: u32, container: &str) -> Self {
        let trees = ["/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/pids/docker", "/sys/fs/cgroup/docker"];
        let groups: Vec<_> =
            trees.iter().map(Path::new).filter(|tree| tree.is_dir()).map(|tree| tree.join(container)).collect();
        assert!(!groups.is_empty(), "no control group of Docker's");
        let child = Command::new("setpriv")
            .args(["--reuid", &uid.to_string(), "--regid", &uid.to_string(), "--clear-groups", "sleep", "1000"])
            .spawn()
            .unwrap();
        for group in &groups {
            fs::create_dir(group).unwrap();
            fs::write(group.join("cgroup.procs"), child.id().to_string()).unwrap();
        }
        Self { child, groups }
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn clear_away(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        for group in self.groups.iter().filter(|group| group.exists()) {
            let _ = fs::remove_dir(group);
        }
    }
}

#[test]
fn what_the_engine_has_forgotten_is_ended_and_what_it_knows_is_not() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    // The last pair of the service's uids: none of its sandboxes has it.
    let uid = server.uids().end - 1;
    let docker = &server.docker;
    let stranger = docker.docker(&[
        "run",
        "--detach",
        "--user",
        &uid.to_string(),
        "--network",
        "none",
        "caisson/bash:latest",
        "/bin/sleep",
        "1000",
    ]);
    let mut ghost = Haunting::begin(uid, &"f00d".repeat(16));
    until("the ghost is ended", || ghost.is_over());
    until("its control groups are gone", || ghost.groups.iter().all(|group| !group.exists()));
    // Another round, and the container that the engine knows is still there.
    thread::sleep(Duration::from_secs(6));
    assert_eq!(docker.docker(&["inspect", "--format", "{{.State.Running}}", &stranger]), "true");
    docker.docker(&["rm", "--force", &stranger]);
    ghost.clear_away();
    server.nothing_is_left();
    server.stop();
}
