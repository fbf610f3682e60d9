//! Programs before the engine's own work. A boot or a removal keeps the daemon and its helpers busy, each of which counts
//! for as much as a program; where Docker's cgroupfs driver puts containers, all of them together count for no more than one
//! process outside. So a program would wait for its turn again and again, and be judged by it.
//!
//! Under the systemd driver the weight of each container does it, since the daemon is its neighbour there. Under the other
//! they get a place of their own beside the daemon's processes.

use std::{
    fs, io,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread::available_parallelism,
};

use bollard::models::{SystemInfo, SystemInfoCgroupDriverEnum};
use tracing::debug;

use super::super::group::OURS;

const TREES: &str = "/sys/fs/cgroup";

/// The most that version 1 takes, and what one process weighs there and in version 2.
const MOST_SHARES: u64 = 262_144;
const ONE_PROCESS: u64 = 1024;
const ONE_GROUP: u64 = 100;
const MOST_WEIGHT: u64 = 10_000;

/// Whose group is to hold the containers, once it is known.
#[derive(Debug, Default)]
pub(super) struct Precedence(Mutex<Option<Parent>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    Ours,
    /// The daemon puts containers where it does by itself.
    Daemons,
}

impl Precedence {
    pub fn known(&self) -> Option<Parent> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn learn(&self, info: &SystemInfo) -> Parent {
        let is_plain = info.cgroup_driver == Some(SystemInfoCgroupDriverEnum::CGROUPFS);
        let parent = if is_plain { Parent::Ours } else { Parent::Daemons };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent);
        parent
    }

    /// A daemon that has come back may have another driver.
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Drop for Precedence {
    /// The runtime has made a directory in each tree. Those in which another server has its sandboxes stay.
    fn drop(&mut self) {
        if self.known() != Some(Parent::Ours) {
            return;
        }
        let trees = fs::read_dir(TREES).into_iter().flatten().flatten().map(|tree| tree.path());
        for tree in trees.chain([PathBuf::from(TREES)]) {
            let _ = fs::remove_dir(tree.join(OURS));
        }
    }
}

/// What to name to the daemon as the parent of a container of this weight. Looked after for each, since another server that
/// ends takes the place away; `None` where we may not have one.
pub(super) fn parent(shares: u64) -> Option<String> {
    match make(shares) {
        Ok(()) => Some(format!("/{OURS}")),
        Err(error) => {
            debug!(%error, "programs do not come before the engine's work: no control group of our own");
            None
        }
    }
}

fn make(shares: u64) -> io::Result<()> {
    // All that run at once are in it.
    let all = shares * available_parallelism().map_or(1, usize::from) as u64;
    let (split, unified) = (PathBuf::from(format!("{TREES}/cpu/{OURS}")), PathBuf::from(format!("{TREES}/{OURS}")));
    if split.parent().is_some_and(|tree| tree.join("cpu.shares").exists()) {
        fs::create_dir_all(&split)?;
        return fs::write(split.join("cpu.shares"), all.min(MOST_SHARES).to_string());
    }
    fs::create_dir_all(&unified)?;
    let weight = (all * ONE_GROUP / ONE_PROCESS).clamp(1, MOST_WEIGHT);
    // The file appears with the first container: the runtime turns the controller on.
    match fs::write(unified.join("cpu.weight"), weight.to_string()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
