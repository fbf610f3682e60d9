//! The control group of one sandbox on this host: its memory bounded and metered by writing to the group's files, which takes
//! some ten microseconds, and its processor time for those who cannot see it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use tracing::{debug, warn};

use super::{Beside, SandboxId};
use crate::job::MOST_KEPT_BYTES;

/// What PID 1 and the agent need beside the job: their own pages, pipes and buffers. Too small and the kernel ends the
/// agent for a job's greed, too large and a sandbox may use more than its limit says.
pub(super) const AGENT_MEMORY: u64 = 16 << 20;

/// The directory of what is ours, below the root of each tree.
pub(super) const OURS: &str = "caisson";

/// PID 1 and the agent.
pub(super) const AGENT_PROCESSES: u64 = 2;

/// The agent's own buffers may grow by this from one step to the next.
const GROWTH: u64 = 4 << 20;

/// Of the quota of processor time: the kernel's own choice, in both versions, which holds where nothing is said of it.
const PERIOD_US: u64 = 100_000;

/// More than any host has, and a number to both versions.
const NO_BOUND: u64 = 1 << 60;

/// What a sandbox is bound to, of what it was made for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// What it was made with.
    whole: u64,
    now: u64,
}

impl Bounds {
    pub fn new(memory_bytes: u64) -> Self {
        let whole = memory_bytes + AGENT_MEMORY;
        Self { whole, now: whole }
    }

    /// The bound for the next step, which [`Bounds::is_near`] may say is in force already. So much for the job, beside what
    /// is in use already, will stay, and is not the job's. What PID 1 keeps of a compile is not, and for its sake a sandbox
    /// may be larger than it was made. `solid`: what is in use and stays.
    pub fn next(&self, memory_bytes: u64, beside: Beside, solid: impl FnOnce() -> Option<u64>) -> u64 {
        let with_agents = |in_use: u64| AGENT_MEMORY.max(in_use + GROWTH);
        let beside = match beside {
            Beside::Agent => AGENT_MEMORY,
            Beside::Waiting(bytes) => AGENT_MEMORY + bytes,
            Beside::Used { own } => with_agents(solid().unwrap_or(0).saturating_sub(own)),
            // Where nobody can look, as much as it may be.
            Beside::Kept => with_agents(solid().unwrap_or(MOST_KEPT_BYTES)),
        };
        (memory_bytes + beside).min(self.whole + MOST_KEPT_BYTES)
    }

    /// A bound that is a little off is as good: what the job used is judged by its peak.
    pub fn is_near(&self, bound: u64) -> bool {
        bound.abs_diff(self.now) < GROWTH
    }

    pub fn set(&mut self, bound: u64) {
        self.now = bound;
    }
}

/// The control group's files.
#[derive(Debug, Clone)]
pub(super) struct Group {
    directory: PathBuf,
    bound: &'static str,
    /// Memory and swap together, on version 1.
    bound_with_swap: Option<&'static str>,
    /// Starts anew when it is written to; version 2 has no such thing for others than the writer.
    peak: Option<&'static str>,
    usage: &'static str,
    /// What no reclaim can take away, as names in `memory.stat`: pages of programs, and files in memory.
    solid: [&'static str; 2],
    /// Holds how often it killed.
    kills: &'static str,
    /// The file of processor time, and the nanoseconds of one of its units.
    cpu: PathBuf,
    cpu_unit: u64,
    /// The file of the quota of processor time, and what is no quota there.
    quota: PathBuf,
    no_quota: &'static str,
}

impl Group {
    /// Version 1, by the directories of three controllers.
    pub fn split(memory: PathBuf, cpuacct: &Path, cpu: &Path) -> Self {
        let with_swap = "memory.memsw.limit_in_bytes";
        Self {
            // A kernel may be without the account of swap.
            bound_with_swap: memory.join(with_swap).exists().then_some(with_swap),
            directory: memory,
            bound: "memory.limit_in_bytes",
            peak: Some("memory.max_usage_in_bytes"),
            usage: "memory.usage_in_bytes",
            solid: ["rss", "shmem"],
            kills: "memory.oom_control",
            cpu: cpuacct.join("cpuacct.usage"),
            cpu_unit: 1,
            quota: cpu.join("cpu.cfs_quota_us"),
            no_quota: "-1",
        }
    }

    /// Version 2.
    pub fn unified(directory: PathBuf) -> Self {
        Self {
            cpu: directory.join("cpu.stat"),
            cpu_unit: 1000,
            quota: directory.join("cpu.max"),
            no_quota: "max",
            directory,
            bound: "memory.max",
            bound_with_swap: None,
            peak: None,
            usage: "memory.current",
            solid: ["anon", "shmem"],
            kills: "memory.events",
        }
    }

    pub fn exists(&self) -> bool {
        self.directory.join(self.bound).exists()
    }

    /// Before a step, see [`super::Controls::allot`].
    pub async fn allot(&self, bounds: &mut Bounds, memory_bytes: u64, beside: Beside) -> io::Result<()> {
        let bound = bounds.next(memory_bytes, beside, || self.solid().ok());
        if bounds.is_near(bound) {
            return self.begin_peak();
        }
        let (group, is_lower) = (self.clone(), bound < bounds.now);
        let set = move || group.set(bound, is_lower).and_then(|()| group.begin_peak());
        // The kernel makes room before it answers, of which there may be much to do.
        let result = if self.usage().unwrap_or(0) > bound { aside(set).await } else { set() };
        match result {
            // More is in use and stays, by files of a compile that count against this step. The agent sees that at once.
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                debug!(directory = %self.directory.display(), "a smaller bound has to wait");
                Ok(())
            }
            Ok(()) => {
                bounds.set(bound);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    pub fn usage(&self) -> io::Result<u64> {
        fs::read_to_string(self.directory.join(self.usage))?.trim().parse().map_err(io::Error::other)
    }

    /// Of what is in use, what stays whatever the bound: the names that a job before left in the kernel's caches must not
    /// raise the bound of the next.
    fn solid(&self) -> io::Result<u64> {
        let text = fs::read_to_string(self.directory.join("memory.stat"))?;
        let lines = text.lines().filter_map(|line| line.split_once(' '));
        let found = lines.filter(|(name, _)| self.solid.contains(name));
        found.map(|(_, value)| value.parse::<u64>().map_err(io::Error::other)).sum()
    }

    pub fn processes(&self) -> Vec<i32> {
        processes(&self.directory)
    }

    /// How many processes the kernel has ended for want of memory.
    pub fn kills(&self) -> u64 {
        let text = fs::read_to_string(self.directory.join(self.kills)).unwrap_or_default();
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok()).unwrap_or(0)
    }

    pub fn cpu_time(&self) -> Option<Duration> {
        let text = fs::read_to_string(&self.cpu).ok()?;
        // The number alone, or behind its name on the first line.
        let units: u64 = text.lines().next()?.split(' ').next_back()?.parse().ok()?;
        Some(Duration::from_nanos(units * self.cpu_unit))
    }

    /// For a sandbox that is about to be made, whatever was in force for the one before.
    pub fn make(&self, bound: u64) -> io::Result<()> {
        self.set(bound, false).or_else(|_| self.set(bound, true))?;
        self.begin_peak()
    }

    /// For one that is to end: whoever waits for memory at the bound, with a kill pending, may spin there for a minute.
    pub fn lift(&self) -> io::Result<()> {
        self.set(NO_BOUND, false)
    }

    /// How many processors all its processes together may keep busy; no bound when 0. What they owe of the quota before is
    /// forgotten.
    pub fn bound_processors(&self, cpus: f64) -> io::Result<()> {
        let quota = (cpus > 0.0).then(|| ((cpus * PERIOD_US as f64) as u64).to_string());
        fs::write(&self.quota, quota.as_deref().unwrap_or(self.no_quota))
    }

    /// See [`super::Controls::relieve`].
    pub fn relieve(&self, id: &SandboxId) {
        if let Err(error) = self.bound_processors(0.0) {
            let error: &dyn std::error::Error = &error;
            warn!(sandbox.id = %id, error, "a sandbox without memory could not be given more of the processors");
        }
    }

    /// Memory alone may never be allowed more than memory and swap.
    fn set(&self, bound: u64, is_lower: bool) -> io::Result<()> {
        let mut files: Vec<_> = [Some(self.bound), self.bound_with_swap].into_iter().flatten().collect();
        if !is_lower {
            files.reverse();
        }
        files.into_iter().try_for_each(|file| self.write(file, bound))
    }

    fn begin_peak(&self) -> io::Result<()> {
        self.peak.map_or(Ok(()), |file| self.write(file, 0))
    }

    fn write(&self, file: &str, value: u64) -> io::Result<()> {
        fs::write(self.directory.join(file), value.to_string())
    }
}

/// Of all that is in a group now, and in none below it.
pub(super) fn processes(directory: &Path) -> Vec<i32> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| line.parse().ok()).collect()
}

async fn aside(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn a_step_has_its_limit_beside_what_is_not_its_own() {
        let bounds = Bounds::new(512 * MIB);
        let next = |beside, solid: Option<u64>| bounds.next(256 * MIB, beside, || solid.map(|mib| mib * MIB)) / MIB;
        assert_eq!(next(Beside::Agent, Some(100)), 256 + 16);
        assert_eq!(next(Beside::Waiting(20 * MIB), Some(100)), 256 + 16 + 20);
        assert_eq!(next(Beside::Used { own: 0 }, Some(5)), 256 + 16);
        assert_eq!(next(Beside::Used { own: 0 }, Some(30)), 256 + 30 + 4);
        assert_eq!(next(Beside::Used { own: 20 * MIB }, Some(30)), 256 + 16);
        assert_eq!(next(Beside::Used { own: 20 * MIB }, Some(10)), 256 + 16);
        assert_eq!(next(Beside::Used { own: 0 }, None), 256 + 16);
        assert_eq!(next(Beside::Kept, None), 256 + MOST_KEPT_BYTES / MIB + 4);
    }

    #[test]
    fn no_bound_is_above_what_the_sandbox_was_made_for_and_what_is_kept() {
        let bounds = Bounds::new(256 * MIB);
        let most = 256 * MIB + AGENT_MEMORY + MOST_KEPT_BYTES;
        assert_eq!(bounds.next(256 * MIB, Beside::Kept, || Some(1 << 40)), most);
        assert_eq!(bounds.next(256 * MIB, Beside::Waiting(1 << 40), || None), most);
    }
}
