//! Which sandboxes are through with their boot.

use std::{fs, os::unix::fs::MetadataExt, thread, time::Duration};

use crate::server::Server;

pub struct Settled {
    /// Its agent's process on this host.
    pub agent: u32,
    pub container: String,
}

/// An engine names a container, and its control group, by so many hexadecimal digits.
const ID_LENGTH: usize = 64;

/// How old their agents are at least. An engine that is told to freeze a container while it brings a program in never
/// answers for that container again (Docker 20.10 on control groups of version 1): the program is frozen half-way, and the
/// engine waits for it with the container locked. Whoever does that needs other help than ours.
const AGE: Duration = Duration::from_secs(1);

pub fn settled(server: &Server) -> Vec<Settled> {
    let before = agents(server);
    thread::sleep(AGE);
    let both = agents(server).into_iter().filter(|pid| before.contains(pid));
    both.filter_map(|agent| Some(Settled { agent, container: container_of(agent)? })).collect()
}

fn agents(server: &Server) -> Vec<u32> {
    server.pids().into_iter().filter(|pid| is_agent(*pid)).collect()
}

pub fn is_agent(pid: u32) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    // Natively it is a copy of its nursery, with the odd one of the two uids.
    let is_odd = || fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| found.uid() % 2 == 1);
    line.starts_with(b"/caisson/agent\0serve") || (line.split(|byte| *byte == 0).nth(1) == Some(b"nursery") && is_odd())
}

/// In whose control group a process is; none where it has ended.
pub fn container_of(pid: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups.lines().find_map(container).map(str::to_owned)
}

/// The last part of a control group's path, if it is a container's id.
fn container(line: &str) -> Option<&str> {
    if let Some((_owner, slot)) = line.split_once(":/caisson/").and_then(|(_, behind)| behind.split_once('/')) {
        // The native engine's.
        return Some(slot);
    }
    let name = line.rsplit(['/', '-']).next()?.trim_end_matches(".scope");
    (name.len() == ID_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(name)
}

#[test]
fn a_container_is_told_from_its_control_group() {
    let id = "0123456789abcdef".repeat(4);
    assert_eq!(container(&format!("4:memory:/docker/{id}")), Some(id.as_str()));
    assert_eq!(container(&format!("4:memory:/caisson/{id}")), Some(id.as_str()));
    assert_eq!(container(&format!("0::/system.slice/docker-{id}.scope")), Some(id.as_str()));
    assert_eq!(container("8:pids:/caisson/test-7/200014"), Some("200014"));
    assert_eq!(container("0::/user.slice/session-1.scope"), None);
}
