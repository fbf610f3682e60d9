//! `docker.runtime = "auto"`: crun where the engine knows it and it works, its default otherwise. Needs `crun`.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    private_engine::PrivateEngine,
    server::{Arrange, Server, caisson, until},
};

const TOLD: &str = "docker.runtime = \"auto\"";

fn crun() -> String {
    let found = Command::new("sh").args(["-c", "command -v crun"]).output().unwrap();
    assert!(found.status.success(), "crun is needed: .ci/tools.sh crun");
    String::from_utf8(found.stdout).unwrap().trim().to_owned()
}

/// One that the engine knows and that refuses every container.
fn broken(directory: &Path) -> PathBuf {
    let path = directory.join("crun");
    fs::write(&path, "#!/bin/sh\necho 'not on this host' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn engine(path: &str) -> PrivateEngine {
    PrivateEngine::with(&["caisson/bash:latest"], Some(("crun", path)))
}

/// As the engine has it, of every sandbox.
fn runtimes(server: &Server) -> Vec<String> {
    let names = server.docker.sandboxes(&server.owner);
    // One of them may go in the meantime.
    let runtime = |name: &String| server.docker.try_docker(&["inspect", "--format", "{{.HostConfig.Runtime}}", name]);
    names.iter().filter_map(|name| runtime(name).ok()).collect()
}

fn doctor(server: &Server) -> String {
    let settings = [
        "engine=docker".to_owned(),
        format!("docker.host={}", server.docker.0),
        "languages.enabled=[\"bash\"]".to_owned(),
        format!("pool.owner={}-doctor", server.owner),
        format!("pool.uid_base={}", server.uids().end),
    ];
    let output = caisson().arg("doctor").args(settings.iter().flat_map(|setting| ["--set", setting])).output().unwrap();
    let checklist = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{checklist}");
    checklist
}

#[test]
fn crun_is_used_where_it_works_until_the_engine_forgets_it() {
    let arrange = Arrange::new(&[("bash", 2)]);
    let mut engine = engine(&crun());
    let server = arrange.docker(engine.host.clone()).warm();
    let told = server.events(TOLD);
    assert_eq!((told.len(), told[0]["runtime"].as_str()), (1, Some("crun")), "{told:?}");
    assert_eq!(runtimes(&server), ["crun", "crun"], "and nothing is left of the trial");
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    assert!(doctor(&server).contains("runtime crun (docker.runtime = \"auto\": a sandbox of it came up)"));

    server.until_full();
    engine.stop();
    engine.forget_runtime();
    engine.start();
    // Those from before the engine's end may be there for a moment yet.
    until("the shelf is filled by the engine's default", || runtimes(&server) == ["runc", "runc"]);
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    assert_eq!(server.events(TOLD).len(), 2);
    server.until_full();
    server.stop();
}

#[test]
fn crun_is_left_alone_where_it_fails() {
    let arrange = Arrange::new(&[("bash", 2)]);
    let directory = tempfile::tempdir().unwrap();
    let engine = engine(broken(directory.path()).to_str().unwrap());
    let server = arrange.docker(engine.host.clone()).warm();
    let told = server.events(TOLD);
    assert_eq!((told.len(), told[0]["runtime"].as_str()), (1, Some("runc")), "{told:?}");
    assert!(told[0]["reason"].as_str().unwrap().contains("no sandbox comes up"), "{told:?}");
    assert_eq!(runtimes(&server), ["runc", "runc"], "and nothing is left of the trials");
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    assert!(doctor(&server).contains("runtime runc (docker.runtime = \"auto\": the engine's default: with crun"));
    server.until_full();
    server.stop();
}
