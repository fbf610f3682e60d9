//! A submission that is run on many cases and judged by what it answers to each.

use std::{sync::Arc, time::Duration};

use super::{Claim, Outcome, Program, Stage, Standing, Step, Timing};

/// A submission and what it is measured by.
#[derive(Debug, Clone, PartialEq)]
pub struct Judging {
    pub id: String,
    pub standing: Standing,
    pub program: Program,
    /// Run in this order.
    pub cases: Vec<Case>,
    pub check: Check,
    /// After the first case that is not accepted the others are skipped.
    pub stop_on_failure: bool,
    pub isolation: Isolation,
    /// So many cases at once, if there are free run slots for them.
    pub parallel: usize,
    /// For the whole request, its waits included.
    pub deadline: Duration,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub id: String,
    pub run: Step,
    /// Absent: a run that ends well is accepted. Never leaves the server.
    pub expected: Option<Arc<[u8]>>,
    pub points: f64,
}

/// What lies between two cases of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Isolation {
    /// Every process is killed and every file is as it was.
    Wipe,
    /// A new sandbox.
    Fresh,
}

/// Who says whether an answer is right.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    Compare(Checker),
    /// A program of the judge's, once the submission has ended.
    Ask(Validator),
    /// A program of the judge's that the submission talks with.
    Join(Validator),
}

/// A program of the judge's, in a sandbox of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Validator {
    pub program: Program,
    /// But for its arguments.
    pub run: Step,
    /// How it is started for each of the cases.
    pub argv: Vec<Arc<[String]>>,
    pub protocol: Protocol,
}

/// What a validator is given and how it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `INPUT OUTPUT ANSWER`; 0 is right, 1 and others are wrong. See <https://github.com/MikeMirzayanov/testlib>.
    Testlib,
    /// `INPUT ANSWER FEEDBACK_DIRECTORY` and the output as standard input; 42 is right, 43 is wrong. See
    /// <https://www.kattis.com/problem-package-format/spec/legacy.html#output-validators>.
    Kattis,
}

/// How what a program wrote is compared with what is expected.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Checker {
    /// Byte by byte.
    Exact,
    /// Line by line; blanks at the ends of lines and empty lines at the end do not count.
    Lines,
    /// Word by word, however they are spaced.
    Tokens { case_sensitive: bool },
    /// As tokens, but a token that is expected to be a number may differ by this much, absolutely or relatively.
    Float { abs: f64, rel: f64, case_sensitive: bool },
}

/// What is said of a case, and of a whole submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Accepted,
    WrongAnswer,
    /// The right words in the wrong layout, where the layout counts.
    PresentationError,
    TimeLimit,
    MemoryLimit,
    OutputLimit,
    RuntimeError,
    CompileError,
    /// Not run, since an earlier one decided.
    Skipped,
    /// Nobody knows: our fault, or the request's deadline.
    JudgeError,
}

/// So many cases at most.
pub const MOST_CASES: usize = 1000;

/// So much of what a case wrote is brought back, of each stream. All of it was compared.
pub const MOST_SHOWN_BYTES: usize = 4096;

/// So much of what a validator says.
pub const MOST_MESSAGE_BYTES: usize = 4096;

/// Of one case, until it is answered.
pub const MOST_JUDGED_BYTES: usize = 2 * MOST_SHOWN_BYTES + MOST_MESSAGE_BYTES;

/// Cases at once.
pub const MOST_PARALLEL: usize = 64;

/// The most that is kept of a compile.
pub const MOST_KEPT_BYTES: u64 = 64 << 20;

/// Where a validator finds the case, among the files that it was sent. It cannot change them.
pub const INPUT: &str = "/box/case-input";
pub const OUTPUT: &str = "/box/case-output";
pub const ANSWER: &str = "/box/case-answer";

/// Where a validator leaves what it has to say beside its verdict: its own directory, which nobody else writes to.
pub const FEEDBACK: &str = "/work/";

/// The answer to a judging that got a sandbox.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub compile: Option<Stage>,
    /// Nothing was compiled: what the same submission's compile made before was there still.
    pub compile_cached: bool,
    pub cases: Vec<Judged>,
    pub timing: Timing,
    pub claim: Claim,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    pub id: String,
    pub verdict: Verdict,
    /// Absent for one that did not run.
    pub run: Option<Stage>,
    /// Where the answer is wrong; for the judge's eyes, since it quotes what is expected.
    pub message: Option<String>,
    /// Awarded.
    pub points: f64,
}

impl Judging {
    /// All that is held at once of what its programs write.
    pub fn most_output_bytes(&self) -> u64 {
        let largest = self.cases.iter().map(|case| case.run.limits.output_bytes).max().unwrap_or(0);
        let mut each = 2 * largest;
        let mut once = self.program.most_output_bytes() + (self.cases.len() * MOST_JUDGED_BYTES) as u64;
        if self.is_carried() {
            once += MOST_KEPT_BYTES;
        }
        if let Some(Validator { program, run, .. }) = self.check.validator() {
            // What passes between two that are joined waits here for whoever reads it; what a checker is handed is there
            // once more on its way.
            each += 3 * run.limits.output_bytes + 2 * largest + 2 * self.largest_case_bytes();
            once += program.most_output_bytes();
        }
        self.parallel as u64 * each + once + self.words_bytes()
    }

    fn largest_case_bytes(&self) -> u64 {
        let bytes = |case: &Case| case.run.stdin.len() + case.expected.as_ref().map_or(0, |expected| expected.len());
        self.cases.iter().map(bytes).max().unwrap_or(0) as u64
    }

    /// All arguments that are not shared by all cases.
    fn words_bytes(&self) -> u64 {
        let of_cases = self.cases.iter().map(|case| &case.run.argv);
        let of_validator = self.check.validator().into_iter().flat_map(|validator| &validator.argv);
        let mut before: Option<&Arc<[String]>> = None;
        let mut bytes = 0;
        for argv in of_cases.chain(of_validator) {
            if before.replace(argv).is_none_or(|before| !Arc::ptr_eq(before, argv)) {
                bytes += size_of_val(&argv[..]) + argv.iter().map(String::len).sum::<usize>();
            }
        }
        bytes as u64
    }

    /// Whether what the compile made has to go into further sandboxes.
    pub fn is_carried(&self) -> bool {
        self.program.compile.is_some() && (self.isolation == Isolation::Fresh || self.parallel > 1)
    }
}

impl Check {
    pub fn validator(&self) -> Option<&Validator> {
        match self {
            Self::Compare(_) => None,
            Self::Ask(validator) | Self::Join(validator) => Some(validator),
        }
    }
}

impl Judgement {
    /// Of the compile, if it failed, and otherwise of the first case that is not accepted.
    pub fn verdict(&self) -> Verdict {
        if let Some(compile) = self.compile.as_ref().filter(|stage| stage.outcome != Outcome::Ok) {
            return Verdict::of_compile(compile.outcome);
        }
        let mut verdicts = self.cases.iter().map(|case| case.verdict);
        verdicts.find(|verdict| *verdict != Verdict::Accepted).unwrap_or(Verdict::Accepted)
    }

    pub fn score(&self) -> f64 {
        self.cases.iter().map(|case| case.points).sum()
    }

    /// How the first stage ended that did not end well: a wrong answer is no failure of a program.
    pub fn outcome(&self) -> Outcome {
        self.stages().map(|stage| stage.outcome).find(|outcome| *outcome != Outcome::Ok).unwrap_or(Outcome::Ok)
    }

    /// All that programs wrote, as far as it is brought back.
    pub fn output_bytes(&self) -> usize {
        self.stages().map(Stage::output_bytes).sum()
    }

    /// The compile, then the runs of the cases that were run.
    fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.compile.iter().chain(self.cases.iter().filter_map(|case| case.run.as_ref()))
    }
}

impl Verdict {
    /// Whatever ends a compiler is the submission's doing, but for the loss of the sandbox.
    fn of_compile(outcome: Outcome) -> Self {
        match outcome {
            Outcome::SandboxError => Self::JudgeError,
            Outcome::Ok => Self::Accepted,
            Outcome::RuntimeError
            | Outcome::TimeLimit
            | Outcome::MemoryLimit
            | Outcome::OutputLimit
            | Outcome::ProcessLimit => Self::CompileError,
        }
    }

    /// Of a run, before its answer is looked at.
    pub fn of_run(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Ok => Self::Accepted,
            Outcome::TimeLimit => Self::TimeLimit,
            Outcome::MemoryLimit => Self::MemoryLimit,
            Outcome::OutputLimit => Self::OutputLimit,
            Outcome::RuntimeError | Outcome::ProcessLimit => Self::RuntimeError,
            Outcome::SandboxError => Self::JudgeError,
        }
    }
}
