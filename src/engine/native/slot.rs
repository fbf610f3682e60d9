//! What is used again by one sandbox after another, with the same uids: a network namespace without a network, and control
//! groups. To make them takes the kernel as long as all the rest of a sandbox.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::Mutex,
    thread,
};

use rustix::{
    fs::CWD,
    mount::{OpenTreeFlags, open_tree},
    thread::{UnshareFlags, unshare_unsafe},
};

use super::{
    super::{
        SandboxSpec,
        group::{AGENT_MEMORY, AGENT_PROCESSES, Group},
    },
    hierarchy::Hierarchy,
};

#[derive(Debug)]
pub(super) struct Slot {
    network: OwnedFd,
    directories: Vec<PathBuf>,
    pub group: Group,
    /// What was written last.
    bounds: Mutex<Option<Bounds>>,
}

/// What a job cannot change and no step does.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Bounds {
    processes: u64,
    cpus: f64,
}

/// Of the quota of processor time. The kernel's own choice.
const PERIOD_US: u64 = 100_000;

impl Slot {
    pub fn make(hierarchy: &Hierarchy, name: &str) -> io::Result<Self> {
        let directories = hierarchy.directories(name);
        for directory in &directories {
            match fs::create_dir(directory) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
        }
        let group = match directories.as_slice() {
            [_, cpuacct, memory, _] => Group::split(memory.clone(), cpuacct),
            _ => Group::unified(directories[0].clone()),
        };
        let network = network()?;
        Ok(Self { network, directories, group, bounds: Mutex::new(None) })
    }

    /// Before a sandbox is made in it.
    pub fn bound(&self, spec: &SandboxSpec) -> io::Result<()> {
        self.group.make(spec.memory_bytes + AGENT_MEMORY)?;
        let wanted = Bounds { processes: spec.processes + AGENT_PROCESSES, cpus: spec.cpus };
        let mut bounds = self.bounds.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *bounds == Some(wanted) {
            return Ok(());
        }
        let [first, .., last] = self.directories.as_slice() else { return self.bound_unified(wanted, &mut bounds) };
        fs::write(last.join("pids.max"), wanted.processes.to_string())?;
        let quota = quota_us(wanted.cpus).map_or("-1".to_owned(), |quota| quota.to_string());
        fs::write(first.join("cpu.cfs_quota_us"), quota)?;
        *bounds = Some(wanted);
        Ok(())
    }

    fn bound_unified(&self, wanted: Bounds, bounds: &mut Option<Bounds>) -> io::Result<()> {
        let directory = &self.directories[0];
        fs::write(directory.join("pids.max"), wanted.processes.to_string())?;
        // A kernel without swap has no such file.
        let _ = fs::write(directory.join("memory.swap.max"), "0");
        let quota = quota_us(wanted.cpus).map_or("max".to_owned(), |quota| quota.to_string());
        fs::write(directory.join("cpu.max"), format!("{quota} {PERIOD_US}"))?;
        *bounds = Some(wanted);
        Ok(())
    }

    pub fn network(&self) -> BorrowedFd<'_> {
        self.network.as_fd()
    }

    /// By which a process enters the groups. Opened for each sandbox: there may be thousands of slots.
    pub fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |directory: &PathBuf| match self.directories.len() {
            1 => File::open(directory),
            _ => OpenOptions::new().write(true).open(directory.join("tasks")),
        };
        self.directories.iter().map(|directory| open(directory).map(OwnedFd::from)).collect()
    }

    /// Of the groups' directories, to be seen in the sandbox. Each can be used once.
    pub fn mounts(&self) -> io::Result<Vec<OwnedFd>> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let open = |directory: &PathBuf| open_tree(CWD, directory, flags).map_err(io::Error::from);
        self.directories.iter().map(open).collect()
    }
}

fn quota_us(cpus: f64) -> Option<u64> {
    (cpus > 0.0).then_some((cpus * PERIOD_US as f64) as u64)
}

/// A network namespace with nothing in it. It is made by a thread of its own, which ends in it.
fn network() -> io::Result<OwnedFd> {
    let made = thread::scope(|scope| {
        scope
            .spawn(|| -> io::Result<OwnedFd> {
                // SAFETY: network namespaces are each thread's own, and this thread does nothing else.
                unsafe { unshare_unsafe(UnshareFlags::NEWNET) }?;
                Ok(File::open("/proc/thread-self/ns/net")?.into())
            })
            .join()
    });
    made.unwrap_or_else(|_| Err(io::Error::other("the thread that makes network namespaces failed")))
}
