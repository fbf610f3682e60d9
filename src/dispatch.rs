//! The one path of every job: admission, a run slot, a sandbox, the steps, the report.

mod admission;
mod aside;
mod board;
mod cache;
mod checker;
mod hints;
mod joined;
mod judge;
mod line;
mod pace;
mod run;
mod seat;
mod validator;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use admission::{Admission, Admitted};
pub use aside::aside;
pub use board::Progress;
use cache::{CompileCache, Compiled};

pub use crate::pool::{HintError, HintStatus, PoolStatus, Wish};
use crate::{
    job::{Claim, Job, Judgement, Judging, LanguageId, Outcome, Program, Report, Timing},
    observe::{ClaimEnd, JobEnd, Observer, Rejection, TRACE, Timer},
    pool::{ClaimError, Fleet, Lease},
};

#[derive(Debug, Clone, Copy)]
pub struct DispatchConfig {
    /// Jobs that run at once. More than there are processors, and programs slow each other.
    pub run_slots: usize,
    /// Jobs that may wait for a run slot.
    pub queue: usize,
    /// How long they may.
    pub queue_patience: Duration,
    /// What compiles made, kept for submissions that are the same; 0: nothing.
    pub compile_cache_bytes: usize,
}

#[derive(Debug)]
pub struct Dispatch {
    config: DispatchConfig,
    fleet: Arc<Fleet>,
    observer: Arc<dyn Observer>,
    admission: Arc<Admission>,
    active: Active,
    cache: CompileCache,
    draining: AtomicBool,
    /// Ends what still runs when a drain's patience is over.
    stop: CancellationToken,
}

/// Jobs that were accepted and not yet answered.
#[derive(Debug, Default)]
struct Active {
    jobs: AtomicUsize,
    idle: tokio::sync::Notify,
}

/// Why a job got no report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("{why}")]
    Saturated { why: Saturation, retry_after: Duration },
    #[error("the service is shutting down")]
    Draining,
    #[error("no sandbox can be had at the moment")]
    EngineUnavailable { retry_after: Duration },
}

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Saturation {
    #[error("too many requests are waiting")]
    QueueFull,
    #[error("the wait would outlast the deadline")]
    Hopeless,
    #[error("the request's turn did not come in time")]
    Expired,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    pub draining: bool,
    pub queued: usize,
    pub run_slots: usize,
    pub run_slots_in_use: usize,
    pub budget: usize,
    pub pools: Vec<PoolStatus>,
}

/// When to come back after a refusal for want of room: about the time that a boot or a short job takes.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl Dispatch {
    pub fn new(config: DispatchConfig, fleet: Arc<Fleet>, observer: Arc<dyn Observer>) -> Arc<Self> {
        let DispatchConfig { run_slots, queue, queue_patience, compile_cache_bytes } = config;
        let cache = CompileCache::new(compile_cache_bytes, Arc::clone(&observer));
        let (to_fleet, to_observer) = (Arc::clone(&fleet), Arc::clone(&observer));
        Arc::new(Self {
            config,
            fleet,
            observer,
            admission: Admission::new(run_slots, queue, queue_patience, to_fleet, to_observer),
            active: Active::default(),
            cache,
            draining: AtomicBool::new(false),
            stop: CancellationToken::new(),
        })
    }

    /// Runs a job in a sandbox of its own. Dropping the future ends the job and destroys its sandbox.
    ///
    /// # Errors
    /// When the job never got a sandbox. A program that fails, and a sandbox lost while it ran, are reports.
    #[tracing::instrument(skip_all, fields(job.id = %job.id, language = %job.program.language))]
    pub async fn submit(&self, job: Job) -> Result<Report, Refusal> {
        self.accept(&job.program.language, self.serve(&job), |report| (end_of(report), report.timing)).await
    }

    /// Judges a submission. As for a job, dropping the future ends it and destroys its sandbox.
    ///
    /// `tell` hears of each part as it ends; what is skipped, at the end.
    ///
    /// # Errors
    /// When it never got a sandbox, or lost the first and could not have another.
    #[tracing::instrument(skip_all, fields(job.id = %judging.id, language = %judging.program.language))]
    pub async fn judge(&self, judging: Judging, tell: impl Fn(Progress<'_>) + Sync) -> Result<Judgement, Refusal> {
        self.accept(&judging.program.language, self.try_all(&judging, &tell), |judgement| {
            (end_of_judgement(judgement), judgement.timing)
        })
        .await
    }

    /// Counts what comes of a request, whatever that is.
    async fn accept<R>(
        &self,
        language: &LanguageId,
        work: impl Future<Output = Result<R, Refusal>>,
        describe: impl FnOnce(&R) -> (JobEnd, Timing),
    ) -> Result<R, Refusal> {
        let result = self.admit(language, work, describe).await;
        if let Err(refusal) = &result {
            self.observer.job_rejected(match refusal {
                Refusal::Saturated { why: Saturation::QueueFull, .. } => Rejection::QueueFull,
                Refusal::Saturated { why: Saturation::Hopeless, .. } => Rejection::Hopeless,
                Refusal::Saturated { why: Saturation::Expired, .. } => Rejection::Expired,
                Refusal::Draining => Rejection::Draining,
                Refusal::EngineUnavailable { .. } => Rejection::EngineUnavailable,
            });
        }
        result
    }

    /// A job was turned away before it came here.
    pub fn turned_away(&self, reason: Rejection) {
        self.observer.job_rejected(reason);
    }

    /// Jobs that may run at once.
    pub fn run_slots(&self) -> usize {
        self.config.run_slots
    }

    /// What is held in memory of one compile, beside its output, on its way into the cache.
    pub fn most_cached_bytes(&self) -> u64 {
        // A submission's and its checker's.
        if self.cache.is_on() { 2 * cache::MOST_ARTIFACT } else { 0 }
    }

    fn cached(&self, program: &Program) -> Option<Compiled> {
        if !self.cache.is_on() {
            return None;
        }
        let found = self.cache.get(program);
        self.observer.compile_looked_up(found.is_some());
        found
    }

    fn is_worth_caching(&self, hands: &run::Hands<'_>) -> bool {
        self.cache.is_on() && (1..=cache::MOST_ARTIFACT).contains(&hands.lease.sandbox.kept_bytes())
    }

    pub fn status(&self) -> Status {
        Status {
            draining: self.is_draining(),
            queued: self.admission.waiting(),
            run_slots: self.config.run_slots,
            run_slots_in_use: self.admission.slots_in_use(),
            budget: self.fleet.budget(),
            pools: self.fleet.status(),
        }
    }

    /// Accepts nothing new, lets what runs finish within `patience` and ends the rest. Returns when no sandbox is left.
    pub async fn drain(&self, patience: Duration) {
        self.draining.store(true, Ordering::SeqCst);
        if tokio::time::timeout(patience, self.active.idle()).await.is_err() {
            self.stop.cancel();
            self.active.idle().await;
        }
        self.fleet.close().await;
    }

    async fn admit<R>(
        &self,
        language: &LanguageId,
        work: impl Future<Output = Result<R, Refusal>>,
        describe: impl FnOnce(&R) -> (JobEnd, Timing),
    ) -> Result<R, Refusal> {
        let _active = self.active.enter();
        self.fleet.arrived(language);
        // After it counts as active: a drain that begins now waits for it or is seen here.
        if self.is_draining() {
            return Err(Refusal::Draining);
        }
        let abandoned = Timer::start(Some(JobEnd::Abandoned), |end: Option<JobEnd>, total| {
            // A job that was refused is counted as such.
            if let Some(end) = end {
                self.observer.job_finished(language, end, total);
            }
        });
        let result = tokio::select! {
            result = work => result,
            () = self.stop.cancelled() => Err(Refusal::Draining),
        };
        match &result {
            Ok(answer) => {
                let (end, timing) = describe(answer);
                self.observer.overhead_measured(language, timing.overhead());
                abandoned.finish(Some(end));
            }
            Err(_) => abandoned.finish(None),
        }
        result
    }

    async fn serve(&self, job: &Job) -> Result<Report, Refusal> {
        let since = Instant::now();
        let deadline = since + job.deadline;
        let language = &job.program.language;
        let Admitted { slot: _slot, mut lease, mut claim, queue, mut claimed } =
            self.admission.enter(&job.standing, language, deadline).await?;
        let mut attempt = 1;
        loop {
            let running = self.fleet.running();
            let mut attempted = run::Run { dispatch: self, job, hands: self.hands(language, lease, deadline) };
            let outcome = attempted.finish().await;
            drop(running);
            // It may have died on the shelf a moment ago, before the program began: that is nobody's verdict.
            if outcome.was_lost_unheard && attempt == 1 {
                attempt += 1;
                drop(attempted);
                let since = Instant::now();
                (lease, claim) = self.claim(language, deadline).await?;
                claimed = since.elapsed();
                continue;
            }
            attempted.retire(&outcome);
            return Ok(outcome.report(queue, claimed, claim, since.elapsed()));
        }
    }

    fn hands<'a>(&'a self, language: &'a LanguageId, lease: Lease, deadline: Instant) -> run::Hands<'a> {
        run::Hands { language, lease, deadline, observer: &*self.observer }
    }

    /// One more, for whoever has a run slot already.
    #[tracing::instrument(target = TRACE, skip_all, fields(language = %language, claim = tracing::field::Empty))]
    async fn claim(&self, language: &LanguageId, deadline: Instant) -> Result<(Lease, Claim), Refusal> {
        let told = Timer::start(ClaimEnd::Abandoned, |end, wait| self.observer.claim_finished(language, end, wait));
        match timeout_at(deadline, self.fleet.claim(language)).await {
            Ok(Ok((lease, claim))) => {
                tracing::Span::current().record("claim", ClaimEnd::from(claim).label());
                told.finish(claim.into());
                Ok((lease, claim))
            }
            Ok(Err(ClaimError::Unavailable { retry_after })) => {
                told.finish(ClaimEnd::Error);
                Err(Refusal::EngineUnavailable { retry_after })
            }
            Ok(Err(ClaimError::Closed)) => {
                told.finish(ClaimEnd::Error);
                Err(Refusal::Draining)
            }
            Err(_) => {
                told.finish(ClaimEnd::Timeout);
                Err(Refusal::Saturated { why: Saturation::Expired, retry_after: RETRY_AFTER })
            }
        }
    }

    fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }
}

fn end_of(report: &Report) -> JobEnd {
    if report.is_compile_error() { JobEnd::CompileError } else { report.outcome().into() }
}

fn end_of_judgement(judgement: &Judgement) -> JobEnd {
    let failed = judgement.compile.as_ref().is_some_and(|stage| stage.outcome == Outcome::RuntimeError);
    if failed { JobEnd::CompileError } else { judgement.outcome().into() }
}

impl Status {
    /// Languages that should have a ready sandbox and have none.
    pub fn missing(&self) -> impl Iterator<Item = &LanguageId> {
        self.pools.iter().filter(|pool| pool.target > 0 && pool.ready == 0).map(|pool| &pool.language)
    }
}

impl Active {
    fn enter(&self) -> Inside<'_> {
        self.jobs.fetch_add(1, Ordering::SeqCst);
        Inside(self)
    }

    async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            idle.as_mut().enable();
            if self.jobs.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

struct Inside<'a>(&'a Active);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.jobs.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}
