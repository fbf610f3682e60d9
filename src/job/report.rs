//! What came of a job.

use std::time::Duration;

use super::WorkPath;

/// The answer to a job that got a sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    pub compile: Option<Stage>,
    /// Nothing was compiled: what the same submission's compile made before was there still.
    pub compile_cached: bool,
    /// Absent when the compile failed.
    pub run: Option<Stage>,
    pub artifacts: Vec<Artifact>,
    pub timing: Timing,
    pub claim: Claim,
}

impl Report {
    /// The compiler ran to its end and said no; any other way to fail is an outcome of its own.
    pub fn is_compile_error(&self) -> bool {
        self.compile.as_ref().is_some_and(|stage| stage.outcome == Outcome::RuntimeError)
    }

    /// All that programs wrote and left.
    pub fn output_bytes(&self) -> usize {
        let streams: usize = [&self.compile, &self.run].into_iter().flatten().map(Stage::output_bytes).sum();
        let artifacts = self.artifacts.iter().filter_map(|artifact| artifact.content.as_ref().ok());
        streams + artifacts.map(Vec::len).sum::<usize>()
    }

    /// The first stage that is not ok decides.
    pub fn outcome(&self) -> Outcome {
        let stages = [&self.compile, &self.run];
        stages
            .into_iter()
            .flatten()
            .map(|stage| stage.outcome)
            .find(|outcome| *outcome != Outcome::Ok)
            .unwrap_or(Outcome::Ok)
    }
}

/// A compile or a run that came to its end, one way or another.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub outcome: Outcome,
    pub stdout: Captured,
    pub stderr: Captured,
    pub exit: Exit,
    pub usage: Usage,
    /// One sentence on the outcome where the status alone does not say it; public words.
    pub message: Option<String>,
    /// Its program had been started before the job came.
    pub armed: bool,
}

impl Stage {
    /// All that it wrote, as far as it was brought back.
    pub fn output_bytes(&self) -> usize {
        self.stdout.bytes.len() + self.stderr.bytes.len()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Captured {
    pub bytes: Vec<u8>,
    pub truncated: bool,
}

/// How a stage ended, decided on the host from facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    Ok,
    RuntimeError,
    TimeLimit,
    MemoryLimit,
    OutputLimit,
    ProcessLimit,
    /// The sandbox was lost through no fault of the program that we can prove.
    SandboxError,
}

/// How the main process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
    /// It never ran, or nobody saw its end.
    Unknown,
}

/// What a stage consumed: the whole process tree, less the agent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    pub cpu_time: Duration,
    pub wall_time: Duration,
    pub memory_peak_bytes: u64,
}

/// Where the request's time went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Timing {
    /// Until a run slot was free.
    pub queue: Duration,
    /// Until a sandbox was in hand.
    pub claim: Duration,
    pub compile: Duration,
    pub run: Duration,
    pub total: Duration,
}

impl Timing {
    /// What the service added: all that was neither compile nor run.
    pub fn overhead(&self) -> Duration {
        self.total.saturating_sub(self.compile + self.run)
    }
}

/// Where the sandbox came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Claim {
    /// From the shelf.
    Warm,
    /// One that was already booting became ready while the job waited.
    Late,
    /// One was created for it.
    Cold,
}

/// A file brought back from the work directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    pub path: WorkPath,
    /// The bytes, or in public words why there are none.
    pub content: Result<Vec<u8>, String>,
}
