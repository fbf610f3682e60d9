//! The four places in a sandbox that can be written to.

use super::SandboxSpec;

/// One of them, its size a share of the job's memory: files there are charged to it, and together they must not fill it, or
/// pages that outlive the program would kill what comes after.
pub(super) struct Place {
    pub path: &'static str,
    percent: u64,
    inodes: u64,
    pub exec: bool,
    pub mode: u32,
    pub owner: Owner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Agent,
    Job,
}

pub(super) const PLACES: [Place; 4] = [
    Place { path: "/box", percent: 20, inodes: 2 << 10, exec: true, mode: 0o755, owner: Owner::Agent },
    Place { path: "/work", percent: 45, inodes: 8 << 10, exec: true, mode: 0o700, owner: Owner::Job },
    Place { path: "/tmp", percent: 28, inodes: 8 << 10, exec: true, mode: 0o700, owner: Owner::Job },
    Place { path: "/dev/shm", percent: 6, inodes: 1 << 10, exec: false, mode: 0o700, owner: Owner::Job },
];

impl Place {
    pub fn uid(&self, spec: &SandboxSpec) -> u32 {
        match self.owner {
            Owner::Agent => spec.agent_uid,
            Owner::Job => spec.job_uid,
        }
    }

    /// As a tmpfs of its own takes them.
    pub fn options(&self, spec: &SandboxSpec) -> String {
        let (bounds, uid) = (bounds(&[self], spec), self.uid(spec));
        format!("{bounds},mode={:04o},uid={uid},gid={uid}", self.mode)
    }
}

/// Of a tmpfs that some of them share.
pub(super) fn bounds(places: &[&Place], spec: &SandboxSpec) -> String {
    let of_all = |share: fn(&Place) -> u64| places.iter().map(|place| share(place)).sum::<u64>();
    let size = spec.memory_bytes / 100 * of_all(|place| place.percent);
    format!("size={size},nr_inodes={}", of_all(|place| place.inodes))
}
