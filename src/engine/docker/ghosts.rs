//! Processes on this host that run under the uids of our sandboxes, in the control group of a container that the daemon
//! knows nothing of: what a daemon forgets that was killed at the wrong moment, or was deceived. A process belongs to
//! somebody else, whatever its uid, for as long as the daemon knows its container.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bollard::query_parameters::InspectContainerOptions;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tracing::{info, warn};

use super::{super::group::OURS, DockerEngine, EngineError, status_of};
use crate::observe::EngineOperation;

/// What is left of one container.
#[derive(Debug, Default)]
struct Ghost {
    pids: Vec<i32>,
    /// Its directories, one for each hierarchy.
    groups: Vec<PathBuf>,
}

/// Control groups that are to go. One in which something is dying still cannot go yet, and no later look at processes leads to it:
/// it is tried again in each round.
#[derive(Debug, Clone, Default)]
pub(super) struct Haunted(Arc<Mutex<BTreeSet<PathBuf>>>);

/// What stands between the daemon and a container; it waits for ever for one that it was deceived about.
const SHIM: &str = "containerd-shim";

/// A container's id as the daemon makes them.
const ID_LENGTH: usize = 64;

impl DockerEngine {
    /// Ends such processes and removes their control groups; returns how many containers they were of.
    pub(super) async fn lay_ghosts(&self, uids: Range<u32>) -> Result<usize, EngineError> {
        if !self.is_local() {
            return Ok(0);
        }
        let (of_uids, haunted) = (uids.clone(), self.haunted.clone());
        let look = move || {
            haunted.clear();
            find(&of_uids)
        };
        let found = tokio::task::spawn_blocking(look).await.unwrap_or_default();
        let mut laid = 0;
        for (container, ghost) in found {
            if self.is_known(&container).await? {
                continue;
            }
            let (of_uids, haunted) = (uids.clone(), self.haunted.clone());
            let name = container.clone();
            let result = tokio::task::spawn_blocking(move || ghost.lay(&name, &of_uids, &haunted)).await;
            match result.map_err(io::Error::other).and_then(|result| result) {
                // It was being removed in the ordinary way, and its processes have gone since they were found.
                Ok(0) => {}
                Ok(processes) => {
                    laid += 1;
                    info!(container, processes, "what a container left that the engine does not know was ended");
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    warn!(container, error, "what a container left that the engine does not know could not be ended");
                }
            }
        }
        Ok(laid)
    }

    async fn is_known(&self, container: &str) -> Result<bool, EngineError> {
        let inspected = self.call(EngineOperation::List, "say whether it knows a container", |docker| {
            docker.inspect_container(container, None::<InspectContainerOptions>)
        });
        match inspected.await {
            Ok(_) => Ok(true),
            Err(error) => match error.source.downcast_ref().and_then(status_of) {
                Some(404) => Ok(false),
                _ => Err(error),
            },
        }
    }
}

/// By container.
fn find(uids: &Range<u32>) -> BTreeMap<String, Ghost> {
    let mut ghosts = BTreeMap::<String, Ghost>::new();
    for pid in pids() {
        if !uids.contains(&uid_of(pid).unwrap_or(u32::MAX)) {
            continue;
        }
        let groups = groups_of(pid);
        let Some(container) = groups.lines().find_map(container_of) else { continue };
        let ghost = ghosts.entry(container.to_owned()).or_default();
        ghost.pids.push(pid);
        if ghost.groups.is_empty() {
            ghost.groups =
                groups.lines().filter(|line| container_of(line) == Some(container)).flat_map(directories).collect();
        }
    }
    ghosts
}

fn pids() -> impl Iterator<Item = i32> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

impl Ghost {
    /// Tells how many processes had to be ended.
    fn lay(self, container: &str, uids: &Range<u32>, haunted: &Haunted) -> io::Result<usize> {
        let Self { pids: own, groups } = self;
        haunted.add(groups);
        let mut ended = 0;
        for pid in own {
            ended += usize::from(end(pid, |pid| {
                let is_of_it = groups_of(pid).lines().any(|line| container_of(line) == Some(container));
                is_of_it && uids.contains(&uid_of(pid).unwrap_or(u32::MAX))
            })?);
        }
        for pid in pids().filter(|pid| is_shim_of(*pid, container)) {
            ended += usize::from(end(pid, |pid| is_shim_of(pid, container))?);
        }
        haunted.clear();
        Ok(ended)
    }
}

impl Haunted {
    fn add(&self, groups: Vec<PathBuf>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(groups);
    }

    fn clear(&self) {
        let is_in_use =
            |group: &PathBuf| fs::remove_dir(group).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(is_in_use);
    }
}

/// Kills the process, if it still is what it was taken for; tells whether it was.
fn end(pid: i32, is_still: impl FnOnce(i32) -> bool) -> io::Result<bool> {
    let Some(known) = Pid::from_raw(pid) else { return Ok(false) };
    // The descriptor first: what is looked at by its number after that is what the descriptor is of, or gone.
    let process = match pidfd_open(known, PidfdFlags::empty()) {
        Err(rustix::io::Errno::SRCH) => return Ok(false),
        opened => opened?,
    };
    if !is_still(pid) {
        return Ok(false);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// `containerd-shim-runc-v2 -namespace moby -id ID ...`
fn is_shim_of(pid: i32, container: &str) -> bool {
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = command.split(|byte| *byte == 0);
    let program = String::from_utf8_lossy(words.next().unwrap_or_default()).into_owned();
    program.rsplit('/').next().is_some_and(|name| name.starts_with(SHIM))
        && words.any(|word| word == container.as_bytes())
}

/// The real uid of a process that lives.
pub(super) fn uid_of(pid: i32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let is_dead = status.lines().any(|line| line.starts_with("State:") && line.contains('Z'));
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).filter(|_| !is_dead)?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

fn groups_of(pid: i32) -> String {
    fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default()
}

/// Of a line `hierarchy:controllers:path`, where the path is that of a container in exactly the place where we or one of the
/// two drivers put it: further down it is an engine's within a container, elsewhere another engine's.
fn container_of(line: &str) -> Option<&str> {
    let path = line.splitn(3, ':').nth(2)?;
    let by_systemd = || path.strip_prefix("/system.slice/docker-").and_then(|rest| rest.strip_suffix(".scope"));
    let ours = || path.strip_prefix('/')?.strip_prefix(OURS)?.strip_prefix('/');
    let id = path.strip_prefix("/docker/").or_else(ours).or_else(by_systemd)?;
    (id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then_some(id)
}

/// Where the group of such a line may lie: by its controllers, or in the one tree of version 2.
fn directories(line: &str) -> Vec<PathBuf> {
    let mut parts = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { return Vec::new() };
    let trees = match controllers {
        "" => vec!["/sys/fs/cgroup".to_owned(), "/sys/fs/cgroup/unified".to_owned()],
        named => vec![format!("/sys/fs/cgroup/{}", named.trim_start_matches("name="))],
    };
    trees
        .into_iter()
        .map(|tree| PathBuf::from(format!("{tree}{path}")))
        .filter(|directory| directory.is_dir())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_told_from_its_control_group() {
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(container_of(&format!("4:memory:/docker/{id}")), Some(id.as_str()));
        assert_eq!(container_of(&format!("4:memory:/caisson/{id}")), Some(id.as_str()));
        assert_eq!(container_of(&format!("0::/system.slice/docker-{id}.scope")), Some(id.as_str()));
        for line in [
            "0::/",
            "0::/user.slice/session-1.scope",
            "4:memory:/docker",
            "4:memory:/docker/0123",
            "4:memory:/caisson/judge/200014",
            "",
            &format!("4:memory:/docker/{id}/docker/{id}"),
            &format!("4:memory:/kubepods/{id}"),
            &format!("0::/user.slice/docker-{id}.scope"),
        ] {
            assert_eq!(container_of(line), None, "{line}");
        }
    }
}
