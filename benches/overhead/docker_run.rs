//! `docker run --rm` with the same promises: what most services that run code do for each request.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use crate::server::root;

/// Milliseconds, from the start of the client to its end. `files` is a directory with what the program needs, mounted to be
/// read.
pub fn time(image: &str, files: &Path, command: &[&str]) -> f64 {
    let since = Instant::now();
    let status = Command::new("docker")
        .args(["run", "--rm", "--network", "none", "--cap-drop", "ALL", "--read-only", "--ipc", "none"])
        .args(["--security-opt", "no-new-privileges"])
        .arg("--security-opt")
        .arg(format!("seccomp={}", root().join("config/seccomp.json").display()))
        .args(["--memory", "512m", "--memory-swap", "512m", "--pids-limit", "64", "--cpus", "1"])
        .args(["--log-driver", "none", "--user", "200000:200000"])
        .args(["--tmpfs", "/work:exec,size=128m,uid=200000,gid=200000"])
        .args(["--tmpfs", "/tmp:exec,size=128m,uid=200000,gid=200000", "--workdir", "/work"])
        .arg("--volume")
        .arg(format!("{}:/box:ro", files.display()))
        .arg(format!("caisson/{image}:latest"))
        .args(command)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "docker run {image} {command:?}: {status}");
    since.elapsed().as_secs_f64() * 1e3
}
