//! Programs before the engine's own work. A boot or a removal keeps the daemon and its helpers busy, each of which counts
//! for as much as a program; where Docker's cgroupfs driver puts containers, all of them together count for no more than one
//! process outside. So a program would wait for its turn again and again, and be judged by it.
//!
//! Under the systemd driver the weight of each container does it, since the daemon is its neighbour there. Under the other
//! they get a place of their own beside the daemon's processes, or beside systemd's slices.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::available_parallelism,
};

use bollard::models::{SystemInfo, SystemInfoCgroupDriverEnum};
use tracing::debug;

use super::super::group::OURS;

const TREES: &str = "/sys/fs/cgroup";

/// The most that each version takes, and what a process weighs in version 1 and a group in version 2 of which nothing is said.
const MOST_SHARES: u64 = 262_144;
const ONE_PROCESS: u64 = 1024;
const MOST_WEIGHT: u64 = 10_000;
const ONE_GROUP: u64 = 100;

#[derive(Debug, Default)]
pub(super) struct Precedence {
    /// Whose group is to hold the containers, once it is known.
    parent: Mutex<Option<Parent>>,
    has_made: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Parent {
    Ours,
    /// The daemon puts containers where it does by itself.
    Daemons,
}

impl Precedence {
    pub fn known(&self) -> Option<Parent> {
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn learn(&self, info: &SystemInfo) -> Parent {
        let is_plain = info.cgroup_driver == Some(SystemInfoCgroupDriverEnum::CGROUPFS);
        let parent = if is_plain { Parent::Ours } else { Parent::Daemons };
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = Some(parent);
        parent
    }

    /// A daemon that has come back may have another driver.
    pub fn forget(&self) {
        *self.parent.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// What to name to the daemon as the parent of a container of this weight. Looked after for each, since another server that
    /// ends takes the place away; `None` where we may not have one.
    pub fn group(&self, shares: u64) -> Option<String> {
        match make(Path::new(TREES), shares) {
            Ok(()) => {
                self.has_made.store(true, Ordering::Relaxed);
                Some(format!("/{OURS}"))
            }
            Err(error) => {
                debug!(%error, "programs do not come before the engine's work: no control group of our own");
                None
            }
        }
    }
}

impl Drop for Precedence {
    /// The runtime has made a directory in each tree. Those in which another server has its sandboxes stay.
    fn drop(&mut self) {
        if !*self.has_made.get_mut() {
            return;
        }
        let trees = fs::read_dir(TREES).into_iter().flatten().flatten().map(|tree| tree.path());
        for tree in trees.chain([PathBuf::from(TREES)]) {
            let _ = fs::remove_dir(tree.join(OURS));
        }
    }
}

fn make(trees: &Path, shares: u64) -> io::Result<()> {
    let is_split = trees.join("cpu/cpu.shares").exists();
    if !is_split && !trees.join("cgroup.controllers").exists() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the tree of the processors is not in its usual place"));
    }
    let tree = if is_split { trees.join("cpu") } else { trees.to_owned() };
    let all = weight(shares, &tree);
    let ours = tree.join(OURS);
    fs::create_dir_all(&ours)?;
    let (file, value) = if is_split {
        ("cpu.shares", all.min(MOST_SHARES))
    } else {
        ("cpu.weight", (all * ONE_GROUP / ONE_PROCESS).clamp(1, MOST_WEIGHT))
    };
    // Never to be made: a control group has the files that it has.
    match OpenOptions::new().write(true).open(ours.join(file)) {
        Ok(mut file) => file.write_all(value.to_string().as_bytes()),
        // Version 2 has it from the first container on, when the runtime turns the controller on.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !is_split => Ok(()),
        Err(error) => Err(error),
    }
}

/// Of all that run at once. Their neighbours are the host's processes, of which there may be some on each processor, or systemd's
/// slices, each of which is one whatever runs in it.
fn weight(shares: u64, tree: &Path) -> u64 {
    if tree.join("system.slice").exists() {
        return shares;
    }
    shares * available_parallelism().map_or(1, usize::from) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let trees = tempfile::tempdir().unwrap();
        for file in files {
            let path = trees.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        trees
    }

    fn written(trees: &tempfile::TempDir, file: &str) -> u64 {
        fs::read_to_string(trees.path().join(file)).unwrap().parse().unwrap()
    }

    #[test]
    fn our_group_weighs_so_much_for_each_processor_or_against_each_slice() {
        let processors = available_parallelism().unwrap().get() as u64;
        let first = tree(&["cpu/cpu.shares", "cpu/caisson/cpu.shares"]);
        make(first.path(), 8192).unwrap();
        assert_eq!(written(&first, "cpu/caisson/cpu.shares"), (8192 * processors).min(MOST_SHARES));
        let second = tree(&["cgroup.controllers", "caisson/cpu.weight"]);
        make(second.path(), 8192).unwrap();
        assert_eq!(written(&second, "caisson/cpu.weight"), (800 * processors).min(MOST_WEIGHT));
        let of_systemd = tree(&["cpu/cpu.shares", "cpu/caisson/cpu.shares", "cpu/system.slice/cpu.shares"]);
        make(of_systemd.path(), 8192).unwrap();
        assert_eq!(written(&of_systemd, "cpu/caisson/cpu.shares"), 8192);
    }

    #[test]
    fn nothing_is_made_that_is_no_control_group() {
        let elsewhere = tree(&["cpu,cpuacct/cpu.shares"]);
        make(elsewhere.path(), 8192).unwrap_err();
        assert!(!elsewhere.path().join("caisson").exists());
        // Before the first container.
        let fresh = tree(&["cgroup.controllers"]);
        make(fresh.path(), 8192).unwrap();
        assert_eq!(fs::read_dir(fresh.path().join("caisson")).unwrap().count(), 0);
    }
}
