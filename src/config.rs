//! The configuration: read from files, variables and flags, checked as a whole, told in checked types.
//!
//! ```text
//! defaults < config/caisson.toml < CAISSON_SECTION__KEY < --set section.key=value
//! ```

mod check;
mod overlay;
mod raw;
mod source;

use std::{
    fmt,
    net::SocketAddr,
    num::{NonZeroU32, NonZeroUsize},
    path::PathBuf,
    time::Duration,
};

pub use overlay::Origin;
pub use source::Sources;

use crate::{calendar::Cron, job::LanguageId, language::Language};

#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    pub engine: EngineChoice,
    pub server: Server,
    pub pool: Pool,
    pub docker: Docker,
    pub native: Native,
    pub log: Log,
    pub telemetry: Telemetry,
    pub compat: Compat,
    pub languages: Vec<Language>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    pub listen: SocketAddr,
    pub max_connections: usize,
    /// How long a connection may stay without a request, or its client without taking the answer.
    pub idle_patience: Duration,
    pub max_body_bytes: usize,
    /// Of requests and their answers together.
    pub max_in_flight_bytes: usize,
    pub max_files: usize,
    pub default_deadline: Duration,
    pub max_deadline: Duration,
    /// How long jobs that run may go on once the service was told to end.
    pub drain_patience: Duration,
    pub keys: Vec<Key>,
}

#[derive(Clone, PartialEq)]
pub struct Key {
    pub name: String,
    pub token: String,
    pub scopes: Vec<KeyScope>,
    pub rate: Option<KeyRate>,
    pub max_concurrent: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeyRate {
    /// Positive and finite.
    pub per_second: f64,
    pub burst: NonZeroU32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    Execute,
    Admin,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Pool {
    pub owner: String,
    pub budget: usize,
    /// Ready sandboxes that demand alone may bring a language to.
    pub most_ready: usize,
    /// Memory of the host that sandboxes leave alone.
    pub memory_reserve_bytes: u64,
    pub schedules: Vec<Schedule>,
    pub creators: usize,
    pub run_slots: usize,
    pub queue: usize,
    pub queue_patience: Duration,
    pub cpus: f64,
    pub uid_base: u32,
    pub boot_patience: Duration,
    pub recycle_after: Duration,
    /// 0: off.
    pub compile_cache_bytes: usize,
}

/// Ready sandboxes that are to be there at certain times.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub language: LanguageId,
    pub cron: Cron,
    pub size: usize,
    pub hold: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineChoice {
    /// Docker where it answers, otherwise native.
    Auto,
    Docker,
    Native,
}

/// Of sandboxes whose language names none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuntimeChoice {
    /// The quickest that works with this engine on its host.
    Auto,
    Engine,
    Named(String),
}

/// How a ready sandbox is talked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handoff {
    /// Through an exec, under a user of its own.
    Exec,
    /// Through the container's own streams; its first process becomes two users.
    Attach,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Native {
    pub roots: PathBuf,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Docker {
    pub host: String,
    pub handoff: Handoff,
    pub runtime: RuntimeChoice,
    /// JSON on one line.
    pub seccomp: String,
    /// What a sandbox weighs where a process has 1024; 0: as the daemon has it.
    pub cpu_shares: u64,
    pub request_patience: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Log {
    pub format: LogFormat,
    pub filter: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Telemetry {
    /// None: traces are not exported.
    pub otlp: Option<Otlp>,
}

#[derive(Clone, PartialEq)]
pub struct Otlp {
    /// Up to the path, without a slash at its end.
    pub endpoint: String,
    /// May hold secrets.
    pub headers: Vec<(String, String)>,
    pub service_name: String,
    /// Which part of the traces that begin here are exported.
    pub sample_ratio: f64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Compat {
    pub exit_status: SeedExitStatus,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeedExitStatus {
    Program,
    Head,
}

/// One thing that is wrong: `key problem (origin)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub key: String,
    pub problem: String,
    pub origin: Option<Origin>,
}

/// Everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Faults(pub Vec<Fault>);

impl Config {
    /// # Errors
    /// With every fault of every source.
    pub fn load(sources: &Sources) -> Result<Self, Faults> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let mut faults = Vec::new();
        let config = sources.read(&mut faults).map(|read| check::check(read, cores, &mut faults));
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(Faults(faults)),
        }
    }
}

impl Fault {
    fn new(key: impl fmt::Display, problem: impl Into<String>) -> Self {
        Self { key: key.to_string(), problem: problem.into(), origin: None }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, problem, origin } = self;
        write!(f, "{key}: {problem}")?;
        match origin {
            Some(origin) => write!(f, " ({origin})"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "the configuration has a fault:")?,
            count => write!(f, "the configuration has {count} faults:")?,
        }
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for Faults {}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("name", &self.name).field("scopes", &self.scopes).finish_non_exhaustive()
    }
}

impl fmt::Debug for Otlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, headers: _, service_name, sample_ratio } = self;
        f.debug_struct("Otlp")
            .field("endpoint", endpoint)
            .field("service_name", service_name)
            .field("sample_ratio", sample_ratio)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
