//! What somebody else can do to a sandbox, on either engine.

use std::process::Command;

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
        let struck = match blow {
            // PID 1 came first, and takes the others along.
            Blow::Kill | Blow::Remove => &processes[..processes.len().min(1)],
            Blow::Freeze | Blow::Thaw => &processes[..],
        };
        let signal = match blow {
            Blow::Kill | Blow::Remove => "-KILL",
            Blow::Freeze => "-STOP",
            Blow::Thaw => "-CONT",
        };
        for pid in struck {
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
