//! The words that every layer shares: what is asked for, what is allowed, what came of it. No serde, no I/O.

mod arming;
mod judging;
mod limits;
mod path;
mod report;
pub mod signal;
mod standing;

use std::{fmt, sync::Arc, time::Duration};

pub use arming::{Arm, Arming, ArmingRules, ColdRule, MOST_ARMED_BYTES, Successor};
pub use judging::{
    ANSWER, Case, Check, Checker, FEEDBACK, INPUT, Isolation, Judged, Judgement, Judging, MOST_CASES,
    MOST_JUDGED_BYTES, MOST_KEPT_BYTES, MOST_MESSAGE_BYTES, MOST_PARALLEL, MOST_SHOWN_BYTES, OUTPUT, Protocol,
    Validator, Verdict,
};
pub use limits::{Ceiling, LimitFault, Limits, Overrides};
pub use path::{PathFault, WorkPath};
pub use report::{Artifact, Captured, Claim, Exit, Outcome, Report, Stage, Timing, Usage};
pub use standing::{ClientId, Priority, Standing};

/// The key of one pool: the name of a language's file in `config/languages`, and its label on metrics.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LanguageId(Arc<str>);

impl LanguageId {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LanguageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for LanguageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One request, with everything decided that can be decided before a sandbox is at hand.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: String,
    pub standing: Standing,
    pub program: Program,
    pub run: Step,
    pub artifacts: Vec<WorkPath>,
    /// For the whole request, its waits included.
    pub deadline: Duration,
}

/// Source code, and what is to be done to it before it can be run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program {
    pub language: LanguageId,
    /// No path twice, none below another.
    pub files: Vec<SourceFile>,
    pub compile: Option<Step>,
}

impl Program {
    /// All that its compiler may write.
    pub fn most_output_bytes(&self) -> u64 {
        self.compile.as_ref().map_or(0, |step| 2 * step.limits.output_bytes)
    }
}

/// So many files are brought back at most, each at most so large.
pub const MOST_ARTIFACTS: usize = 64;
pub const MOST_ARTIFACT_BYTES: u64 = 1024 * 1024;

impl Job {
    /// All that its programs may write and leave, as far as it is brought back.
    pub fn most_output_bytes(&self) -> u64 {
        self.program.most_output_bytes()
            + 2 * self.run.limits.output_bytes
            + self.artifacts.len() as u64 * MOST_ARTIFACT_BYTES
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SourceFile {
    pub path: WorkPath,
    pub content: Vec<u8>,
}

/// One program to run to its end.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Step {
    /// The program (a path that holds a slash) and its arguments.
    pub argv: Arc<[String]>,
    /// The whole environment.
    pub env: Arc<[(String, String)]>,
    pub stdin: Vec<u8>,
    pub limits: Limits,
    pub overflow: Overflow,
    pub output: Output,
    pub arm: Arm,
}

impl Step {
    /// The environment as the kernel takes it: `NAME=value`.
    pub fn environment(&self) -> Vec<String> {
        self.env.iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    /// The same, with nothing on its standard input.
    pub fn without_input(&self) -> Self {
        let Self { argv, env, stdin: _, limits, overflow, output, arm } = self;
        let (limits, overflow, output, arm) = (*limits, *overflow, *output, *arm);
        Self { argv: argv.clone(), env: env.clone(), stdin: Vec::new(), limits, overflow, output, arm }
    }
}

/// What a step finds in the work directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The job's files and nothing else.
    Originals,
    /// The same, and what the step makes of it is kept for later ones.
    OriginalsToKeep,
    /// The same, but to be kept only if that can be: nobody in this job needs it.
    OriginalsToCache,
    /// What the step before left.
    Left,
    /// What was kept and nothing else: whatever ran in between has left no trace.
    Kept,
}

impl Work {
    /// Whether what the step makes is kept for later ones, where that can be.
    pub fn keeps(self) -> bool {
        matches!(self, Self::OriginalsToKeep | Self::OriginalsToCache)
    }

    /// Whether it is the job's files and nothing else, whatever is to become of what the step makes.
    pub fn begins_with_originals(self) -> bool {
        match self {
            Self::Originals | Self::OriginalsToKeep | Self::OriginalsToCache => true,
            Self::Left | Self::Kept => false,
        }
    }
}

/// What happens to a program that writes more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The rest is thrown away and marked as cut; the program goes on.
    Cut,
    /// The program ends with [`Outcome::OutputLimit`].
    Kill,
}

/// How a program's two output streams are brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Output {
    Apart,
    /// Both through one pipe, in the order in which they were written, reported as stdout.
    Merged,
}
