//! What is used again by one sandbox after another, with the same uids: a network namespace without a network, and control
//! groups. To make them takes the kernel as long as all the rest of a sandbox.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
    sync::{Mutex, PoisonError},
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
    /// The bound of processes that was written last: nothing changes it.
    processes: Mutex<Option<u64>>,
}

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
            [cpu, cpuacct, memory, _] => Group::split(memory.clone(), cpuacct, cpu),
            _ => Group::unified(directories[0].clone()),
        };
        let network = network()?;
        Ok(Self { network, directories, group, processes: Mutex::new(None) })
    }

    /// Before a sandbox is made in it.
    pub fn bound(&self, spec: &SandboxSpec) -> io::Result<()> {
        self.group.make(spec.memory_bytes + AGENT_MEMORY)?;
        // Anew for each: it may have been lifted, and what the sandbox before owes is nobody's debt any more.
        self.group.bound_processors(spec.cpus)?;
        let wanted = spec.processes + AGENT_PROCESSES;
        let mut processes = self.processes.lock().unwrap_or_else(PoisonError::into_inner);
        if *processes != Some(wanted) {
            let last = &self.directories[self.directories.len() - 1];
            if self.is_unified() {
                // A kernel without swap has no such file.
                let _ = fs::write(last.join("memory.swap.max"), "0");
            }
            fs::write(last.join("pids.max"), wanted.to_string())?;
            *processes = Some(wanted);
        }
        Ok(())
    }

    /// All controllers have one tree.
    fn is_unified(&self) -> bool {
        self.directories.len() == 1
    }

    pub fn network(&self) -> BorrowedFd<'_> {
        self.network.as_fd()
    }

    /// By which a process enters the groups. Opened for each sandbox: there may be thousands of slots.
    pub fn entrances(&self) -> io::Result<Vec<OwnedFd>> {
        let open = |directory: &PathBuf| match self.is_unified() {
            true => File::open(directory),
            false => OpenOptions::new().write(true).open(directory.join("tasks")),
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
