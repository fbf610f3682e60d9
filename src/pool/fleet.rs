//! All pools, under one budget.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{Mutex as AsyncMutex, Notify},
    task::JoinSet,
    time::Instant,
};
use tracing::warn;

use super::{
    breaker::Breaker,
    janitor, reaper,
    shelf::{Shelf, Taken},
    warmer,
};
use crate::{
    engine::{Engine, SandboxSpec},
    job::{Claim, LanguageId, Limits, Step},
    observe::Observer,
    sandbox::{Claimed, Custody, Ledger, LedgerConfig},
};

#[derive(Debug, Clone)]
pub struct FleetConfig {
    pub ledger: LedgerConfig,
    pub pools: Vec<PoolConfig>,
    /// Boots under way at once, and destructions too. More than there are processors gains nothing.
    pub creators: usize,
    /// How long an agent may take to say hello.
    pub boot_patience: Duration,
    /// The age at which an idle sandbox is replaced, give or take a tenth.
    pub recycle_after: Duration,
    /// Processors that one sandbox may keep busy.
    pub cpus: f64,
}

/// What the fleet needs to know of a language.
#[derive(Debug, Clone)]
pub struct PoolConfig {
    pub language: LanguageId,
    pub image: String,
    /// Its sandboxes' own, if they have one.
    pub runtime: Option<String>,
    /// Ready sandboxes to keep.
    pub size: usize,
    /// The most that any job of the language may use.
    pub ceiling: Limits,
    /// What its sandboxes run while they warm up, if there is something better than nothing.
    pub rehearsal: Option<Step>,
}

#[derive(Debug)]
pub struct Fleet {
    pub(super) config: FleetConfig,
    pub(super) pools: BTreeMap<LanguageId, Pool>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) engine: Arc<dyn Engine>,
    pub(super) observer: Arc<dyn Observer>,
    /// Something changed: the warmer should look.
    pub(super) changed: Notify,
    /// A shelf has one more sandbox, or will have none for a while.
    pub(super) shelved: Notify,
    pub(super) activity: Arc<Activity>,
    tasks: AsyncMutex<JoinSet<()>>,
}

/// One language's share of the fleet.
#[derive(Debug)]
pub(super) struct Pool {
    pub config: PoolConfig,
    pub shelf: Shelf,
    pub booting: AtomicUsize,
    pub claimed: AtomicUsize,
    /// Jobs that wait for a sandbox of it, whether they could begin with one or not.
    pub wanted: AtomicUsize,
    pub breaker: Mutex<Breaker>,
}

/// Whether programs run, for refilling and removing to keep out of their way.
#[derive(Debug, Default)]
pub(super) struct Activity {
    running: AtomicUsize,
    last_end: Mutex<Option<Instant>>,
    closed: AtomicBool,
}

/// A client in a closed loop is back within some milliseconds, and a boot begun in that gap would slow its next job. Too
/// large, and a busy service lives from its floor alone.
const QUIET_AFTER: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    #[error("sandboxes of this language do not come up at the moment")]
    Unavailable { retry_after: Duration },
    #[error("the fleet is closed")]
    Closed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolStatus {
    pub language: LanguageId,
    pub ready: usize,
    pub booting: usize,
    pub claimed: usize,
    pub waiting: usize,
    pub target: usize,
    /// False while its sandboxes do not come up.
    pub healthy: bool,
}

impl PoolConfig {
    /// A sandbox that can hold any job of the language.
    pub fn spec(&self, custody: &Custody, cpus: f64) -> SandboxSpec {
        let Self { language, image, runtime, size: _, ceiling, rehearsal: _ } = self;
        SandboxSpec {
            id: custody.id().clone(),
            language: language.clone(),
            image: image.clone(),
            runtime: runtime.clone(),
            job_uid: custody.job_uid(),
            agent_uid: custody.agent_uid(),
            memory_bytes: ceiling.memory_bytes,
            processes: ceiling.processes,
            file_size_bytes: ceiling.file_size_bytes,
            open_files: ceiling.open_files,
            cpus,
        }
    }
}

impl Fleet {
    /// Destroys what an earlier boot left, then begins to fill the shelves.
    pub async fn start(config: FleetConfig, engine: Arc<dyn Engine>, observer: Arc<dyn Observer>) -> Arc<Self> {
        let (ledger, remains) = Ledger::new(config.ledger.clone(), Arc::clone(&observer));
        let pools = config.pools.iter().map(|pool| (pool.language.clone(), Pool::new(pool, config.ledger.budget)));
        let fleet = Arc::new(Self {
            pools: pools.collect(),
            ledger: Arc::clone(&ledger),
            engine: Arc::clone(&engine),
            observer: Arc::clone(&observer),
            changed: Notify::new(),
            shelved: Notify::new(),
            activity: Arc::default(),
            tasks: AsyncMutex::new(JoinSet::new()),
            config,
        });
        for pool in fleet.pools.values() {
            observer.pool_target(&pool.config.language, pool.config.size);
        }
        // Before the first boot: an orphan may still use the uids that the first sandboxes get.
        if let Err(error) = janitor::sweep(&ledger, &*engine, &*observer).await {
            warn!(error = &error as &dyn std::error::Error, "could not look for what an earlier run left");
        }
        // Not among the tasks: it must outlive them, and ends by itself when nothing can send to it.
        tokio::spawn(reaper::run(
            remains,
            Arc::clone(&engine),
            Arc::clone(&observer),
            Arc::clone(&fleet.activity),
            fleet.config.creators,
        ));
        let mut tasks = fleet.tasks.lock().await;
        tasks.spawn(janitor::run(ledger, engine, observer));
        tasks.spawn(warmer::run(Arc::clone(&fleet)));
        drop(tasks);
        fleet
    }

    /// Takes a sandbox for good. Waits until there is one; the caller bounds that.
    pub async fn claim(self: &Arc<Self>, language: &LanguageId) -> Result<(Lease, Claim), ClaimError> {
        let since = Instant::now();
        let pool = self.pools.get(language).ok_or(ClaimError::Closed)?;
        if self.is_closed() {
            return Err(ClaimError::Closed);
        }
        let receiver = match pool.shelf.take() {
            Taken::Ready(ready) => {
                self.changed.notify_one();
                return Ok((self.lease(language, ready.claim()), Claim::Warm));
            }
            Taken::Wait(receiver) => receiver,
        };
        // Once its pause is over, whoever asks is the one who tries.
        if pool.breaker().may_try(Instant::now()) == 0 {
            return Err(pool.unavailable());
        }
        self.changed.notify_one();
        match receiver.await {
            Ok(ready) => {
                let claim = if ready.asked_for() < since { Claim::Late } else { Claim::Cold };
                Ok((self.lease(language, ready.claim()), claim))
            }
            Err(_) if self.is_closed() => Err(ClaimError::Closed),
            Err(_) => Err(pool.unavailable()),
        }
    }

    /// A sandbox for good, if one is ready, and when it was asked for.
    pub fn take(self: &Arc<Self>, language: &LanguageId) -> Option<(Lease, Instant)> {
        let ready = self.pools.get(language)?.shelf.take_ready()?;
        let asked_for = ready.asked_for();
        self.changed.notify_one();
        Some((self.lease(language, ready.claim()), asked_for))
    }

    /// Some of which may have died without a word.
    pub fn ready(&self, language: &LanguageId) -> usize {
        self.pools.get(language).map_or(0, |pool| pool.shelf.ready())
    }

    /// So many jobs wait.
    pub fn wanted(&self, language: &LanguageId, jobs: usize) {
        let Some(pool) = self.pools.get(language) else { return };
        pool.wanted.store(jobs, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// When to ask again for a sandbox, where there is none and none comes up.
    pub fn hopeless(&self, language: &LanguageId) -> Option<Duration> {
        let pool = self.pools.get(language)?;
        let is_hopeless = pool.shelf.ready() == 0 && pool.breaker().may_try(Instant::now()) == 0;
        is_hopeless.then(|| pool.retry_after())
    }

    /// Waits until a shelf may have something for who waits. False: the fleet is closed.
    pub async fn shelved(&self) -> bool {
        self.shelved.notified().await;
        !self.is_closed()
    }

    pub fn status(&self) -> Vec<PoolStatus> {
        self.pools.values().map(Pool::status).collect()
    }

    pub fn budget(&self) -> usize {
        self.ledger.budget()
    }

    /// A program begins to run; until the guard is dropped, refilling stays out of its way.
    pub fn running(self: &Arc<Self>) -> RunningGuard {
        self.activity.running.fetch_add(1, Ordering::Relaxed);
        RunningGuard(Arc::clone(self))
    }

    /// Makes no more sandboxes, sends away who waits, and returns when the last sandbox is gone.
    pub async fn close(&self) {
        self.activity.closed.store(true, Ordering::SeqCst);
        self.shelved.notify_one();
        // The janitor may be cut short anywhere; boots are tasks of their own and run to their end.
        self.tasks.lock().await.shutdown().await;
        loop {
            // Looked at first: a boot shelves its sandbox before it is counted as over.
            let is_over = self.pools.values().all(|pool| pool.booting.load(Ordering::SeqCst) == 0);
            for pool in self.pools.values() {
                pool.shelf.turn_away();
                pool.shelf.sift(|_| false);
            }
            if is_over {
                break;
            }
            self.changed.notified().await;
        }
        self.ledger.empty().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.activity.is_closed()
    }

    fn lease(self: &Arc<Self>, language: &LanguageId, claimed: Claimed) -> Lease {
        if let Some(pool) = self.pools.get(language) {
            pool.claimed.fetch_add(1, Ordering::Relaxed);
        }
        Lease { sandbox: claimed, _count: ClaimCount { fleet: Arc::clone(self), language: language.clone() } }
    }
}

/// A claimed sandbox, counted for as long as it is in hand.
#[derive(Debug)]
pub struct Lease {
    pub sandbox: Claimed,
    _count: ClaimCount,
}

#[derive(Debug)]
struct ClaimCount {
    fleet: Arc<Fleet>,
    language: LanguageId,
}

impl Drop for ClaimCount {
    fn drop(&mut self) {
        if let Some(pool) = self.fleet.pools.get(&self.language) {
            pool.claimed.fetch_sub(1, Ordering::Relaxed);
        }
        self.fleet.changed.notify_one();
    }
}

#[derive(Debug)]
pub struct RunningGuard(Arc<Fleet>);

impl Drop for RunningGuard {
    fn drop(&mut self) {
        let activity = &self.0.activity;
        *activity.last_end.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        activity.running.fetch_sub(1, Ordering::Relaxed);
        self.0.changed.notify_one();
    }
}

impl Activity {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// How long until it is quiet, if nothing runs by then; `None` while something runs.
    pub fn quiet_in(&self) -> Option<Duration> {
        if self.running.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let last_end = *self.last_end.lock().unwrap_or_else(PoisonError::into_inner);
        Some(last_end.map_or(Duration::ZERO, |end| QUIET_AFTER.saturating_sub(end.elapsed())))
    }
}

impl Pool {
    fn new(config: &PoolConfig, budget: usize) -> Self {
        Self {
            config: config.clone(),
            shelf: Shelf::new(budget),
            booting: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
            wanted: AtomicUsize::new(0),
            breaker: Mutex::new(Breaker::default()),
        }
    }

    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who waits and finds nothing on the shelf.
    pub fn lacking(&self) -> usize {
        self.shelf.waiting() + self.wanted.load(Ordering::Relaxed).saturating_sub(self.shelf.ready())
    }

    fn retry_after(&self) -> Duration {
        self.breaker().pause_left(Instant::now()).max(Duration::from_secs(1))
    }

    fn unavailable(&self) -> ClaimError {
        ClaimError::Unavailable { retry_after: self.retry_after() }
    }

    fn status(&self) -> PoolStatus {
        PoolStatus {
            language: self.config.language.clone(),
            ready: self.shelf.ready(),
            booting: self.booting.load(Ordering::Relaxed),
            claimed: self.claimed.load(Ordering::Relaxed),
            waiting: self.lacking(),
            target: self.config.size,
            healthy: !self.breaker().is_open(),
        }
    }
}
