//! Sandboxes without a daemon: the kernel's own means, asked for by us. The same agent in the same images, one filter, one set
//! of limits; an image is a directory here.
//!
//! ```text
//! NativeEngine
//!   nurseries   one process for each image: lives in its root, forks sandboxes (`agent/nursery.rs`); for a language that has it so
//!               one of its own, which is its interpreter (`agent/zygote.rs`)
//!   slots       network namespaces and control groups, used again with the uids that they belong to
//!   alive       what is on the host: a descriptor of each sandbox's PID 1
//! ```
//! Needs root, and Linux 5.14 or later: `clone3`, the mount calls, `subset=pid` of proc.

mod control;
mod filter;
mod hierarchy;
mod nursery;
mod packets;
mod slot;

use std::{
    collections::HashMap,
    fs, io,
    ops::Range,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{fs::MetadataExt, net::UnixStream},
    },
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use caisson_protocol::{Begin, Filters, Make, Store};
use control::{Alive, Control};
use futures_util::future::BoxFuture;
use hierarchy::Hierarchy;
use nursery::{AGENT, FROM_A_ZYGOTE, Nursery};
use slot::Slot;
use tokio::time::{Instant, timeout};
use tracing::warn;

use super::{
    Destroy, Engine, EngineError, EngineInfo, Link, Listed, SandboxId, SandboxSpec, Weight, Zygote,
    group::Bounds,
    places::{Owner, PLACES, Place, bounds},
};
use crate::observe::{EngineFault, EngineOperation, Observer};

#[derive(Debug, Clone)]
pub struct NativeConfig {
    /// The images: `caisson/python:latest` is the directory `caisson/python` there.
    pub roots: PathBuf,
    /// Names the control groups.
    pub owner: String,
    /// The system call filter, in Docker's form.
    pub seccomp: String,
    /// How long the making of one sandbox may take, and its forced end.
    pub patience: Duration,
}

#[derive(Debug)]
pub struct NativeEngine {
    config: NativeConfig,
    observer: Arc<dyn Observer>,
    /// Made at the first need: what this host lacks is told by every call that needs it.
    ground: Mutex<Option<Arc<Ground>>>,
    nurseries: tokio::sync::Mutex<HashMap<Origin, Arc<Nursery>>>,
    slots: Mutex<HashMap<u32, Arc<Slot>>>,
    alive: Mutex<HashMap<SandboxId, Arc<Alive>>>,
}

/// What all sandboxes stand on.
#[derive(Debug)]
struct Ground {
    hierarchy: Hierarchy,
    filters: Filters,
}

/// What sandboxes of one nursery are made from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Origin {
    image: String,
    zygote: Option<Zygote>,
}

/// A sandbox whose agent was told to leave is gone within milliseconds; past this it is stuck and is forced.
const LEAVE_PATIENCE: Duration = Duration::from_secs(3);

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl NativeEngine {
    pub fn new(config: NativeConfig, observer: Arc<dyn Observer>) -> Self {
        Self {
            config,
            observer,
            ground: Mutex::default(),
            nurseries: tokio::sync::Mutex::default(),
            slots: Mutex::default(),
            alive: Mutex::default(),
        }
    }

    fn alive(&self) -> MutexGuard<'_, HashMap<SandboxId, Arc<Alive>>> {
        self.alive.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ground(&self) -> Result<Arc<Ground>, Cause> {
        let mut ground = self.ground.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ground) = &*ground {
            return Ok(Arc::clone(ground));
        }
        if !rustix::process::geteuid().is_root() {
            return Err("it needs root: run the service as root, or use Docker".into());
        }
        let hierarchy = Hierarchy::of(&self.config.owner)?;
        let filters = filter::compile(&self.config.seccomp)?;
        Ok(Arc::clone(ground.insert(Arc::new(Ground { hierarchy, filters }))))
    }

    /// Where an image is, if it is there: its name is checked with the configuration.
    fn root(&self, image: &str) -> PathBuf {
        let name = image.rsplit_once(':').map_or(image, |(name, _tag)| name);
        self.config.roots.join(name)
    }

    async fn nursery(&self, origin: &Origin, ground: &Ground) -> io::Result<Arc<Nursery>> {
        let mut nurseries = self.nurseries.lock().await;
        match nurseries.get(origin) {
            Some(nursery) if nursery.is_lost() => nursery.end().await,
            Some(nursery) if nursery.is_spent() => {}
            Some(nursery) => return Ok(Arc::clone(nursery)),
            None => {}
        }
        // One that is spent ends with the last of its sandboxes.
        nurseries.remove(origin);
        let nursery = Arc::new(self.start_nursery(origin, ground).await?);
        nurseries.insert(origin.clone(), Arc::clone(&nursery));
        Ok(nursery)
    }

    async fn start_nursery(&self, origin: &Origin, ground: &Ground) -> io::Result<Nursery> {
        let root = self.root(&origin.image);
        // What stands in for a zygote is for as many sandboxes: then it is tried again.
        let left = if origin.zygote.is_some() { FROM_A_ZYGOTE } else { u32::MAX };
        let start = |zygote| {
            let begin = Begin { filters: ground.filters.clone(), groups: ground.hierarchy.groups(), zygote };
            Nursery::start(&root, begin, left, self.config.patience)
        };
        if let Some(zygote) = &origin.zygote {
            match start(Some(wire_zygote(zygote))).await {
                Err(error) => {
                    let (image, error) = (&origin.image, &error as &dyn std::error::Error);
                    warn!(image, error, "no zygote could be made: each program is started anew");
                }
                made => return made,
            }
        }
        start(None).await
    }

    fn slot(&self, job_uid: u32, ground: &Ground) -> io::Result<Arc<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(&job_uid) {
            return Ok(Arc::clone(slot));
        }
        let slot = Arc::new(Slot::make(&ground.hierarchy, &job_uid.to_string())?);
        slots.insert(job_uid, Arc::clone(&slot));
        Ok(slot)
    }

    fn is_slot(&self, name: &str) -> bool {
        let slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        name.parse().is_ok_and(|uid: u32| slots.contains_key(&uid))
    }

    async fn bring_up(&self, spec: &SandboxSpec) -> Result<Link, Cause> {
        if let Some(runtime) = &spec.runtime {
            return Err(format!("the runtime {runtime} is Docker's: this engine has none").into());
        }
        let ground = self.ground()?;
        let origin = Origin { image: spec.image.clone(), zygote: spec.zygote.clone() };
        let nursery = self.nursery(&origin, &ground).await?;
        match self.bring_up_from(&nursery, spec, &ground).await {
            // It left between two sandboxes: the next one knows nothing of that.
            Err(_) if nursery.is_lost() => {
                let nursery = self.nursery(&origin, &ground).await?;
                self.bring_up_from(&nursery, spec, &ground).await
            }
            result => result,
        }
    }

    async fn bring_up_from(&self, nursery: &Arc<Nursery>, spec: &SandboxSpec, ground: &Ground) -> Result<Link, Cause> {
        let slot = self.slot(spec.job_uid, ground)?;
        slot.bound(spec)?;
        let kills_before = slot.group.kills();
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let (entrances, mounts) = (slot.entrances()?, slot.mounts()?);
        let theirs = OwnedFd::from(theirs);
        let of_groups = entrances.iter().chain(&mounts).map(AsFd::as_fd);
        let fds = Vec::from_iter([theirs.as_fd(), slot.network()].into_iter().chain(of_groups));
        let (pid, pidfd) = nursery.make(make(spec), &fds, self.config.patience).await?;
        let alive = Arc::new(Alive::new(pid, pidfd, Arc::clone(nursery), Arc::clone(&slot), kills_before)?);
        // Nothing is waited for between the answer and this: what is on the host is known.
        self.alive().insert(spec.id.clone(), Arc::clone(&alive));
        let (reader, writer) = tokio::io::split(tokio::net::UnixStream::from_std(ours)?);
        let control = Control { id: spec.id.clone(), alive, bounds: Bounds::new(spec.memory_bytes) };
        Ok(Link {
            reader: Box::new(reader),
            writer: Box::new(writer),
            controls: Box::new(control),
            proven: nursery.proven.clone(),
        })
    }

    async fn remove(&self, id: &SandboxId, how: Destroy) -> Result<(), Cause> {
        let Some(alive) = self.alive().get(id).map(Arc::clone) else { return Ok(()) };
        let has_left = how == Destroy::Leaving && timeout(LEAVE_PATIENCE, alive.ended()).await.is_ok();
        if !has_left {
            alive.kill()?;
            timeout(self.config.patience, alive.ended()).await??;
        }
        self.alive().remove(id);
        Ok(())
    }

    /// One call, timed and told to the observer.
    async fn told<T>(
        &self,
        operation: EngineOperation,
        verb: &'static str,
        work: impl Future<Output = Result<T, Cause>>,
    ) -> Result<T, EngineError> {
        let since = Instant::now();
        let result = work.await.map_err(|source| EngineError { verb, kind: kind_of(&source), source });
        self.observer.engine_called(operation, result.as_ref().map(drop).map_err(|error| error.kind), since.elapsed());
        result
    }
}

impl Drop for NativeEngine {
    /// Its groups go with it. Sandboxes that are still there keep theirs, and end with their nurseries.
    fn drop(&mut self) {
        let ground = self.ground.get_mut().unwrap_or_else(PoisonError::into_inner);
        let Some(ground) = ground.take() else { return };
        let slots = self.slots.get_mut().unwrap_or_else(PoisonError::into_inner);
        for uid in slots.keys() {
            ground.hierarchy.remove(&uid.to_string());
        }
        ground.hierarchy.remove_all();
    }
}

impl Engine for NativeEngine {
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>> {
        Box::pin(self.told(EngineOperation::Create, "create a sandbox", self.bring_up(spec)))
    }

    fn destroy<'a>(&'a self, id: &'a SandboxId, how: Destroy) -> BoxFuture<'a, Result<(), EngineError>> {
        Box::pin(self.told(EngineOperation::Remove, "remove a sandbox", self.remove(id, how)))
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>> {
        Box::pin(self.told(EngineOperation::List, "list its sandboxes", async {
            let alive = Vec::from_iter(self.alive().iter().map(|(id, alive)| (id.clone(), alive.pid)));
            Ok(alive.into_iter().map(|(id, pid)| Listed { id, is_frozen: is_frozen(pid) }).collect())
        }))
    }

    fn lay_ghosts(&self, uids: Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>> {
        Box::pin(self.told(EngineOperation::List, "look for what is left of sandboxes", async move {
            let ground = self.ground()?;
            // What a sandbox of this run was in is empty once its PID 1 has ended: the kernel sees to that.
            let of_others = ground.hierarchy.names().into_iter().filter(|name| !self.is_slot(name));
            Ok(of_others.filter(|name| lay_ghosts(&ground.hierarchy, name, &uids)).count())
        }))
    }

    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>> {
        Box::pin(self.told(EngineOperation::Probe, "answer", async {
            let ground = self.ground()?;
            Ok(EngineInfo {
                name: "Native engine".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                api_version: String::new(),
                runtime: format!("Linux {}", rustix::system::uname().release().to_string_lossy()),
                runtime_reason: None,
                runtimes: Vec::new(),
                cgroup_version: ground.hierarchy.version().to_owned(),
                lacks: Vec::new(),
            })
        }))
    }

    fn weight(&self) -> Weight {
        Weight::Light
    }

    fn has_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>> {
        Box::pin(async move { Ok(self.root(image).join(AGENT).exists()) })
    }
}

fn wire_zygote(zygote: &Zygote) -> caisson_protocol::Zygote {
    let Zygote { argv, env, entry, stack_bytes } = zygote.clone();
    caisson_protocol::Zygote { argv, env, entry, stack_bytes }
}

fn make(spec: &SandboxSpec) -> Make {
    let place = |place: &&Place| caisson_protocol::Place {
        path: place.path.to_owned(),
        mode: place.mode,
        uid: place.uid(spec),
        exec: place.exec,
    };
    // Each file system costs the kernel some memory in every control group there is: one for each owner is enough.
    let store = |owner| {
        let places = Vec::from_iter(PLACES.iter().filter(|place| place.owner == owner));
        Store { bounds: bounds(&places, spec), places: places.iter().map(place).collect() }
    };
    Make {
        job_uid: spec.job_uid,
        agent_uid: spec.agent_uid,
        stores: [Owner::Agent, Owner::Job].map(store).into(),
        file_size_bytes: spec.file_size_bytes,
        open_files: spec.open_files,
    }
}

/// Whether somebody has stopped PID 1 or the agent, which is its first child.
fn is_frozen(pid: i32) -> bool {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let agent = children.split(' ').next().and_then(|child| child.parse().ok());
    [Some(pid), agent].into_iter().flatten().any(|pid| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Behind the name, which may hold anything.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['T', 't']))
    })
}

/// Ends what runs under these uids in a group that an earlier run left, and removes an empty one. Whether there was any.
fn lay_ghosts(hierarchy: &Hierarchy, name: &str, uids: &Range<u32>) -> bool {
    let processes = hierarchy.processes(name);
    // One that was about to become a sandbox is root's still.
    let is_ours = |uid: u32| uid == 0 || uids.contains(&uid);
    let ours =
        processes.iter().filter(|pid| fs::metadata(format!("/proc/{pid}")).is_ok_and(|found| is_ours(found.uid())));
    let killed = ours.filter(|pid| {
        let pid = rustix::process::Pid::from_raw(**pid);
        pid.is_some_and(|pid| rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok())
    });
    let killed = killed.count();
    hierarchy.remove(name);
    killed > 0
}

fn kind_of(cause: &Cause) -> EngineFault {
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => EngineFault::Timeout,
        Some(_) => EngineFault::Unreachable,
        None => EngineFault::Refused,
    }
}
