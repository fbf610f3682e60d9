//! An engine without containers, for tests of everything above it: its agents speak the real protocol over pipes in
//! memory, and its programs are a few words in the job's first file, one a line:
//!
//! `print TEXT`, `err TEXT`, `cat` (stdin to stdout), `args`, `sleep MS`, `exit N`, `signal N`, `oom`, `hang`, and `die`,
//! by which the agent hangs up. A job that has a compile step compiles well unless a line says `uncompilable`.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    io,
    ops::Range,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use caisson_protocol as protocol;
use futures_util::future::BoxFuture;
use protocol::{Ended, Exit, FromAgent, Hello, Start, Stop, Stream, ToAgent};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::{
    Beside, Controls, Destroy, Engine, EngineError, EngineInfo, Link, Listed, Proven, SandboxId, SandboxSpec, Weight,
};
use crate::observe::EngineFault;

#[derive(Debug, Clone, Default)]
pub struct FakeEngine {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Default)]
struct Shared {
    alive: BTreeMap<SandboxId, Option<AbortHandle>>,
    stuck: BTreeSet<SandboxId>,
    frozen: BTreeSet<SandboxId>,
    behaviour: Behaviour,
    created: usize,
    destroyed: usize,
    most_at_once: usize,
    creating: usize,
    most_creating: usize,
    specs: VecDeque<SandboxSpec>,
    allotted: Vec<u64>,
}

/// How the engine and its agents behave, until told otherwise.
#[derive(Debug, Clone)]
pub struct Behaviour {
    pub create_takes: Duration,
    pub destroy_takes: Duration,
    pub create_fails: bool,
    pub destroy_fails: bool,
    pub greeting: Greeting,
    /// What is found when an agent is lost.
    pub ran_out_of_memory: bool,
    /// What an idle sandbox takes of the host's memory, where that is seen.
    pub idle_bytes: Option<u64>,
    pub weight: Weight,
    /// What it says that sandboxes may name, and refuses others; where it says nothing, it takes all.
    pub runtimes: Vec<String>,
    /// It refuses this one too.
    pub broken_runtime: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Greeting {
    Hello,
    WrongVersion,
    WrongUid,
    Silence,
    Noise,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            create_takes: Duration::from_millis(100),
            destroy_takes: Duration::from_millis(50),
            create_fails: false,
            destroy_fails: false,
            greeting: Greeting::Hello,
            ran_out_of_memory: false,
            idle_bytes: None,
            weight: Weight::Heavy,
            runtimes: Vec::new(),
            broken_runtime: None,
        }
    }
}

impl Behaviour {
    fn refuses(&self, runtime: &String) -> bool {
        let is_known = self.runtimes.is_empty() || self.runtimes.contains(runtime);
        !is_known || self.broken_runtime.as_ref() == Some(runtime)
    }
}

impl FakeEngine {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn behave(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.shared().behaviour);
    }

    pub fn alive(&self) -> Vec<SandboxId> {
        self.shared().alive.keys().cloned().collect()
    }

    pub fn created(&self) -> usize {
        self.shared().created
    }

    pub fn destroyed(&self) -> usize {
        self.shared().destroyed
    }

    /// The most sandboxes that were on the host at any one time, dying ones included.
    pub fn most_at_once(&self) -> usize {
        self.shared().most_at_once
    }

    pub fn most_creating(&self) -> usize {
        self.shared().most_creating
    }

    pub fn specs(&self) -> Vec<SandboxSpec> {
        self.shared().specs.iter().cloned().collect()
    }

    /// The memory that was allotted to jobs, step by step.
    pub fn allotted(&self) -> Vec<u64> {
        self.shared().allotted.clone()
    }

    /// A sandbox that no service of this run has made.
    pub fn plant(&self, id: SandboxId) {
        self.shared().alive.insert(id, None);
    }

    /// From now on no attempt to destroy it succeeds.
    pub fn make_stuck(&self, id: SandboxId) {
        self.shared().stuck.insert(id);
    }

    /// From now on it is listed as frozen.
    pub fn freeze(&self, id: SandboxId) {
        self.shared().frozen.insert(id);
    }

    /// Ends a sandbox from outside: its agent is gone, its name is still listed.
    pub fn kill(&self, id: &SandboxId) {
        if let Some(Some(agent)) = self.shared().alive.get(id) {
            agent.abort();
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fault(verb: &'static str) -> EngineError {
        EngineError { verb, kind: EngineFault::Refused, source: "told to fail".into() }
    }
}

impl Engine for FakeEngine {
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>> {
        Box::pin(async move {
            let behaviour = {
                let mut shared = self.shared();
                shared.creating += 1;
                shared.most_creating = shared.most_creating.max(shared.creating);
                shared.alive.insert(spec.id.clone(), None);
                shared.most_at_once = shared.most_at_once.max(shared.alive.len());
                shared.specs.push_back(spec.clone());
                shared.behaviour.clone()
            };
            sleep(behaviour.create_takes).await;
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let mut shared = self.shared();
            shared.creating -= 1;
            if behaviour.create_fails || spec.runtime.as_ref().is_some_and(|runtime| behaviour.refuses(runtime)) {
                return Err(Self::fault("create a sandbox"));
            }
            shared.created += 1;
            let agent = FakeAgent { stream: theirs, received: Vec::new(), file: Vec::new(), stdin: Vec::new() };
            let task = tokio::spawn(agent.live(behaviour.greeting, spec.agent_uid, spec.job_uid));
            shared.alive.insert(spec.id.clone(), Some(task.abort_handle()));
            let (reader, writer) = tokio::io::split(ours);
            let controls = FakeControls { shared: Arc::clone(&self.shared) };
            Ok(Link {
                reader: Box::new(reader),
                writer: Box::new(writer),
                controls: Box::new(controls),
                proven: Proven::default(),
            })
        })
    }

    fn destroy<'a>(&'a self, id: &'a SandboxId, _how: Destroy) -> BoxFuture<'a, Result<(), EngineError>> {
        Box::pin(async move {
            let behaviour = self.shared().behaviour.clone();
            sleep(behaviour.destroy_takes).await;
            let mut shared = self.shared();
            if behaviour.destroy_fails || shared.stuck.contains(id) {
                return Err(Self::fault("remove a sandbox"));
            }
            if let Some(agent) = shared.alive.remove(id) {
                shared.destroyed += 1;
                if let Some(agent) = agent {
                    agent.abort();
                }
            }
            Ok(())
        })
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>> {
        Box::pin(async move {
            let shared = self.shared();
            let listed = shared.alive.keys().map(|id| Listed { id: id.clone(), is_frozen: shared.frozen.contains(id) });
            Ok(listed.collect())
        })
    }

    fn lay_ghosts(&self, _uids: Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>> {
        Box::pin(async { Ok(0) })
    }

    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>> {
        Box::pin(async move {
            Ok(EngineInfo {
                name: "fake".to_owned(),
                version: "0".to_owned(),
                api_version: "1.41".to_owned(),
                runtime: "none".to_owned(),
                runtime_reason: None,
                runtimes: self.shared().behaviour.runtimes.clone(),
                cgroup_version: "2".to_owned(),
                lacks: Vec::new(),
            })
        })
    }

    fn weight(&self) -> Weight {
        self.shared().behaviour.weight
    }

    fn has_image<'a>(&'a self, _image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>> {
        Box::pin(async move { Ok(true) })
    }
}

#[derive(Debug)]
struct FakeControls {
    shared: Arc<Mutex<Shared>>,
}

impl FakeControls {
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Controls for FakeControls {
    fn allot<'a>(&'a mut self, memory_bytes: u64, _beside: Beside) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.shared().allotted.push(memory_bytes) })
    }

    fn cpu_time(&self) -> Option<Duration> {
        None
    }

    fn memory_in_use(&self) -> Option<u64> {
        self.shared().behaviour.idle_bytes
    }

    fn has_killed(&self) -> bool {
        false
    }

    fn relieve(&self) {}

    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move { self.shared().behaviour.ran_out_of_memory })
    }
}

/// What the inspection of a sandbox says in which all is well.
pub fn good_facts(job_uid: u32) -> String {
    let ids = [job_uid; 4].map(|uid| uid.to_string()).join(",");
    let none = "0000000000000000";
    format!(
        "Uid {ids}\nGid {ids}\nGroups \nCapInh {none}\nCapPrm {none}\nCapEff {none}\nCapBnd {none}\nCapAmb {none}\n\
         NoNewPrivs 1\nSeccomp 2\nSeccomp_filters 2\nnetns net:[1]\ninterface lo\nroutes 0\nwrites /dev/shm\nwrites /tmp\n\
         writes /work\ncore 0\ndescriptors 3\n"
    )
}

fn ended(exit: Exit) -> Ended {
    Ended {
        exit,
        stopped: None,
        cpu_ns: 1_000_000,
        wall_ns: 0,
        memory_peak_bytes: 1 << 20,
        oom_kills: 0,
        forks_refused: 0,
        stdout_cut: false,
        stderr_cut: false,
        not_kept: false,
        kept_bytes: 1,
        armed: false,
    }
}

struct FakeAgent {
    stream: DuplexStream,
    received: Vec<u8>,
    file: Vec<u8>,
    stdin: Vec<u8>,
}

impl FakeAgent {
    /// Until the server hangs up, or a program says `die`.
    async fn live(mut self, greeting: Greeting, agent_uid: u32, job_uid: u32) {
        let hello = |protocol, agent_uid| {
            FromAgent::Hello(Hello { protocol, agent_uid, job_uid, sees_cpu: true, shortcut: None })
        };
        let greeted = match greeting {
            Greeting::Hello => self.say(&hello(protocol::VERSION, agent_uid), &[]).await,
            Greeting::WrongVersion => self.say(&hello(protocol::VERSION + 1, agent_uid), &[]).await,
            Greeting::WrongUid => self.say(&hello(protocol::VERSION, 0), &[]).await,
            Greeting::Silence => Ok(()),
            Greeting::Noise => self.stream.write_all(&[0xff; 64]).await,
        };
        if greeted.is_ok() {
            let _ = self.serve(job_uid).await;
        }
    }

    async fn serve(&mut self, job_uid: u32) -> io::Result<()> {
        let mut is_first_file = true;
        let mut steps = 0;
        loop {
            let (message, payload) = self.hear().await?;
            match message {
                ToAgent::File { .. } if is_first_file => {
                    is_first_file = false;
                    self.file = payload;
                }
                ToAgent::File { .. } | ToAgent::More => {}
                ToAgent::Arm { .. } | ToAgent::ArmSuccessor { .. } => self.say(&FromAgent::Armed(Ok(())), &[]).await?,
                ToAgent::Stdin => self.stdin.extend_from_slice(&payload),
                ToAgent::Prepare(_) => self.say(&FromAgent::Prepared, &[]).await?,
                ToAgent::Run(step) if step.argv.starts_with(&protocol::INSPECTION.map(str::to_owned)) => {
                    let facts = good_facts(job_uid);
                    self.print(Stream::Stdout, facts.as_bytes(), &step).await?;
                    self.say(&FromAgent::Ended(ended(Exit::Code(0))), &[]).await?;
                }
                ToAgent::Run(step) => {
                    // The rehearsal before is nobody's step.
                    steps += u32::from(!is_first_file);
                    self.run(&step, steps).await?;
                }
                ToAgent::Fetch { path, .. } => {
                    self.say(&FromAgent::Artifact, path.as_bytes()).await?;
                    self.say(&FromAgent::Fetched(Ok(())), &[]).await?;
                }
                ToAgent::Export => {
                    let kept = self.file.clone();
                    self.say(&FromAgent::Artifact, &kept).await?;
                    self.say(&FromAgent::Fetched(Ok(())), &[]).await?;
                }
                ToAgent::Import { last } => {
                    is_first_file = false;
                    // What is run from now on was compiled elsewhere.
                    steps = 1;
                    self.file.extend_from_slice(&payload);
                    if last {
                        self.say(&FromAgent::Imported, &[]).await?;
                    }
                }
                ToAgent::TakeShortcut | ToAgent::Disarm | ToAgent::Feed | ToAgent::FeedEnd | ToAgent::Stop => {}
            }
        }
    }

    async fn run(&mut self, step: &protocol::Step, number: u32) -> io::Result<()> {
        let since = Instant::now();
        let program = String::from_utf8_lossy(&self.file).into_owned();
        let wall = Duration::from_nanos(step.limits.wall_ns);
        let is_compile = number == 1 && step.argv.iter().any(|word| word.ends_with("cc") || word.ends_with("c++"));
        let mut exit = Exit::Code(0);
        let mut stopped = None;
        let mut oom_kills = 0;
        if is_compile {
            if program.contains("uncompilable") {
                self.say(&FromAgent::Output(Stream::Stderr), b"error: uncompilable\n").await?;
                exit = Exit::Code(1);
            }
        } else {
            for line in program.lines() {
                let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
                match verb {
                    "print" => self.print(Stream::Stdout, rest.as_bytes(), step).await?,
                    "err" => self.print(Stream::Stderr, rest.as_bytes(), step).await?,
                    "cat" => {
                        let stdin = std::mem::take(&mut self.stdin);
                        self.print(Stream::Stdout, &stdin, step).await?;
                    }
                    "args" => self.print(Stream::Stdout, step.argv.join(" ").as_bytes(), step).await?,
                    "sleep" => sleep(Duration::from_millis(rest.parse().unwrap_or(0)).min(wall)).await,
                    "exit" => exit = Exit::Code(rest.parse().unwrap_or(1)),
                    "signal" => exit = Exit::Signal(rest.parse().unwrap_or(9)),
                    "oom" => (exit, oom_kills) = (Exit::Signal(9), 1),
                    "hang" => {
                        sleep(wall).await;
                        (exit, stopped) = (Exit::Signal(9), Some(Stop::WallTime));
                    }
                    "die" => return Err(io::ErrorKind::ConnectionAborted.into()),
                    _ => {}
                }
            }
        }
        let wall_ns = since.elapsed().as_nanos() as u64;
        self.say(
            &FromAgent::Ended(Ended {
                stopped,
                oom_kills,
                wall_ns,
                armed: matches!(step.start, Start::Fed | Start::Successor),
                ..ended(exit)
            }),
            &[],
        )
        .await
    }

    async fn print(&mut self, stream: Stream, text: &[u8], step: &protocol::Step) -> io::Result<()> {
        let stream = if step.merge_stderr { Stream::Stdout } else { stream };
        for piece in text.chunks(protocol::PIECE) {
            self.say(&FromAgent::Output(stream), piece).await?;
        }
        Ok(())
    }

    async fn say(&mut self, message: &FromAgent, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        protocol::encode(message, payload, &mut frame);
        self.stream.write_all(&frame).await
    }

    async fn hear(&mut self) -> io::Result<(ToAgent, Vec<u8>)> {
        loop {
            if let Some((body, length)) = protocol::split(&self.received).map_err(io::Error::other)? {
                let (message, payload) = protocol::decode(body).map_err(io::Error::other)?;
                let payload = payload.to_vec();
                self.received.drain(..length);
                return Ok((message, payload));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
