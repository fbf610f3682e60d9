//! What goes wrong between the service and its clients, and what an engine forgets. What goes wrong around the service
//! otherwise is in `tests/chaos`.

use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::json;

use crate::server::{Arrange, until};

fn sleeper(seconds: u32) -> String {
    json!({"language": "bash", "source": format!("echo begun; sleep {seconds}; echo over"), "limits": {"wall_time_ms": 60000}})
        .to_string()
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

/// A process under this uid in the control groups that a container with this id would have; it holds so much that it takes
/// a while to die.
struct Haunting {
    child: std::process::Child,
    groups: Vec<PathBuf>,
}

impl Haunting {
    fn begin(uid: u32, container: &str) -> Self {
        let trees = ["memory", "pids", ""].map(|tree| Path::new("/sys/fs/cgroup").join(tree));
        let place =
            |tree: &PathBuf| ["caisson", "docker"].map(|place| tree.join(place)).into_iter().find(|at| at.is_dir());
        let groups: Vec<_> = trees.iter().filter_map(place).map(|place| place.join(container)).collect();
        assert!(!groups.is_empty(), "no control group of Docker's");
        let child = Command::new("setpriv")
            .args(["--reuid", &uid.to_string(), "--regid", &uid.to_string(), "--clear-groups", "perl", "-e"])
            .arg("$held = 'x' x 500_000_000; syswrite STDOUT, 'h'; sleep 1000")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut haunting = Self { child, groups };
        haunting.child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        for group in &haunting.groups {
            fs::create_dir(group).unwrap();
            fs::write(group.join("cgroup.procs"), haunting.child.id().to_string()).unwrap();
        }
        haunting
    }

    fn is_over(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

impl Drop for Haunting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        for group in &self.groups {
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
        "--rm",
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
    server.nothing_is_left();
    server.stop();
}
