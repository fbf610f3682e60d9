//! Where this host's control groups are, in either version, and the ones that are ours.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use caisson_protocol::Groups;

use super::super::group::{self, OURS};

/// What a sandbox is bounded and metered by, in version 1. There each has a tree of its own, or shares one.
const CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "pids"];

/// In version 2 the first of them does the work of two.
const UNIFIED_CONTROLLERS: [&str; 3] = ["cpu", "memory", "pids"];

/// The trees, each down to the directory of one owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Hierarchy {
    /// By controller, in the order of [`CONTROLLERS`].
    Split(Vec<PathBuf>),
    Unified(PathBuf),
}

/// Why there are no groups to be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum HierarchyError {
    #[error("this host has no control groups with {0}")]
    Lacking(&'static str),
    #[error("{path}: control groups cannot be made there")]
    Make { path: PathBuf, source: io::Error },
}

impl Hierarchy {
    /// Makes the directory of an owner.
    pub fn of(owner: &str) -> Result<Self, HierarchyError> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let found = find(&mounts)?;
        match found {
            Self::Split(trees) => {
                let ours = Vec::from_iter(trees.into_iter().map(|tree| tree.join(OURS).join(owner)));
                for directory in &ours {
                    make(directory)?;
                }
                Ok(Self::Split(ours))
            }
            Self::Unified(tree) => {
                let above = tree.join(OURS);
                let ours = above.join(owner);
                make(&ours)?;
                let wanted = UNIFIED_CONTROLLERS.map(|name| format!("+{name}")).join(" ");
                for directory in [&tree, &above, &ours] {
                    let file = directory.join("cgroup.subtree_control");
                    fs::write(&file, &wanted).map_err(|source| HierarchyError::Make { path: file, source })?;
                }
                Ok(Self::Unified(ours))
            }
        }
    }

    pub fn groups(&self) -> Groups {
        match self {
            Self::Split(_) => Groups::Split(CONTROLLERS.map(str::to_owned).to_vec()),
            Self::Unified(_) => Groups::Unified,
        }
    }

    pub fn version(&self) -> &'static str {
        match self {
            Self::Split(_) => "1",
            Self::Unified(_) => "2",
        }
    }

    /// The directories of one group, one for each tree.
    pub fn directories(&self, name: &str) -> Vec<PathBuf> {
        match self {
            Self::Split(trees) => trees.iter().map(|tree| tree.join(name)).collect(),
            Self::Unified(tree) => vec![tree.join(name)],
        }
    }

    /// Names of the groups that are there.
    pub fn names(&self) -> Vec<String> {
        let tree = match self {
            Self::Split(trees) => trees.last(),
            Self::Unified(tree) => Some(tree),
        };
        let entries = tree.and_then(|tree| fs::read_dir(tree).ok()).into_iter().flatten().flatten();
        let directories = entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Whatever runs in a group, and in none below it: no sandbox can make any.
    pub fn processes(&self, name: &str) -> Vec<i32> {
        let directory = self.directories(name).pop().unwrap_or_default();
        group::processes(&directory)
    }

    /// Removes a group in which nothing runs.
    pub fn remove(&self, name: &str) {
        for directory in self.directories(name) {
            // One that is in use stays, and the last with it: names are read there, so it is looked at again.
            if fs::remove_dir(directory).is_err_and(|error| error.kind() != io::ErrorKind::NotFound) {
                return;
            }
        }
    }

    /// Removes the owner's own directories, when they are empty.
    pub fn remove_all(&self) {
        let trees = match self {
            Self::Split(trees) => trees.as_slice(),
            Self::Unified(tree) => std::slice::from_ref(tree),
        };
        for tree in trees {
            let _ = fs::remove_dir(tree);
            let _ = tree.parent().map(fs::remove_dir);
        }
    }
}

/// The roots of the trees.
fn find(mountinfo: &str) -> Result<Hierarchy, HierarchyError> {
    let mounts = Vec::from_iter(mountinfo.lines().filter_map(mount));
    let split = |controller: &str| {
        let mut of_version_1 = mounts.iter().filter(|(kind, ..)| *kind == "cgroup");
        of_version_1
            .find(|(.., options)| options.split(',').any(|option| option == controller))
            .map(|(_, path, _)| path)
    };
    let unified = mounts.iter().find(|(kind, ..)| *kind == "cgroup2").map(|(_, path, _)| PathBuf::from(path));
    // On a hybrid host the second version has processes to sort, and no controllers.
    if split("memory").is_none()
        && let Some(path) = unified
    {
        return Ok(Hierarchy::Unified(path));
    }
    let paths = CONTROLLERS.map(|controller| split(controller).ok_or(HierarchyError::Lacking(controller)));
    let paths = paths.into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(Hierarchy::Split(paths.into_iter().map(PathBuf::from).collect()))
}

/// Kind, path and options of a line of `mountinfo`.
fn mount(line: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = line.split_once(" - ")?;
    let path = before.split(' ').nth(4)?;
    let mut behind = behind.split(' ');
    let (kind, _source, options) = (behind.next()?, behind.next()?, behind.next()?);
    Some((kind, path, options))
}

fn make(directory: &Path) -> Result<(), HierarchyError> {
    fs::create_dir_all(directory).map_err(|source| HierarchyError::Make { path: directory.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &str = "\
30 25 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
31 25 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct
32 25 0:28 / /sys/fs/cgroup/memory rw,nosuid - cgroup cgroup rw,memory
33 25 0:29 / /sys/fs/cgroup/pids rw,nosuid - cgroup cgroup rw,pids";

    #[test]
    fn on_a_hybrid_host_the_first_version_has_the_controllers() {
        let both = PathBuf::from("/sys/fs/cgroup/cpu,cpuacct");
        let (memory, pids) = (PathBuf::from("/sys/fs/cgroup/memory"), PathBuf::from("/sys/fs/cgroup/pids"));
        assert_eq!(find(HYBRID).unwrap(), Hierarchy::Split(vec![both.clone(), both, memory, pids]));
    }

    #[test]
    fn a_host_with_the_second_version_alone_has_one_tree() {
        let found = find("30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate").unwrap();
        assert_eq!(found, Hierarchy::Unified(PathBuf::from("/sys/fs/cgroup")));
    }

    #[test]
    fn what_is_lacking_is_named() {
        let without = HYBRID.lines().filter(|line| !line.ends_with("pids")).collect::<Vec<_>>().join("\n");
        assert!(find(&without).unwrap_err().to_string().contains("pids"));
        assert!(find("").unwrap_err().to_string().contains("cpu"));
    }
}
