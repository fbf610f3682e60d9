//! The memory of one sandbox, bounded and metered from outside, and its processor time for those who cannot see it. Where
//! the daemon shares this host, by writing to the control group, which takes some ten microseconds; otherwise by asking the
//! daemon to.

use std::{fmt, fs, io, path::PathBuf, time::Duration};

use bollard::{models::ContainerUpdateBody, query_parameters::InspectContainerOptions};
use futures_util::future::BoxFuture;
use tokio::time::timeout;
use tracing::{debug, warn};

use super::{
    super::{Beside, Controls, SandboxId},
    DockerEngine,
    spec::AGENT_MEMORY,
};
use crate::{job::MOST_KEPT_BYTES, observe::EngineOperation};

pub(super) struct Memory {
    pub engine: DockerEngine,
    pub id: SandboxId,
    group: Option<Group>,
    /// What the container was made with.
    whole: u64,
    bound: u64,
}

/// The control group's files.
#[derive(Clone)]
struct Group {
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
}

/// The agent's own buffers may grow by this from one step to the next.
const GROWTH: u64 = 4 << 20;

/// A sandbox whose agent is lost is on its way out: PID 1 follows the agent.
const END_PATIENCE: Duration = Duration::from_secs(2);

impl Memory {
    /// `container`: the daemon's own id, which names the control group.
    pub fn new(engine: DockerEngine, id: SandboxId, container: &str, memory_bytes: u64) -> Self {
        let group = if engine.is_local() { Group::find(container) } else { None };
        let whole = memory_bytes + AGENT_MEMORY;
        Self { engine, id, group, whole, bound: whole }
    }

    /// So much for the job, beside what is in use already, will stay, and is not the job's. What PID 1 keeps of a compile
    /// is not, and for its sake a sandbox may be larger than it was made.
    fn bound_for(&self, memory_bytes: u64, beside: Beside) -> u64 {
        let seen = || self.group.as_ref().and_then(|group| group.solid().ok());
        let in_use = match beside {
            Beside::Agent => 0,
            Beside::Used => seen().unwrap_or(0),
            // Where nobody can look, as much as it may be.
            Beside::Kept => seen().unwrap_or(MOST_KEPT_BYTES),
        };
        (memory_bytes + AGENT_MEMORY.max(in_use + GROWTH)).min(self.whole + MOST_KEPT_BYTES)
    }

    fn in_use(&self) -> u64 {
        self.group.as_ref().and_then(|group| group.usage().ok()).unwrap_or(0)
    }

    async fn update(&self, bound: u64) -> Result<(), super::EngineError> {
        let bound = Some(bound as i64);
        let body = ContainerUpdateBody { memory: bound, memory_swap: bound, ..ContainerUpdateBody::default() };
        let id = self.id.as_str();
        self.engine
            .call(EngineOperation::Update, "bound the memory of a sandbox", |docker| docker.update_container(id, body))
            .await
    }

    async fn was_killed(&self) -> Option<bool> {
        // The daemon says so only of one that has ended; of one that is stuck it says nothing, which is an answer too.
        self.engine.has_left(&self.id).await;
        let id = self.id.as_str();
        let inspected = self
            .engine
            .call(EngineOperation::Wait, "see how a sandbox ended", |docker| {
                docker.inspect_container(id, None::<InspectContainerOptions>)
            })
            .await;
        inspected.ok()?.state?.oom_killed
    }
}

impl Controls for Memory {
    fn allot<'a>(&'a mut self, memory_bytes: u64, beside: Beside) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let bound = self.bound_for(memory_bytes, beside);
            // A bound that is a little off is as good: what the job used is judged by its peak.
            let is_set = bound.abs_diff(self.bound) < GROWTH;
            let result = match &self.group {
                Some(group) if is_set => group.begin_peak(),
                Some(group) => {
                    let (group, is_lower) = (group.clone(), bound < self.bound);
                    let set = move || group.set(bound, is_lower).and_then(|()| group.begin_peak());
                    // The kernel makes room before it answers, of which there may be much to do.
                    if self.in_use() > bound { aside(set).await } else { set() }
                }
                None if is_set => Ok(()),
                None => self.update(bound).await.map_err(io::Error::other),
            };
            match result {
                Ok(()) if is_set => {}
                Ok(()) => self.bound = bound,
                // More is in use and stays, by files of a compile that count against this step. The agent sees that at once.
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                    debug!(sandbox.id = %self.id, "a smaller bound has to wait");
                }
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    warn!(sandbox.id = %self.id, error, "the memory of a sandbox could not be bounded from outside");
                }
            }
        })
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.group.as_ref()?.cpu_time()
    }

    fn memory_in_use(&self) -> Option<u64> {
        self.group.as_ref()?.usage().ok()
    }

    fn has_killed(&self) -> bool {
        self.group.as_ref().is_some_and(Group::has_killed)
    }

    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { matches!(timeout(END_PATIENCE, self.was_killed()).await, Ok(Some(true))) })
    }
}

async fn aside(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("id", &self.id).field("bound", &self.bound).finish_non_exhaustive()
    }
}

impl Group {
    /// Where the two drivers that Docker has put it, in either version.
    fn find(container: &str) -> Option<Self> {
        const PLACES: [(&str, &str); 2] = [("docker/", ""), ("system.slice/docker-", ".scope")];
        let below = |root: &'static str| {
            PLACES.into_iter().map(move |(before, behind)| PathBuf::from(format!("{root}/{before}{container}{behind}")))
        };
        let cpu = below("/sys/fs/cgroup/cpuacct").map(|directory| directory.join("cpuacct.usage"));
        let first = below("/sys/fs/cgroup/memory").zip(cpu).map(|(directory, cpu)| Self {
            directory,
            bound: "memory.limit_in_bytes",
            bound_with_swap: Some("memory.memsw.limit_in_bytes"),
            peak: Some("memory.max_usage_in_bytes"),
            usage: "memory.usage_in_bytes",
            solid: ["rss", "shmem"],
            kills: "memory.oom_control",
            cpu,
            cpu_unit: 1,
        });
        let second = below("/sys/fs/cgroup").map(|directory| Self {
            cpu: directory.join("cpu.stat"),
            cpu_unit: 1000,
            directory,
            bound: "memory.max",
            bound_with_swap: None,
            peak: None,
            usage: "memory.current",
            solid: ["anon", "shmem"],
            kills: "memory.events",
        });
        let mut found = first.chain(second).find(|group| group.directory.join(group.bound).exists())?;
        // A kernel may be without the account of swap.
        found.bound_with_swap = found.bound_with_swap.filter(|file| found.directory.join(file).exists());
        Some(found)
    }

    fn usage(&self) -> io::Result<u64> {
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

    fn has_killed(&self) -> bool {
        let text = fs::read_to_string(self.directory.join(self.kills)).unwrap_or_default();
        text.lines().any(|line| line.strip_prefix("oom_kill ").is_some_and(|times| times != "0"))
    }

    fn cpu_time(&self) -> Option<Duration> {
        let text = fs::read_to_string(&self.cpu).ok()?;
        // The number alone, or behind its name on the first line.
        let units: u64 = text.lines().next()?.split(' ').next_back()?.parse().ok()?;
        Some(Duration::from_nanos(units * self.cpu_unit))
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
