//! A sandbox on its way through life. States are types and each step consumes the one before, so that nothing can run
//! twice and nothing can return to the shelf:
//!
//! ```text
//! Custody ── boot ──> Ready ── claim ──> Claimed ── drop ──> Remains (reaper) ── gone
//!    └──────────────────┴── any failure, any dropped future ──┘
//! ```

mod custody;
mod inspection;
mod rehearsal;
mod session;
mod verdict;

use std::time::Duration;

pub use custody::{Custody, Ledger, LedgerConfig, Remains};
pub use inspection::{Broken, Inspection, Promise};
pub use rehearsal::RehearsalError;
pub use session::{Joint, Lost, Raw, Session};
use tokio::time::{Instant, timeout};

use crate::{
    engine::{Engine, EngineError, SandboxId, SandboxSpec},
    job::{Arming, SourceFile, Stage, Step, Work, WorkPath},
    observe::{BootFault, SandboxState},
};

/// Idle, its agent listening.
#[derive(Debug)]
pub struct Ready {
    // Before the custody, so that the agent is told to leave before anybody waits for that.
    session: Session,
    custody: Custody,
    inspection: Option<Inspection>,
    asked_for: Instant,
    since: Instant,
}

/// In the hands of one request, for good.
#[derive(Debug)]
pub struct Claimed {
    session: Session,
    custody: Custody,
    /// The most memory that any of its steps used.
    peak_bytes: u64,
    kept_bytes: u64,
}

/// A sandbox that used more may hold it still, in files, and does not rest: so many at once would be the host's whole
/// memory. What a compiler needs for a small program is less.
const LIGHT: u64 = 64 << 20;

/// What is done in a sandbox before it is ready, as its language has it.
#[derive(Clone, Copy)]
pub struct Warmup<'a> {
    pub rehearsal: Option<&'a Step>,
    /// Asked once all else is done: whether it is worth its time depends on who waits then.
    pub arming: &'a (dyn Fn() -> Option<&'a Arming> + Sync),
}

/// Why a sandbox did not become ready.
#[derive(Debug, thiserror::Error)]
pub enum BootError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the agent was not ready within {0:?}")]
    Silent(Duration),
    #[error("the agent and this server do not speak the same language")]
    Handshake(#[source] Lost),
    #[error("the rehearsal failed")]
    Rehearsal(#[source] RehearsalError),
    #[error("the agent was lost over what it should have armed")]
    Arming(#[source] Lost),
    /// It could be used, and must not be.
    #[error("a promise of isolation does not hold: {0}")]
    Promise(Broken),
}

impl BootError {
    pub fn kind(&self) -> BootFault {
        match self {
            Self::Engine(_) => BootFault::Engine,
            Self::Silent(_) => BootFault::Silent,
            Self::Handshake(_) => BootFault::Handshake,
            Self::Rehearsal(_) | Self::Arming(_) => BootFault::Rehearsal,
            Self::Promise(_) => BootFault::Promise,
        }
    }
}

impl Ready {
    /// Has the engine make the sandbox, hears its agent out and has it run something, so that the first request finds
    /// everything in place. The custody exists before the engine is asked: from here on the sandbox is destroyed, come
    /// what may.
    pub async fn boot(
        mut custody: Custody,
        spec: &SandboxSpec,
        warmup: Warmup<'_>,
        engine: &dyn Engine,
        patience: Duration,
    ) -> Result<Self, BootError> {
        let asked_for = Instant::now();
        let link = engine.create(spec).await?;
        let prepared = async {
            let proven = link.proven.clone();
            let mut session = Session::greet(link, spec.agent_uid, spec.job_uid).await.map_err(BootError::Handshake)?;
            let Warmup { rehearsal, arming } = warmup;
            let mut seen = None;
            if !proven.is() {
                let inspection = inspection::inspect(&mut session).await.map_err(BootError::Rehearsal)?;
                inspection.check(spec).map_err(BootError::Promise)?;
                if let Some(step) = rehearsal {
                    rehearsal::rehearse(&mut session, step).await.map_err(BootError::Rehearsal)?;
                }
                seen = Some(inspection);
                proven.set();
            }
            // Last: whatever runs in a sandbox ends what is armed there.
            if let Some(arming) = arming() {
                session.arm(arming).await.map_err(BootError::Arming)?;
            }
            Ok((session, seen))
        };
        let (session, inspection) = timeout(patience, prepared).await.unwrap_or(Err(BootError::Silent(patience)))?;
        custody.agent_will_leave(true);
        custody.moved_to(SandboxState::Ready);
        Ok(Self { session, custody, inspection, asked_for, since: Instant::now() })
    }

    /// When somebody decided that it should exist.
    pub fn asked_for(&self) -> Instant {
        self.asked_for
    }

    /// What a job could do in it; of one that is like another that was inspected, nothing.
    pub fn inspection(&self) -> Option<&Inspection> {
        self.inspection.as_ref()
    }

    pub fn id(&self) -> &SandboxId {
        self.custody.id()
    }

    /// What it takes of this host's memory, where that can be seen.
    pub fn memory_in_use(&self) -> Option<u64> {
        self.session.memory_in_use()
    }

    /// Its agent has been stopped: it neither answers nor leaves.
    pub fn is_frozen(&mut self) {
        self.custody.agent_will_leave(false);
    }

    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// Spreads the recycling of sandboxes that were made together.
    pub fn number(&self) -> u64 {
        self.custody.number()
    }

    /// An idle agent says nothing; anything heard, the end of the stream above all, means that it is lost.
    pub fn is_alive(&mut self) -> bool {
        let alive = self.session.is_quiet();
        self.custody.agent_will_leave(alive);
        alive
    }

    pub fn claim(self) -> Claimed {
        let Self { session, mut custody, inspection: _, asked_for: _, since: _ } = self;
        custody.moved_to(SandboxState::Claimed);
        Claimed { session, custody, peak_bytes: 0, kept_bytes: 0 }
    }
}

impl Claimed {
    /// Runs one step to its end. `files` go in first, for the job's first step; `Lost` leaves nothing to go on with.
    pub async fn run(
        &mut self,
        files: &[SourceFile],
        step: &Step,
        work: Work,
        joint: Option<Joint>,
    ) -> Result<Stage, Lost> {
        let result = self.session.run(files, step, work, joint).await;
        self.custody.agent_will_leave(result.is_ok());
        let mut raw = result?;
        if work == Work::OriginalsToCache {
            raw.ended.not_kept = false;
        }
        self.kept_bytes = raw.ended.kept_bytes.max(self.kept_bytes);
        let stage = verdict::stage(raw, step);
        self.peak_bytes = self.peak_bytes.max(stage.usage.memory_peak_bytes);
        Ok(stage)
    }

    /// What it keeps, for another sandbox of the same job; or in public words why there is nothing.
    pub async fn export(&mut self) -> Result<Result<Vec<u8>, String>, Lost> {
        let result = self.session.export().await;
        self.custody.agent_will_leave(result.is_ok());
        result
    }

    /// How much that is.
    pub fn kept_bytes(&self) -> u64 {
        self.kept_bytes
    }

    /// Has it keep what another exported.
    pub async fn import(&mut self, kept: &[u8]) -> Result<(), Lost> {
        let result = self.session.import(kept).await;
        self.custody.agent_will_leave(result.is_ok());
        result
    }

    /// Its job is over in good order: no process of it is left. A sandbox that is dropped instead is removed at once.
    pub fn retire(self) {
        let Self { session, mut custody, peak_bytes, kept_bytes: _ } = self;
        if peak_bytes <= LIGHT {
            custody.rest(session);
        }
    }

    /// A file that the job left, or in public words why there is none.
    pub async fn fetch(&mut self, path: &WorkPath, max_bytes: u64) -> Result<Result<Vec<u8>, String>, Lost> {
        let result = self.session.fetch(path, max_bytes).await;
        self.custody.agent_will_leave(result.is_ok());
        result
    }

    /// Whether the agent has said anything since the job began, and so may have started the program.
    pub fn has_answered(&self) -> bool {
        self.session.has_answered()
    }

    pub fn id(&self) -> &SandboxId {
        self.custody.id()
    }
}

/// What a stage looks like whose sandbox was lost under it.
pub use verdict::lost as stage_of_lost;
