//! The four places in a sandbox that can be written to.

use super::SandboxSpec;

/// One of them, its size a share of the job's memory: files there are charged to it, and together they must not fill it, or
/// pages that outlive the program would kill what comes after.
pub(super) struct Place {
    pub path: &'static str,
    percent: u64,
    inodes: &'static str,
    pub exec: bool,
    mode: &'static str,
    owner: Owner,
}

enum Owner {
    Agent,
    Job,
}

pub(super) const PLACES: [Place; 4] = [
    Place { path: "/box", percent: 20, inodes: "2k", exec: true, mode: "0755", owner: Owner::Agent },
    Place { path: "/work", percent: 45, inodes: "8k", exec: true, mode: "0700", owner: Owner::Job },
    Place { path: "/tmp", percent: 28, inodes: "8k", exec: true, mode: "0700", owner: Owner::Job },
    Place { path: "/dev/shm", percent: 6, inodes: "1k", exec: false, mode: "0700", owner: Owner::Job },
];

impl Place {
    /// As a tmpfs takes them.
    pub fn options(&self, spec: &SandboxSpec) -> String {
        let Self { path: _, percent, inodes, exec: _, mode, owner } = self;
        let uid = match owner {
            Owner::Agent => spec.agent_uid,
            Owner::Job => spec.job_uid,
        };
        let size = spec.memory_bytes / 100 * percent;
        format!("size={size},nr_inodes={inodes},mode={mode},uid={uid},gid={uid}")
    }
}
