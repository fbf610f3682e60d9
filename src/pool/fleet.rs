//! All pools, under one budget.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
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
    activity::Activity,
    breaker::Breaker,
    demand::Demand,
    hints::{HintStatus, Schedule, Timed},
    janitor,
    memory::IdleCost,
    policy::{self, Aim},
    reaper,
    shelf::{Shelf, Taken},
    warmer,
};
use crate::{
    engine::{Engine, SandboxId, SandboxSpec, Weight, Zygote},
    job::{Arming, Claim, LanguageId, Limits, Step},
    observe::Observer,
    sandbox::{Claimed, Custody, Ledger, LedgerConfig},
};

#[derive(Debug, Clone)]
pub struct FleetConfig {
    pub ledger: LedgerConfig,
    pub pools: Vec<PoolConfig>,
    pub schedules: Vec<Schedule>,
    /// Boots under way at once, and destructions too, where programs feel them. More than there are processors gains nothing.
    pub creators: usize,
    /// Programs that run at once: what they run in is not on the shelves, and the budget must hold it too.
    pub run_slots: usize,
    /// Memory of this host that sandboxes leave alone; None: they are on another host.
    pub memory_reserve: Option<u64>,
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
    /// Ready sandboxes to keep at all times.
    pub size: usize,
    /// As many as that may become by demand alone. No more than `size`: they never do.
    pub most: usize,
    /// The most that any job of the language may use.
    pub ceiling: Limits,
    /// What its sandboxes run while they warm up, if there is something better than nothing.
    pub rehearsal: Option<Step>,
    /// What is started in each of them and waits for its job, if anything is.
    pub arming: Option<Arming>,
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
    pub(super) idle_cost: Mutex<IdleCost>,
    /// As much of the budget as there is memory for.
    pub(super) allowed: AtomicUsize,
    tasks: AsyncMutex<JoinSet<()>>,
}

/// One language's share of the fleet.
#[derive(Debug)]
pub(super) struct Pool {
    pub config: PoolConfig,
    pub shelf: Shelf,
    pub booting: AtomicUsize,
    pub claimed: AtomicUsize,
    pub breaker: Mutex<Breaker>,
    demand: Mutex<Demand>,
    schedules: Mutex<Vec<Timed>>,
    line: Mutex<Line>,
    /// What the warmer works towards.
    aim: Mutex<Aim>,
}

/// Jobs that want a sandbox and do not wait at the shelf.
#[derive(Debug, Default, Clone, Copy)]
struct Line {
    waiting: usize,
    earliest: Option<Instant>,
    /// Since when somebody has waited, there or at the shelf.
    since: Option<Instant>,
}

/// How long who says nothing is taken to be able to wait. With no bound at all it would come after all who do say.
const ASSUMED_PATIENCE: Duration = Duration::from_secs(60);

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
    /// By their times.
    pub hints: Vec<HintStatus>,
    /// False while its sandboxes do not come up.
    pub healthy: bool,
}

impl PoolConfig {
    /// A sandbox that can hold any job of the language.
    pub fn spec(&self, custody: &Custody, cpus: f64) -> SandboxSpec {
        let Self { language, image, runtime, size: _, most: _, ceiling, rehearsal: _, arming } = self;
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
            zygote: arming.as_ref().filter(|arming| arming.rules.forks).map(zygote),
        }
    }
}

fn zygote(arming: &Arming) -> Zygote {
    let Arming { step, command: _, entry, rules: _, successor: _ } = arming;
    Zygote {
        argv: step.argv.to_vec(),
        env: step.environment(),
        entry: entry.to_string(),
        stack_bytes: step.limits.stack_bytes,
    }
}

impl Fleet {
    /// Destroys what an earlier boot left, then begins to fill the shelves.
    pub async fn start(config: FleetConfig, engine: Arc<dyn Engine>, observer: Arc<dyn Observer>) -> Arc<Self> {
        let (ledger, remains) = Ledger::new(config.ledger.clone(), Arc::clone(&observer));
        let pools = config
            .pools
            .iter()
            .map(|pool| (pool.language.clone(), Pool::new(pool, &config.schedules, config.ledger.budget)));
        let fleet = Arc::new(Self {
            pools: pools.collect(),
            ledger: Arc::clone(&ledger),
            engine: Arc::clone(&engine),
            observer: Arc::clone(&observer),
            changed: Notify::new(),
            shelved: Notify::new(),
            idle_cost: Mutex::default(),
            allowed: AtomicUsize::new(config.ledger.budget),
            activity: Arc::new(Activity::new(config.creators)),
            tasks: AsyncMutex::new(JoinSet::new()),
            config,
        });
        // Who asks for the status must not find that nothing is aimed at.
        warmer::weigh(&fleet);
        let snapshot = warmer::look(&fleet);
        fleet.pools.values().zip(policy::aim(&snapshot)).for_each(|(pool, aim)| *pool.aim() = aim);
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
        tasks.spawn(janitor::run(Arc::clone(&fleet)));
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
        if pool.breaker().may_try(Instant::now().into_std()) == 0 {
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
        let pool = self.pools.get(language)?;
        // First: who saw the shelf without it, and the job as still waiting, would make one too many.
        let waiting = pool.line().waiting;
        pool.line().waiting = waiting.saturating_sub(1);
        let Some(ready) = pool.shelf.take_ready() else {
            pool.line().waiting = waiting;
            return None;
        };
        let asked_for = ready.asked_for();
        self.changed.notify_one();
        Some((self.lease(language, ready.claim()), asked_for))
    }

    /// Some of which may have died without a word.
    pub fn ready(&self, language: &LanguageId) -> usize {
        self.pools.get(language).map_or(0, |pool| pool.shelf.ready())
    }

    /// When to ask again for a sandbox, where there is none and none comes up.
    pub fn hopeless(&self, language: &LanguageId) -> Option<Duration> {
        let pool = self.pools.get(language)?;
        let is_hopeless = pool.shelf.ready() == 0 && pool.breaker().may_try(Instant::now().into_std()) == 0;
        is_hopeless.then(|| pool.retry_after())
    }

    /// All that there may be lies on the shelves, and nothing is on its way there or away.
    pub fn is_full_of_idle(&self) -> bool {
        let on_host = self.ledger.budget() - self.ledger.free();
        let ready: usize = self.pools.values().map(|pool| pool.shelf.ready()).sum();
        ready >= on_host && on_host >= self.allowed.load(Ordering::Relaxed)
    }

    /// Waits until a shelf may have something for who waits. False: the fleet is closed.
    pub async fn shelved(&self) -> bool {
        self.shelved.notified().await;
        !self.is_closed()
    }

    /// A request came, whatever becomes of it.
    pub fn arrived(&self, language: &LanguageId) {
        if let Some(pool) = self.pools.get(language) {
            pool.demand().arrived(Instant::now().into_std());
        }
    }

    /// So many jobs wait elsewhere for one to begin in, and the first of them gives up at `earliest`.
    pub fn wanted(&self, language: &LanguageId, waiting: usize, earliest: Option<Instant>) {
        if let Some(pool) = self.pools.get(language) {
            let mut line = pool.line();
            let is_news = (line.waiting, line.earliest) != (waiting, earliest);
            *line = Line { waiting, earliest, since: line.since };
            drop(line);
            if is_news {
                self.changed.notify_one();
            }
        }
    }

    /// Idle sandboxes that somebody has frozen: whoever got one would wait in vain.
    pub(super) fn give_up(&self, frozen: &BTreeSet<SandboxId>) {
        for pool in self.pools.values().filter(|_| !frozen.is_empty()) {
            let dropped = pool.shelf.sift(|ready| {
                let is_frozen = frozen.contains(ready.id());
                if is_frozen {
                    ready.is_frozen();
                }
                !is_frozen
            });
            if dropped > 0 {
                warn!(language = %pool.config.language, dropped, "idle sandboxes were frozen from outside and are given up");
                self.changed.notify_one();
            }
        }
    }

    pub fn status(&self) -> Vec<PoolStatus> {
        self.pools.values().map(Pool::status).collect()
    }

    pub fn budget(&self) -> usize {
        self.ledger.budget()
    }

    /// A program begins to run; until the guard is dropped, refilling stays out of its way.
    pub fn running(self: &Arc<Self>) -> RunningGuard {
        self.activity.busy().running += 1;
        RunningGuard(Arc::clone(self))
    }

    /// Makes no more sandboxes, sends away who waits, and returns when the last sandbox is gone.
    pub async fn close(&self) {
        self.activity.close();
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

    pub(super) fn idle_cost(&self) -> MutexGuard<'_, IdleCost> {
        self.idle_cost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_closed(&self) -> bool {
        self.activity.is_closed()
    }

    /// Whether a boot in this pool is felt by nobody. One that starts an interpreter is, whatever the engine.
    pub(super) fn is_light(&self, pool: &Pool) -> bool {
        self.engine.weight() == Weight::Light && pool.config.arming.is_none()
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
        activity.ends().push_back(Instant::now());
        activity.busy().running -= 1;
        self.0.changed.notify_one();
    }
}

impl Pool {
    fn new(config: &PoolConfig, schedules: &[Schedule], budget: usize) -> Self {
        let schedules = schedules.iter().filter(|schedule| schedule.language == config.language).cloned();
        Self {
            config: config.clone(),
            shelf: Shelf::new(budget),
            booting: AtomicUsize::new(0),
            claimed: AtomicUsize::new(0),
            breaker: Mutex::new(Breaker::default()),
            demand: Mutex::default(),
            schedules: Mutex::new(schedules.map(Timed::new).collect()),
            line: Mutex::default(),
            aim: Mutex::default(),
        }
    }

    pub fn demand(&self) -> MutexGuard<'_, Demand> {
        self.demand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn schedules(&self) -> MutexGuard<'_, Vec<Timed>> {
        self.schedules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn aim(&self) -> MutexGuard<'_, Aim> {
        self.aim.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs that want a sandbox, wherever they wait.
    pub fn waiting(&self) -> usize {
        self.shelf.waiting() + self.line().waiting
    }

    /// When the first of them gives up.
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        let is_waited_for = self.waiting() > 0;
        let mut line = self.line();
        line.since = if is_waited_for { line.since.or(Some(now)) } else { None };
        let assumed = line.since.map(|since| since + ASSUMED_PATIENCE);
        line.earliest.into_iter().chain(assumed).min()
    }

    pub fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those of them who find nothing on the shelf.
    fn lacking(&self) -> usize {
        self.waiting().saturating_sub(self.shelf.ready())
    }

    fn retry_after(&self) -> Duration {
        self.breaker().pause_left(Instant::now().into_std()).max(Duration::from_secs(1))
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
            target: self.aim().target,
            hints: self.hint_statuses(),
            healthy: !self.breaker().is_open(),
        }
    }
}
