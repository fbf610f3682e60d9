//! The Docker engine as the suites see it from outside: by its own client, never through the code under test.

use std::{
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

/// One engine, by the address that clients are given.
#[derive(Debug, Clone)]
pub struct DockerHost(pub String);

/// One test at a time: each looks at what is left on the host, and the machine has few processors.
static TURN: Mutex<()> = Mutex::new(());

pub fn turn() -> MutexGuard<'static, ()> {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The address of the engine that all tests use, unless they say otherwise.
pub fn docker_host() -> String {
    std::env::var("DOCKER_HOST").unwrap_or_else(|_| "unix:///var/run/docker.sock".to_owned())
}

impl DockerHost {
    /// The host's own engine, or the one that the docker client is told to use. Without it, and without the images, there is
    /// nothing to test.
    pub fn usual() -> Self {
        let host = Self(docker_host());
        let images = host.try_docker(&["image", "ls", "--quiet", "--filter", "label=caisson.inputs", "caisson/*"]);
        assert!(
            images.is_ok_and(|images| !images.is_empty()),
            "this suite needs a running Docker engine that holds the images of the languages: run `make images` first"
        );
        host
    }

    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|said| panic!("docker {arguments:?}: {said}"))
    }

    pub fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let output = Command::new("docker").env("DOCKER_HOST", &self.0).args(arguments).output();
        let output = output.map_err(|error| error.to_string())?;
        let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }

    /// The names of an owner's sandboxes, whatever their state.
    pub fn sandboxes(&self, owner: &str) -> Vec<String> {
        let filter = format!("label=caisson.owner={owner}");
        let names = self.docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]);
        names.lines().map(str::to_owned).collect()
    }

    pub fn inspect(&self, name: &str) -> Value {
        let all: Value = serde_json::from_str(&self.docker(&["inspect", name])).unwrap();
        all[0].clone()
    }
}
