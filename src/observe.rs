//! What the service tells about itself while it works. Domain code calls these methods and has never heard of Prometheus.
//!
//! Every method has an empty default, so that a test implements only what it looks at. The enums are closed: each of
//! their values is a label on a metric, and every series exists from the start.

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use crate::job::{Claim, LanguageId, Outcome, Verdict};

/// The target of spans that are parts of a request: for traces, not for the log.
pub const TRACE: &str = "caisson_trace";

/// Declares a closed set of label values.
macro_rules! labels {
    ($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $variant:ident => $label:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$of])* $variant),+ }

        impl $name {
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label),+ }
            }
        }
    };
}

labels! {
    /// How an accepted job ended.
    JobEnd {
        Ok => "ok",
        CompileError => "compile_error",
        RuntimeError => "runtime_error",
        TimeLimit => "time_limit_exceeded",
        MemoryLimit => "memory_limit_exceeded",
        OutputLimit => "output_limit_exceeded",
        ProcessLimit => "process_limit_exceeded",
        SandboxError => "sandbox_error",
        /// The client hung up before the answer.
        Abandoned => "abandoned",
    }
}

labels! {
    /// Why a job was turned away.
    Rejection {
        /// The queue is full.
        QueueFull => "queue_full",
        /// The wait would have outlasted the deadline, and that was known at once.
        Hopeless => "wait_too_long",
        /// The deadline came while it waited.
        Expired => "expired",
        /// Its key sends more than it may.
        RateLimited => "rate_limited",
        /// Its key has as many requests under way as it may.
        ConcurrencyLimited => "concurrency_limited",
        Draining => "draining",
        EngineUnavailable => "engine_unavailable",
        /// Requests and answers under way take up all memory that is set aside for them.
        Memory => "memory",
    }
}

labels! {
    /// Which line a job waits in.
    Line {
        Interactive => "interactive",
        Batch => "batch",
    }
}

labels! {
    /// How a case of a judging ended.
    CaseEnd {
        Accepted => "accepted",
        WrongAnswer => "wrong_answer",
        PresentationError => "presentation_error",
        TimeLimit => "time_limit_exceeded",
        MemoryLimit => "memory_limit_exceeded",
        OutputLimit => "output_limit_exceeded",
        RuntimeError => "runtime_error",
        CompileError => "compile_error",
        Skipped => "skipped",
        JudgeError => "judge_error",
    }
}

labels! {
    /// How a claim ended.
    ClaimEnd {
        Warm => "warm",
        Late => "late",
        Cold => "cold",
        /// No sandbox within the deadline.
        Timeout => "timeout",
        Error => "error",
        Abandoned => "abandoned",
    }
}

labels! {
    StageKind {
        Compile => "compile",
        Run => "run",
        /// Of a checker or an interactor.
        Check => "check",
    }
}

labels! {
    /// Why a boot failed.
    BootFault {
        Engine => "engine",
        /// The agent did not say hello in time.
        Silent => "silent",
        /// The agent speaks another protocol, or none.
        Handshake => "handshake",
        /// It came up, and could not run what it is for.
        Rehearsal => "rehearsal",
        /// A job could do something there that it must not.
        Promise => "promise",
    }
}

labels! {
    /// Where a sandbox is in its life.
    SandboxState {
        Booting => "booting",
        Ready => "ready",
        Claimed => "claimed",
        Destroying => "destroying",
    }
}

labels! {
    EngineOperation {
        Create => "create",
        Start => "start",
        /// Creates the agent's exec and takes over its streams.
        Exec => "exec",
        /// Takes over the streams of a container that is about to start.
        Attach => "attach",
        /// Bounds the memory of a sandbox, where its control group cannot be reached.
        Update => "update",
        Wait => "wait",
        Remove => "remove",
        List => "list",
        Probe => "probe",
    }
}

labels! {
    EngineFault {
        /// The daemon does not answer.
        Unreachable => "unreachable",
        Timeout => "timeout",
        /// The daemon answered that it cannot.
        Refused => "refused",
    }
}

pub trait Observer: Debug + Send + Sync + 'static {
    fn job_finished(&self, _language: &LanguageId, _end: JobEnd, _total: Duration) {}
    /// The service's own share of a job that was answered: whole request less compile and run.
    fn overhead_measured(&self, _language: &LanguageId, _overhead: Duration) {}
    fn job_rejected(&self, _reason: Rejection) {}
    /// How long a job waited for a run slot, whether it got one or not.
    fn queue_waited(&self, _line: Line, _wait: Duration) {}
    fn queue_length(&self, _line: Line, _jobs: usize) {}
    fn queue_capacity(&self, _jobs: usize) {}
    fn claim_finished(&self, _language: &LanguageId, _end: ClaimEnd, _wait: Duration) {}
    fn stage_finished(&self, _language: &LanguageId, _stage: StageKind, _wall: Duration) {}
    /// What a program used, of one stage.
    fn program_used(&self, _language: &LanguageId, _stage: StageKind, _cpu: Duration, _memory_bytes: u64) {}
    fn case_judged(&self, _language: &LanguageId, _end: CaseEnd) {}
    fn boot_finished(&self, _language: &LanguageId, _result: Result<(), BootFault>, _took: Duration) {}
    fn destroy_finished(&self, _took: Duration) {}
    fn sandbox_moved(&self, _language: &LanguageId, _from: Option<SandboxState>, _to: Option<SandboxState>) {}
    fn pool_target(&self, _language: &LanguageId, _target: usize) {}
    /// The part of the target that is kept even while programs run.
    fn pool_floor(&self, _language: &LanguageId, _floor: usize) {}
    /// The part of the target that somebody asked for, for now.
    fn pool_hint(&self, _language: &LanguageId, _hint: usize) {}
    /// Requests that wait for a sandbox.
    fn pool_waiting(&self, _language: &LanguageId, _waiting: usize) {}
    /// What the policy takes for the longest time from wanting a sandbox to having it.
    fn lead_time(&self, _language: &LanguageId, _lead: Duration) {}
    /// Sandboxes that may be on the host at once: as configured, and as its memory allows.
    fn budget(&self, _configured: usize, _allowed: usize) {}
    /// Its sandboxes do not come up, and requests are sent away.
    fn breaker_moved(&self, _language: &LanguageId, _is_open: bool) {}
    fn run_slots(&self, _slots: usize) {}
    fn run_slots_in_use(&self, _in_use: usize) {}
    fn engine_called(&self, _operation: EngineOperation, _result: Result<(), EngineFault>, _took: Duration) {}
    /// Whether what a compile made was there already.
    fn compile_looked_up(&self, _found: bool) {}
    fn compiles_kept(&self, _bytes: usize) {}
    fn orphan_reaped(&self) {}
    fn connection_opened(&self) {}
    fn connection_ended(&self) {}
    /// What all requests and answers under way may hold together.
    fn in_flight_limit(&self, _bytes: usize) {}
    /// Set aside for a request or an answer.
    fn in_flight_taken(&self, _bytes: usize) {}
    fn in_flight_given_back(&self, _bytes: usize) {}
}

/// Hears nothing.
#[derive(Debug, Clone, Copy)]
pub struct Deaf;

impl Observer for Deaf {}

/// Tells how a wait ended, also when the future that waited was dropped: it assumes the fallback until told otherwise.
pub struct Timer<E, F: FnMut(E, Duration)> {
    since: Instant,
    end: Option<E>,
    tell: F,
}

impl<E, F: FnMut(E, Duration)> Timer<E, F> {
    pub fn start(fallback: E, tell: F) -> Self {
        Self { since: Instant::now(), end: Some(fallback), tell }
    }

    pub fn finish(mut self, end: E) {
        self.end = Some(end);
    }
}

impl<E, F: FnMut(E, Duration)> Drop for Timer<E, F> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            (self.tell)(end, self.since.elapsed());
        }
    }
}

impl From<Claim> for ClaimEnd {
    fn from(claim: Claim) -> Self {
        match claim {
            Claim::Warm => Self::Warm,
            Claim::Late => Self::Late,
            Claim::Cold => Self::Cold,
        }
    }
}

impl From<Outcome> for JobEnd {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Ok,
            Outcome::RuntimeError => Self::RuntimeError,
            Outcome::TimeLimit => Self::TimeLimit,
            Outcome::MemoryLimit => Self::MemoryLimit,
            Outcome::OutputLimit => Self::OutputLimit,
            Outcome::ProcessLimit => Self::ProcessLimit,
            Outcome::SandboxError => Self::SandboxError,
        }
    }
}

impl From<Verdict> for CaseEnd {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Accepted => Self::Accepted,
            Verdict::WrongAnswer => Self::WrongAnswer,
            Verdict::PresentationError => Self::PresentationError,
            Verdict::TimeLimit => Self::TimeLimit,
            Verdict::MemoryLimit => Self::MemoryLimit,
            Verdict::OutputLimit => Self::OutputLimit,
            Verdict::RuntimeError => Self::RuntimeError,
            Verdict::CompileError => Self::CompileError,
            Verdict::Skipped => Self::Skipped,
            Verdict::JudgeError => Self::JudgeError,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_that_is_dropped_tells_its_fallback() {
        let mut told = Vec::new();
        drop(Timer::start("abandoned", |end, _| told.push(end)));
        assert_eq!(told, ["abandoned"]);
    }

    #[test]
    fn a_timer_that_is_finished_tells_the_end_once() {
        let mut told = Vec::new();
        Timer::start("abandoned", |end, _| told.push(end)).finish("ok");
        assert_eq!(told, ["ok"]);
    }
}
