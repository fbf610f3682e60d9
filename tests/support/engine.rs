//! The engines as the suites see them from outside: Docker by its own client, the native one by what the kernel shows of it,
//! and neither through the code under test.
//!
//! With `CAISSON_TEST_ENGINE=native` a suite asks the native engine for the same promises.

use std::{
    fs,
    path::PathBuf,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;

/// One engine, by the address that clients are given.
#[derive(Debug, Clone)]
pub struct DockerHost(pub String);

/// In place of an address.
const NATIVE: &str = "native";

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
    /// The engine that the images were built in: the host's own, unless DOCKER_HOST names another. Without it, and without the
    /// images, there is nothing to test.
    pub fn usual() -> Self {
        match std::env::var("CAISSON_TEST_ENGINE").as_deref() {
            Ok(NATIVE) => return Self::native(),
            Ok("docker") | Err(_) => {}
            Ok(other) => panic!("CAISSON_TEST_ENGINE is `{other}`, neither docker nor native"),
        }
        let host = Self(docker_host());
        let images = host.try_docker(&["image", "ls", "--quiet", "--filter", "label=caisson.inputs", "caisson/*"]);
        assert!(
            images.is_ok_and(|images| !images.is_empty()),
            "this suite needs a running Docker engine that holds the images of the languages: run `make images` first"
        );
        host
    }

    /// The kernel alone, whatever the environment says. Without the images' roots there is nothing to test.
    pub fn native() -> Self {
        let roots = Self::roots();
        assert!(
            roots.join("caisson").is_dir(),
            "this suite needs the images' roots in {}: run `make roots` first",
            roots.display()
        );
        Self(NATIVE.to_owned())
    }

    /// What a server is told, so that it uses this one.
    pub fn flags(&self) -> [String; 2] {
        if self.is_native() {
            ["engine=native".to_owned(), format!("native.roots={}", Self::roots().display())]
        } else {
            ["engine=docker".to_owned(), format!("docker.host={}", self.0)]
        }
    }

    pub fn is_native(&self) -> bool {
        self.0 == NATIVE
    }

    pub fn roots() -> PathBuf {
        let by_default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/roots"));
        std::env::var_os("CAISSON_ROOTS").map_or_else(by_default, PathBuf::from)
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
        if self.is_native() {
            return occupied_groups(owner);
        }
        let filter = format!("label=caisson.owner={owner}");
        let names = self.docker(&["ps", "--all", "--filter", &filter, "--format", "{{.Names}}"]);
        names.lines().map(str::to_owned).collect()
    }

    pub fn inspect(&self, name: &str) -> Value {
        let all: Value = serde_json::from_str(&self.docker(&["inspect", name])).unwrap();
        all[0].clone()
    }
}

/// Control groups of an owner in which something runs.
fn occupied_groups(owner: &str) -> Vec<String> {
    let groups = trees(owner).into_iter().filter_map(|tree| fs::read_dir(tree).ok()).flatten().flatten();
    let names = groups.map(|group| group.file_name().to_string_lossy().into_owned());
    names.filter(|name| !processes_of(owner, name).is_empty()).collect()
}

/// By number.
pub fn processes_of(owner: &str, group: &str) -> Vec<String> {
    let files = trees(owner).map(|tree| tree.join(group).join("cgroup.procs"));
    let text = files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
    let mut processes = Vec::from_iter(text.lines().filter_map(|line| line.parse::<u32>().ok()));
    processes.sort_unstable();
    processes.iter().map(u32::to_string).collect()
}

fn trees(owner: &str) -> [PathBuf; 2] {
    ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(|tree| PathBuf::from(tree).join("caisson").join(owner))
}
