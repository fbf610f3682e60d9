//! Sandboxes as Docker containers, by the Engine API (1.41 and later). bollard is used here and nowhere else.
//!
//! A boot is create, start, exec: the exec runs the agent under a uid of its own and its stream is taken over at once, so
//! that a request later finds an open conversation and no call to the daemon is on its path. Or it is create, attach, start: the
//! container's first process becomes PID 1 and the agent, and the container's own streams are the conversation.

mod attach;
mod ghosts;
mod memory;
mod precedence;
mod shortcut;
mod spec;

use std::{fmt, future::Future, ops::Range, sync::Arc, sync::OnceLock, time::Duration};

use bollard::{
    Docker,
    errors::Error as Fault,
    exec::{CreateExecOptions, StartExecOptions, StartExecResults},
    models::{ContainerSummaryStateEnum, SystemInfo},
    query_parameters::{
        CreateContainerOptionsBuilder, ListContainersOptionsBuilder, RemoveContainerOptionsBuilder,
        WaitContainerOptionsBuilder,
    },
};
use futures_util::{StreamExt, future::BoxFuture};
use tokio::time::{Instant, sleep, timeout};

use self::{
    ghosts::Haunted,
    precedence::{Parent, Precedence},
};
use super::{Destroy, Engine, EngineError, EngineInfo, Link, Listed, SandboxId, SandboxSpec, Weight};
use crate::observe::{EngineFault, EngineOperation, Observer};

#[derive(Debug, Clone)]
pub struct DockerConfig {
    /// `unix:///var/run/docker.sock` or `tcp://host:port`.
    pub host: String,
    pub handoff: Handoff,
    /// Written on every container, so that a later run of the same owner knows them again.
    pub owner: String,
    pub boot: String,
    /// For sandboxes that name none. The daemon's default when absent.
    pub runtime: Option<String>,
    /// The system call filter as JSON, inline: the daemon never reads a file of ours.
    pub seccomp: String,
    /// What a sandbox weighs against everything else that wants the processors, where a process has 1024. 0: as the daemon has
    /// it.
    pub cpu_shares: u64,
    /// How long one call may take. Too small and a loaded daemon makes no sandbox, too large and a dead one is noticed late.
    pub patience: Duration,
}

/// How a sandbox is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handoff {
    /// No process of a container ever has a capability.
    Exec,
    /// The first has three, by which it gives up all, for as long as it takes to do so. Spares the exec, an eighth to a fifth of
    /// what a sandbox costs.
    Attach,
}

#[derive(Clone)]
pub struct DockerEngine {
    config: Arc<DockerConfig>,
    observer: Arc<dyn Observer>,
    /// Made at the first call that finds the daemon's socket.
    client: Arc<OnceLock<Docker>>,
    precedence: Arc<Precedence>,
    haunted: Haunted,
}

impl fmt::Debug for DockerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DockerEngine").field("host", &self.config.host).finish_non_exhaustive()
    }
}

/// How long a container whose agent was told to leave may take to be gone by itself. It takes the kernel some
/// milliseconds and the daemon some ten; past this it is stuck and is forced.
const LEAVE_PATIENCE: Duration = Duration::from_secs(3);

/// A removal that another call began is looked after at this pace.
const REMOVAL_PAUSE: Duration = Duration::from_millis(50);

/// Pieces of a stream are at most this large on their way through the client.
const STREAM_CAPACITY: usize = 64 * 1024;

impl DockerEngine {
    pub fn new(config: DockerConfig, observer: Arc<dyn Observer>) -> Self {
        Self {
            config: Arc::new(config),
            observer,
            client: Arc::default(),
            precedence: Arc::default(),
            haunted: Haunted::default(),
        }
    }

    /// Whether the daemon is on this host, as far as its address tells.
    fn is_local(&self) -> bool {
        self.config.host.starts_with("unix://")
    }

    fn client(&self) -> Result<&Docker, Fault> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let mut client = Docker::connect_with_host(&self.config.host)?;
        client.set_timeout(self.config.patience);
        Ok(self.client.get_or_init(|| client))
    }

    /// One call to the daemon, timed, bounded and told to the observer.
    async fn call<'a, T, F>(
        &'a self,
        operation: EngineOperation,
        verb: &'static str,
        ask: impl FnOnce(&'a Docker) -> F,
    ) -> Result<T, EngineError>
    where
        F: Future<Output = Result<T, Fault>> + 'a,
    {
        let since = Instant::now();
        let result = match self.client() {
            Ok(client) => timeout(self.config.patience, ask(client)).await.unwrap_or(Err(Fault::RequestTimeoutError)),
            Err(fault) => Err(fault),
        };
        let result = result.map_err(|fault| (kind_of(&fault), fault));
        // An answer that something is not there is an answer.
        let told = match &result {
            Ok(_) => Ok(()),
            Err((_, fault)) if status_of(fault) == Some(404) => Ok(()),
            Err((kind, _)) => Err(*kind),
        };
        self.observer.engine_called(operation, told, since.elapsed());
        result.map_err(|(kind, fault)| EngineError { verb, kind, source: Box::new(fault) })
    }

    async fn bring_up(&self, spec: &SandboxSpec) -> Result<Link, EngineError> {
        let name = spec.id.as_str();
        let options = CreateContainerOptionsBuilder::new().name(name).build();
        let body = spec::create_body(spec, &self.config, self.parent().await?);
        let made = self
            .call(EngineOperation::Create, "create a sandbox", |docker| docker.create_container(Some(options), body))
            .await;
        let created = made.inspect_err(|_| self.precedence.forget())?;
        let start =
            || self.call(EngineOperation::Start, "start a sandbox", |docker| docker.start_container(name, None));
        let (output, input) = match self.config.handoff {
            Handoff::Exec => {
                start().await?;
                self.call(EngineOperation::Exec, "start the agent", |docker| open_agent(docker, spec)).await?
            }
            Handoff::Attach => {
                let streams =
                    self.call(EngineOperation::Attach, "attach", |docker| attach::before_start(docker, name)).await?;
                start().await?;
                streams
            }
        };
        let memory = memory::Memory::new(self.clone(), spec.id.clone(), &created.id, spec.memory_bytes);
        Ok(attach::link(output, input, &spec.id, memory))
    }

    /// The control group to put a sandbox into.
    async fn parent(&self) -> Result<Option<String>, EngineError> {
        let shares = self.config.cpu_shares;
        if shares == 0 || !self.is_local() {
            return Ok(None);
        }
        let whose = match self.precedence.known() {
            Some(whose) => whose,
            None => {
                let told = self.call(EngineOperation::Probe, "tell of itself", |docker| docker.info()).await?;
                self.precedence.learn(&told)
            }
        };
        Ok(if whose == Parent::Ours { self.precedence.group(shares) } else { None })
    }

    /// Waits until it has left by itself; false when it is stuck or cannot be waited for.
    async fn has_left(&self, id: &SandboxId) -> bool {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let wait = self.call(EngineOperation::Wait, "wait for a sandbox to leave", |docker| async move {
            match docker.wait_container(id.as_str(), Some(options)).next().await {
                // Whatever it ended with, it has ended.
                Some(Ok(_) | Err(Fault::DockerContainerWaitError { .. })) => Ok(()),
                Some(Err(fault)) => Err(fault),
                None => Err(Fault::RequestTimeoutError),
            }
        });
        matches!(timeout(LEAVE_PATIENCE, wait).await, Ok(Ok(())))
    }

    /// Returns when the daemon knows nothing of it any more.
    async fn remove(&self, id: &SandboxId, force: bool) -> Result<(), EngineError> {
        let deadline = Instant::now() + self.config.patience;
        loop {
            let options = RemoveContainerOptionsBuilder::new().force(force).build();
            let removed = self
                .call(EngineOperation::Remove, "remove a sandbox", |docker| {
                    docker.remove_container(id.as_str(), Some(options))
                })
                .await;
            match removed {
                Ok(()) => return Ok(()),
                Err(error) => match error.status() {
                    Some(404) => return Ok(()),
                    // Somebody else's removal is under way: it counts only once it is through.
                    Some(409) if Instant::now() < deadline && (force || error.is_removal_in_progress()) => {
                        sleep(REMOVAL_PAUSE).await;
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}

impl Engine for DockerEngine {
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>> {
        Box::pin(self.bring_up(spec))
    }

    fn destroy<'a>(&'a self, id: &'a SandboxId, how: Destroy) -> BoxFuture<'a, Result<(), EngineError>> {
        Box::pin(async move {
            if how == Destroy::Leaving && self.has_left(id).await && self.remove(id, false).await.is_ok() {
                return Ok(());
            }
            self.remove(id, true).await
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>> {
        Box::pin(async move {
            let label = format!("{}={}", spec::OWNER_LABEL, self.config.owner);
            let filters = std::collections::HashMap::from([("label".to_owned(), vec![label])]);
            let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
            let found = self
                .call(EngineOperation::List, "list its sandboxes", |docker| docker.list_containers(Some(options)))
                .await?;
            let listed = found.into_iter().filter_map(|container| {
                let name = container.names?.into_iter().next()?;
                let is_frozen = container.state == Some(ContainerSummaryStateEnum::PAUSED);
                Some(Listed { id: SandboxId::from_engine(name.trim_start_matches('/')), is_frozen })
            });
            Ok(listed.collect())
        })
    }

    fn lay_ghosts(&self, uids: Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>> {
        Box::pin(self.lay_ghosts(uids))
    }

    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>> {
        Box::pin(async move {
            self.call(EngineOperation::Probe, "answer", |docker| async move {
                let (version, info) = (docker.version().await?, docker.info().await?);
                Ok(EngineInfo {
                    lacks: lacking(&info),
                    name: "Docker Engine".to_owned(),
                    version: version.version.unwrap_or_default(),
                    api_version: version.api_version.unwrap_or_default(),
                    runtime: self.config.runtime.clone().or(info.default_runtime).unwrap_or_default(),
                    runtime_reason: None,
                    runtimes: info.runtimes.into_iter().flatten().map(|(name, _)| name).collect(),
                    cgroup_version: info.cgroup_version.map(|version| version.to_string()).unwrap_or_default(),
                })
            })
            .await
        })
    }

    fn weight(&self) -> Weight {
        Weight::Heavy
    }

    fn has_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>> {
        Box::pin(async move {
            match self.call(EngineOperation::Probe, "look for an image", |docker| docker.inspect_image(image)).await {
                Ok(_) => Ok(true),
                Err(error) if error.status() == Some(404) => Ok(false),
                Err(error) => Err(error),
            }
        })
    }
}

fn lacking(info: &SystemInfo) -> Vec<&'static str> {
    let has_seccomp =
        info.security_options.iter().flatten().any(|option| option.split(',').any(|part| part == "name=seccomp"));
    [
        (has_seccomp, "system call filters (seccomp)"),
        (info.memory_limit == Some(true), "memory limits"),
        (info.swap_limit == Some(true), "limits of swap"),
        (info.pids_limit == Some(true), "limits of processes"),
        (info.cpu_cfs_quota == Some(true), "limits of processor time"),
    ]
    .into_iter()
    .filter_map(|(has, what)| (!has).then_some(what))
    .collect()
}

async fn open_agent(docker: &Docker, spec: &SandboxSpec) -> Result<attach::Attached, Fault> {
    let options = CreateExecOptions {
        attach_stdin: Some(true),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        user: Some(format!("{0}:{0}", spec.agent_uid)),
        working_dir: Some("/".to_owned()),
        cmd: Some(vec![spec::AGENT.to_owned(), "serve".to_owned()]),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(spec.id.as_str(), options).await?;
    let options = StartExecOptions { output_capacity: Some(STREAM_CAPACITY), ..StartExecOptions::default() };
    match docker.start_exec(&exec.id, Some(options)).await? {
        StartExecResults::Attached { output, input } => Ok((output, input)),
        StartExecResults::Detached => Err(Fault::DockerStreamError { error: "the exec was detached".to_owned() }),
    }
}

impl EngineError {
    fn status(&self) -> Option<u16> {
        self.source.downcast_ref().and_then(status_of)
    }

    fn is_removal_in_progress(&self) -> bool {
        matches!(
            self.source.downcast_ref(),
            Some(Fault::DockerResponseServerError { message, .. }) if message.contains("in progress")
        )
    }
}

fn status_of(fault: &Fault) -> Option<u16> {
    match fault {
        Fault::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

fn kind_of(fault: &Fault) -> EngineFault {
    match fault {
        Fault::RequestTimeoutError => EngineFault::Timeout,
        Fault::DockerResponseServerError { .. } => EngineFault::Refused,
        _ => EngineFault::Unreachable,
    }
}
