//! A job in its sandbox: compile, run, what it left behind.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use tracing::{Instrument, Span, debug, field::Empty, info_span, warn};

use super::{Dispatch, cache::Compiled};
use crate::{
    job::{
        Artifact, Claim, Job, LanguageId, MOST_ARTIFACT_BYTES, Outcome, Report, SourceFile, Stage, Step, Timing, Work,
    },
    observe::{JobEnd, Observer, StageKind, TRACE},
    pool::Lease,
    sandbox::{Joint, Lost, stage_of_lost},
};

/// A sandbox in the hands of one request.
pub(super) struct Hands<'a> {
    pub language: &'a LanguageId,
    pub lease: Lease,
    pub deadline: Instant,
    pub observer: &'a dyn Observer,
}

/// A step that came to its end.
pub(super) struct Stepped {
    pub stage: Stage,
    /// The sandbox is of no further use.
    pub was_lost: bool,
    /// The agent was gone before it said a word: the program may well never have started.
    pub was_lost_unheard: bool,
    /// The request's deadline ended it, and not a limit of its own.
    pub was_cut_short: bool,
}

impl Hands<'_> {
    /// What its compile made; none where that is lost, and the sandbox with it.
    pub async fn export(&mut self) -> Option<Vec<u8>> {
        match self.lease.sandbox.export().await {
            Ok(Ok(artifact)) => Some(artifact),
            Ok(Err(reason)) => {
                warn!(sandbox.id = %self.lease.sandbox.id(), reason, "a compiled program could not be exported");
                None
            }
            Err(lost) => {
                let error: &dyn std::error::Error = &lost;
                warn!(sandbox.id = %self.lease.sandbox.id(), error, "a sandbox was lost over an export");
                None
            }
        }
    }

    /// Whether it now has what another's compile made; otherwise it is lost.
    pub async fn import(&mut self, artifact: &[u8]) -> bool {
        let result = self.lease.sandbox.import(artifact).await;
        if let Err(lost) = &result {
            let error: &dyn std::error::Error = lost;
            warn!(sandbox.id = %self.lease.sandbox.id(), error, "a sandbox was lost over an import");
        }
        result.is_ok()
    }
}

impl Stepped {
    /// Whether the program had its time and ended well: only then is there an answer to look at.
    pub fn has_answer(&self) -> bool {
        self.stage.outcome == Outcome::Ok && !self.was_cut_short
    }
}

pub(super) struct Run<'a> {
    pub dispatch: &'a Dispatch,
    pub job: &'a Job,
    pub hands: Hands<'a>,
}

/// A report but for the waits before it.
#[derive(Default)]
pub(super) struct Ran {
    compile: Option<Stage>,
    compile_cached: bool,
    run: Option<Stage>,
    artifacts: Vec<Artifact>,
    compile_time: Duration,
    run_time: Duration,
    /// The agent was gone before it said a word: the program may well never have started.
    pub was_lost_unheard: bool,
}

const LOST: &str = "the sandbox was lost before it could be brought back";

/// The least that a step is given when its job's deadline has all but passed: enough to be told apart from nothing.
const LEAST_WALL_TIME: Duration = Duration::from_millis(1);

impl Hands<'_> {
    pub async fn step(&mut self, kind: StageKind, files: &[SourceFile], step: &Step, work: Work) -> Stepped {
        self.step_joined(kind, files, step, work, None).await
    }

    /// A step whose standard streams may be joined to another's.
    pub async fn step_joined(
        &mut self,
        kind: StageKind,
        files: &[SourceFile],
        step: &Step,
        work: Work,
        joint: Option<Joint>,
    ) -> Stepped {
        let left = self.deadline.saturating_duration_since(Instant::now()).max(LEAST_WALL_TIME);
        let by_deadline = left < step.limits.wall_time;
        let mut clipped = None;
        let step = if by_deadline {
            let step = clipped.insert(step.clone());
            step.limits.wall_time = left;
            step
        } else {
            step
        };
        let (mut was_lost, mut was_lost_unheard) = (false, false);
        let span = span_of(kind, self.language);
        let mut stage = match self.lease.sandbox.run(files, step, work, joint).instrument(span.clone()).await {
            Ok(stage) => stage,
            Err(lost) => {
                was_lost = true;
                was_lost_unheard = !self.lease.sandbox.has_answered() && lost.is_nobodys_verdict();
                let error: &dyn std::error::Error = &lost;
                warn!(sandbox.id = %self.lease.sandbox.id(), stage = kind.label(), error, "a sandbox was lost");
                stage_of_lost(&lost, step)
            }
        };
        let was_cut_short = by_deadline && stage.outcome == Outcome::TimeLimit && stage.usage.wall_time >= left;
        if was_cut_short {
            stage.message = Some("the request's deadline passed".to_owned());
        }
        span.record("outcome", JobEnd::from(stage.outcome).label());
        self.observer.stage_finished(self.language, kind, stage.usage.wall_time);
        // Of a sandbox that is gone nobody knows what was used: zeros would pass for small programs.
        if !was_lost {
            self.observer.program_used(self.language, kind, stage.usage.cpu_time, stage.usage.memory_peak_bytes);
        }
        debug!(
            sandbox.id = %self.lease.sandbox.id(),
            stage = kind.label(),
            outcome = ?stage.outcome,
            wall_ms = stage.usage.wall_time.as_secs_f64() * 1e3,
            cpu_ms = stage.usage.cpu_time.as_secs_f64() * 1e3,
            memory_bytes = stage.usage.memory_peak_bytes,
            armed = stage.armed,
            "stage ended"
        );
        Stepped { stage, was_lost, was_lost_unheard, was_cut_short }
    }
}

/// Its name is what it is for, and that is known to each place in the code only once.
fn span_of(kind: StageKind, language: &LanguageId) -> Span {
    match kind {
        StageKind::Compile => info_span!(target: TRACE, "compile", %language, outcome = Empty),
        StageKind::Run => info_span!(target: TRACE, "run", %language, outcome = Empty),
        StageKind::Check => info_span!(target: TRACE, "check", %language, outcome = Empty),
    }
}

impl Run<'_> {
    pub async fn finish(&mut self) -> Ran {
        let mut ran = Ran::default();
        let mut files: &[SourceFile] = &self.job.program.files;
        let mut work = Work::Originals;
        if let Some(step) = &self.job.program.compile {
            work = match self.compiled_before(step, &mut ran).await {
                Some(work) => work,
                None => self.compile(step, &mut ran).await,
            };
            if ran.compile.as_ref().is_none_or(|stage| stage.outcome != Outcome::Ok) {
                return ran;
            }
            files = &[];
        }
        let stage = self.step(StageKind::Run, files, &self.job.run, work, &mut ran).await;
        let lost = stage.outcome == Outcome::SandboxError;
        ran.run_time = stage.usage.wall_time;
        ran.run = Some(stage);
        if !lost {
            ran.artifacts = self.artifacts().await;
        }
        ran
    }

    /// By a job with the same program: what it left is brought into this sandbox.
    async fn compiled_before(&mut self, step: &Step, ran: &mut Ran) -> Option<Work> {
        let Compiled { artifact, stage } = self.dispatch.cached(&self.job.program)?;
        if self.hands.import(&artifact).await {
            (ran.compile, ran.compile_cached) = (Some(stage), true);
        } else {
            // Nothing of the job's has run: it may have another sandbox.
            ran.was_lost_unheard = true;
            ran.compile = Some(stage_of_lost(&Lost::HungUp, step));
        }
        Some(Work::Kept)
    }

    async fn compile(&mut self, step: &Step, ran: &mut Ran) -> Work {
        let is_cached = self.dispatch.cache.is_on();
        let work = if is_cached { Work::OriginalsToCache } else { Work::Originals };
        let stage = self.step(StageKind::Compile, &self.job.program.files, step, work, ran).await;
        ran.compile_time = stage.usage.wall_time;
        if stage.outcome == Outcome::Ok
            && self.dispatch.is_worth_caching(&self.hands)
            && let Some(artifact) = self.hands.export().await
        {
            let compiled = Compiled { artifact: Arc::new(artifact), stage: stage.clone() };
            self.dispatch.cache.put(&self.job.program, compiled);
        }
        ran.compile = Some(stage);
        Work::Left
    }

    /// Gives the sandbox back to be removed, now or at a better moment.
    pub fn retire(self, ran: &Ran) {
        let is_lost =
            [&ran.compile, &ran.run].into_iter().flatten().any(|stage| stage.outcome == Outcome::SandboxError);
        if !is_lost {
            self.hands.lease.sandbox.retire();
        }
    }

    async fn step(&mut self, kind: StageKind, files: &[SourceFile], step: &Step, work: Work, ran: &mut Ran) -> Stage {
        let stepped = self.hands.step(kind, files, step, work).await;
        ran.was_lost_unheard = stepped.was_lost_unheard;
        stepped.stage
    }

    async fn artifacts(&mut self) -> Vec<Artifact> {
        let mut artifacts = Vec::with_capacity(self.job.artifacts.len());
        let mut is_lost = false;
        for path in &self.job.artifacts {
            let content = if is_lost {
                Err(LOST.to_owned())
            } else {
                self.hands.lease.sandbox.fetch(path, MOST_ARTIFACT_BYTES).await.unwrap_or_else(|lost| {
                    is_lost = true;
                    let error: &dyn std::error::Error = &lost;
                    warn!(sandbox.id = %self.hands.lease.sandbox.id(), error, "a sandbox was lost over an artifact");
                    Err(LOST.to_owned())
                })
            };
            artifacts.push(Artifact { path: path.clone(), content });
        }
        artifacts
    }
}

impl Ran {
    pub fn report(self, queue: Duration, claimed: Duration, claim: Claim, total: Duration) -> Report {
        let Self { compile, compile_cached, run, artifacts, compile_time, run_time, was_lost_unheard: _ } = self;
        let timing = Timing { queue, claim: claimed, compile: compile_time, run: run_time, total };
        Report { compile, compile_cached, run, artifacts, timing, claim }
    }
}
