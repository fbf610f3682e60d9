//! The memory of one sandbox, bounded and metered from outside: by its control group where the daemon shares this host,
//! otherwise by asking the daemon to.

use std::{fmt, path::PathBuf, time::Duration};

use bollard::{models::ContainerUpdateBody, query_parameters::InspectContainerOptions};
use futures_util::future::BoxFuture;
use tokio::{net::UnixStream, time::timeout};
use tracing::{debug, warn};

use super::{
    super::{
        Beside, Controls, EngineError, SandboxId,
        group::{Bounds, Group, OURS},
    },
    DockerEngine, shortcut,
};
use crate::observe::EngineOperation;

pub(super) struct Memory {
    pub engine: DockerEngine,
    pub id: SandboxId,
    group: Option<Group>,
    bounds: Bounds,
}

/// A sandbox whose agent is lost is on its way out: PID 1 follows the agent.
const END_PATIENCE: Duration = Duration::from_secs(2);

impl Memory {
    /// `container`: the daemon's own id, which names the control group.
    pub fn new(engine: DockerEngine, id: SandboxId, container: &str, memory_bytes: u64) -> Self {
        let group = if engine.is_local() { find(container) } else { None };
        Self { engine, id, group, bounds: Bounds::new(memory_bytes) }
    }

    async fn update(&mut self, memory_bytes: u64, beside: Beside) -> Result<(), EngineError> {
        let bound = self.bounds.next(memory_bytes, beside, || None);
        if self.bounds.is_near(bound) {
            return Ok(());
        }
        let wanted = Some(bound as i64);
        let body = ContainerUpdateBody { memory: wanted, memory_swap: wanted, ..ContainerUpdateBody::default() };
        let id = self.id.as_str();
        self.engine
            .call(EngineOperation::Update, "bound the memory of a sandbox", |docker| docker.update_container(id, body))
            .await?;
        self.bounds.set(bound);
        Ok(())
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
            let result: Result<(), Box<dyn std::error::Error + Send + Sync>> = match self.group.clone() {
                Some(group) => group.allot(&mut self.bounds, memory_bytes, beside).await.map_err(Into::into),
                None => self.update(memory_bytes, beside).await.map_err(Into::into),
            };
            if let Err(error) = result {
                let error: &dyn std::error::Error = &*error;
                warn!(sandbox.id = %self.id, error, "the memory of a sandbox could not be bounded from outside");
            }
        })
    }

    fn shortcut(&self, agent_uid: u32, descriptor: i32) -> Option<UnixStream> {
        let taken = shortcut::take(&self.group.as_ref()?.processes(), agent_uid, descriptor);
        taken
            .inspect_err(|error| debug!(sandbox.id = %self.id, %error, "the agent is talked to by the engine's stream"))
            .ok()
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.group.as_ref()?.cpu_time()
    }

    fn memory_in_use(&self) -> Option<u64> {
        self.group.as_ref()?.usage().ok()
    }

    fn has_killed(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.kills() > 0)
    }

    fn relieve(&self) {
        if let Some(group) = &self.group {
            group.relieve(&self.id);
        }
    }

    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { matches!(timeout(END_PATIENCE, self.was_killed()).await, Ok(Some(true))) })
    }
}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory").field("id", &self.id).field("bounds", &self.bounds).finish_non_exhaustive()
    }
}

/// Where it was put, in either version: into ours, or where the two drivers that Docker has put it.
fn find(container: &str) -> Option<Group> {
    let ours = format!("{OURS}/");
    let places = [(&*ours, ""), ("docker/", ""), ("system.slice/docker-", ".scope")];
    places.into_iter().find_map(|(before, behind)| {
        let below = |root: &str| PathBuf::from(format!("{root}/{before}{container}{behind}"));
        let tree = |controller: &str| below(&format!("/sys/fs/cgroup/{controller}"));
        let split = Group::split(tree("memory"), &tree("cpuacct"), &tree("cpu"));
        [split, Group::unified(below("/sys/fs/cgroup"))].into_iter().find(Group::exists)
    })
}
