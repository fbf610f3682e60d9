//! The seam to whatever makes sandboxes.

pub mod docker;
pub mod fake;
mod group;
mod masked;
pub mod native;
mod places;

use std::{
    fmt,
    fmt::Debug,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
pub use masked::MASKED;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
};

use crate::{job::LanguageId, observe::EngineFault};

/// Makes and removes sandboxes. The id is ours, so that a half-made sandbox can be destroyed.
pub trait Engine: Send + Sync + Debug + 'static {
    /// Brings up a sandbox to the point where its agent can be talked to.
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>>;
    /// Returns when nothing of it is left on the host. Absent is `Ok`.
    fn destroy<'a>(&'a self, id: &'a SandboxId, how: Destroy) -> BoxFuture<'a, Result<(), EngineError>>;
    /// Every sandbox of this owner, in whatever state.
    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>>;
    /// Ends what runs on this host under these uids, which are its owner's, in a sandbox that the engine does not know;
    /// returns of how many sandboxes.
    fn lay_ghosts(&self, uids: Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>>;
    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>>;
    /// Whether what a language needs is there to make sandboxes from.
    fn has_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>>;
    fn weight(&self) -> Weight;
}

/// What making a sandbox and removing it takes of the processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// As much as many small programs, which would feel it: what can wait is done when none runs.
    Heavy,
    /// No more than starting a program: waiting would spare nobody anything.
    Light,
}

/// Names a sandbox on the host: `<owner>-<boot>-<number>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SandboxId(String);

impl SandboxId {
    pub fn new(owner: &str, boot: &str, number: u64) -> Self {
        Self(format!("{owner}-{boot}-{number}"))
    }

    /// For a name that the engine reported.
    pub fn from_engine(name: &str) -> Self {
        Self(name.to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SandboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Debug for SandboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A sandbox that the engine knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub id: SandboxId,
    /// Somebody has stopped all that is in it: its agent will not answer, and does not hang up either.
    pub is_frozen: bool,
}

/// What a sandbox must be.
#[derive(Debug, Clone, PartialEq)]
pub struct SandboxSpec {
    pub id: SandboxId,
    pub language: LanguageId,
    pub image: String,
    /// What makes it on the host; the engine's own choice when absent.
    pub runtime: Option<String>,
    /// Of the job and of PID 1.
    pub job_uid: u32,
    /// Of the agent that supervises them.
    pub agent_uid: u32,
    pub memory_bytes: u64,
    /// Processes of the job; the engine adds what the agent needs.
    pub processes: u64,
    pub file_size_bytes: u64,
    pub open_files: u64,
    /// Processors that all processes together may keep busy.
    pub cpus: f64,
    /// What an engine that can do so starts once for many sandboxes.
    pub zygote: Option<Zygote>,
}

/// A program that is started up to the moment in which it opens its source, and of which sandboxes are given copies.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zygote {
    pub argv: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// Its source, below the work directory.
    pub entry: String,
    pub stack_bytes: u64,
}

/// How a sandbox is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destroy {
    /// Its agent was told to leave and takes it along: wait for that, force only what is stuck.
    Leaving,
    /// Nobody talks to it any more.
    Force,
}

/// What can be done to a sandbox from outside, without its agent.
pub trait Controls: Send + Sync + Debug {
    /// Before a step: from now on its job may have so much memory, and the peak begins anew. Where that cannot be done the
    /// bound stays as it was made, and the agent's own looks are what is left.
    fn allot<'a>(&'a mut self, memory_bytes: u64, beside: Beside) -> BoxFuture<'a, ()>;
    /// A socket to the agent that spares both the engine's own stream: what `descriptor` is to the one process with this uid.
    /// None where that stream is as short a way, or the sandbox not on this host.
    fn shortcut(&self, _agent_uid: u32, _descriptor: i32) -> Option<UnixStream> {
        None
    }
    /// What the whole sandbox has had of the processors so far, where this host has the meter.
    fn cpu_time(&self) -> Option<Duration>;
    /// What the whole sandbox takes of this host's memory now, where that can be seen.
    fn memory_in_use(&self) -> Option<u64>;
    /// Whether the host's kernel has ended any of its processes for want of memory, by the same meter.
    fn has_killed(&self) -> bool;
    /// Takes the bound of processor time away. At the bound of memory a job may use up in the kernel, where nothing stops it, the
    /// quota of many periods to come, and its agent, which would end it, waits for all of them.
    fn relieve(&self);
    /// Whether the kernel ended any of its processes for want of memory. Asked when its agent is lost, which it may be for
    /// that reason; waits a little for the sandbox to end.
    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool>;
}

/// What takes memory of a sandbox and is not the next step's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// The agent alone.
    Agent,
    /// What waits for the step after, of so many bytes.
    Waiting(u64),
    /// What a step of the job's may have left. `own`: so many bytes of what is there are the next step's, which waited for it.
    Used { own: u64 },
    /// What PID 1 keeps of a compile as well.
    Kept,
}

/// The two directions of the conversation with an agent. How they come about stays inside the engine.
pub struct Link {
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
    pub controls: Box<dyn Controls>,
    pub proven: Proven,
}

/// Whether a sandbox that was made in the very same way has been inspected and rehearsed. Where sandboxes are copies of one
/// process, what holds for one holds for all, and what one has looked up is found by all. An engine that makes each anew
/// shares this with none.
#[derive(Debug, Clone, Default)]
pub struct Proven(Arc<AtomicBool>);

impl Proven {
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Link")
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineInfo {
    pub name: String,
    pub version: String,
    pub api_version: String,
    /// Of sandboxes that name none.
    pub runtime: String,
    /// Why it is that one, where that was found out and not configured.
    pub runtime_reason: Option<String>,
    /// All that a sandbox may name.
    pub runtimes: Vec<String>,
    /// `1` or `2`.
    pub cgroup_version: String,
    /// What a sandbox promises and this engine cannot keep.
    pub lacks: Vec<&'static str>,
}

/// An engine that could not do what it was asked. The text is for operators.
#[derive(Debug, thiserror::Error)]
#[error("the engine could not {verb}")]
pub struct EngineError {
    pub verb: &'static str,
    pub kind: EngineFault,
    #[source]
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
