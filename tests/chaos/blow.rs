//! What somebody else can do to a sandbox, on either engine.

use std::{fs, process::Command};

use crate::engine::{DockerHost, processes_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    Kill,
    Remove,
    Freeze,
    Thaw,
}

/// From outside, to one of an owner's sandboxes. It may have gone by itself in the meantime.
pub fn strike(engine: &DockerHost, owner: &str, sandbox: &str, blow: Blow) {
    if engine.is_native() {
        let processes = processes_of(owner, sandbox);
        // PID 1 takes the others along.
        let is_struck = |pid: &&String| match blow {
            Blow::Kill | Blow::Remove => is_first(pid),
            Blow::Freeze | Blow::Thaw => true,
        };
        let signal = match blow {
            Blow::Kill | Blow::Remove => "-KILL",
            Blow::Freeze => "-STOP",
            Blow::Thaw => "-CONT",
        };
        for pid in processes.iter().filter(is_struck) {
            let _ = Command::new("kill").args([signal, pid]).output();
        }
        return;
    }
    let command = match blow {
        Blow::Kill => &["kill"][..],
        Blow::Remove => &["rm", "--force"],
        Blow::Freeze => &["pause"],
        Blow::Thaw => &["unpause"],
    };
    let _ = engine.try_docker(&[command, &[sandbox]].concat());
}

/// Whether it is PID 1 where it lives. Its number on the host does not tell: numbers begin anew when they have been used up.
fn is_first(pid: &str) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:"));
    numbers.is_some_and(|numbers| numbers.split_ascii_whitespace().next_back() == Some("1"))
}
