//! What a service and its sandboxes have on the host: what must be gone, and what must not grow.

use std::{fs, path::Path};

use crate::{planted::Planted, server::Server};

/// By which all that belongs to the sandboxes of one moment is recognised: ids, and where their files are mounted.
pub struct Traces(Vec<String>);

const TRACES_OF_EACH: u64 = 2;

impl Traces {
    pub fn now(server: &Server) -> Self {
        if server.docker.is_native() {
            // A sandbox leaves no name: its mounts are in no namespace of the host's, and its groups are the next one's.
            return Self(Vec::new());
        }
        let mut arguments = vec!["inspect", "--format", "{{.Id}} {{.GraphDriver.Data.MergedDir}}"];
        let names = server.docker.sandboxes(&server.owner);
        arguments.extend(names.iter().map(String::as_str));
        // One that is gone in the meantime is an error, and the others are told all the same; so is having none.
        let told = server.docker.try_docker(&arguments).unwrap_or_default();
        Self(told.split_whitespace().map(str::to_owned).collect())
    }

    /// The traces of now, if nothing is on the host of sandboxes that are gone, and nothing else that should not be there.
    pub fn gone(&self, server: &Server, planted: &Planted) -> Result<Self, Vec<String>> {
        let status = server.status();
        let pools = status["pools"].as_array().map(Vec::as_slice).unwrap_or_default();
        let number = |pool: &serde_json::Value, key: &str| pool[key].as_u64().unwrap_or_default();
        let wanted: u64 = pools.iter().map(|pool| number(pool, "target")).sum();
        let is_full = |pool| number(pool, "ready") == number(pool, "target") && number(pool, "claimed") == 0;
        if !pools.iter().all(is_full) {
            return Err(vec![format!("the shelves are not full: {pools:?}")]);
        }
        let now = Self::now(server);
        let mut left = Vec::new();
        let sandboxes = server.docker.sandboxes(&server.owner);
        if sandboxes.len() as u64 != wanted {
            left.push(format!("not the {wanted} sandboxes of the shelves, but {sandboxes:?}"));
        }
        if !server.docker.is_native() && now.0.len() as u64 != TRACES_OF_EACH * wanted {
            left.push(format!("not the traces of {wanted} containers, but {:?}", now.0));
        }
        let processes = server.processes();
        if processes.len() != server.idle_processes() {
            left.push(format!("{} processes under the sandboxes' uids: {processes:?}", processes.len()));
        }
        let gone: Vec<_> = self.0.iter().filter(|trace| !now.0.contains(trace)).collect();
        let is_of_gone = |text: &str| gone.iter().any(|trace| text.contains(trace.as_str()));
        let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
        left.extend(mounts.lines().filter(|mount| is_of_gone(mount)).map(|mount| format!("the mount {mount}")));
        let mut groups = Vec::new();
        control_groups(Path::new("/sys/fs/cgroup"), 5, &mut groups);
        left.extend(groups.into_iter().filter(|group| is_of_gone(group)).map(|group| format!("the group {group}")));
        let commands = commands().into_iter().filter(|command| is_of_gone(command));
        left.extend(commands.map(|command| format!("the process {command}")));
        left.extend(planted.marks_on_the_host().into_iter().map(|path| format!("the file {path}")));
        if left.is_empty() { Ok(now) } else { Err(left) }
    }
}

fn control_groups(below: &Path, depth: usize, found: &mut Vec<String>) {
    let entries = fs::read_dir(below).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
        found.push(entry.path().display().to_string());
        if depth > 1 {
            control_groups(&entry.path(), depth - 1, found);
        }
    }
}

/// What all processes were started as: the runtime's own bear the ids of their containers.
fn commands() -> Vec<String> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    let lines = all.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).collect()
}

/// What the service's own process holds.
pub struct Holdings {
    memory_kib: u64,
    descriptors: usize,
}

/// An answer of some megabytes leaves the allocator with that much; a leak of what programs write would be far more.
const MORE_MEMORY_KIB: u64 = 96 << 10;
/// The native engine keeps one for each sandbox of the budget, which is 24.
const MORE_DESCRIPTORS: usize = 16 + 24;

impl Holdings {
    pub fn of(server: &Server) -> Self {
        let process = Path::new("/proc").join(server.pid().to_string());
        let status = fs::read_to_string(process.join("status")).unwrap();
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        Self { memory_kib: memory.unwrap(), descriptors: fs::read_dir(process.join("fd")).unwrap().count() }
    }

    /// What is too much, compared with before.
    pub fn excess(&self, before: &Self) -> Vec<String> {
        let mut excess = Vec::new();
        if self.memory_kib > before.memory_kib + MORE_MEMORY_KIB {
            excess.push(format!("the service had {} KiB before and has {}", before.memory_kib, self.memory_kib));
        }
        if self.descriptors > before.descriptors + MORE_DESCRIPTORS {
            let (before, after) = (before.descriptors, self.descriptors);
            excess.push(format!("the service had {before} descriptors before and has {after}"));
        }
        excess
    }
}
