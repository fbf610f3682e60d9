//! The report as clients read it.

use std::borrow::Cow;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Serialize;

use super::Encoding;
use crate::{
    api::{
        text,
        timing::{self, ms},
    },
    job::{self, Captured, Exit, Outcome, Report, signal},
    language::Language,
};

/// The body of a 200.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    id: &'a str,
    language: &'a str,
    version: &'a str,
    status: &'static str,
    compile: Option<Stage<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    compile_cached: bool,
    run: Option<Stage<'a>>,
    timing: Timing,
    claim: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    artifacts: Vec<Artifact<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct Stage<'a> {
    status: &'static str,
    stdout: Cow<'a, str>,
    stderr: Cow<'a, str>,
    stdout_truncated: bool,
    stderr_truncated: bool,
    /// There only when bytes were replaced to make text.
    #[serde(skip_serializing_if = "is_false")]
    stdout_lossy: bool,
    #[serde(skip_serializing_if = "is_false")]
    stderr_lossy: bool,
    exit_code: Option<i32>,
    signal: Option<Cow<'static, str>>,
    cpu_time_ms: f64,
    wall_time_ms: f64,
    memory_peak_bytes: u64,
    message: Option<&'a str>,
    /// There only when it is so: the program had been started before the request came.
    #[serde(skip_serializing_if = "is_false")]
    armed: bool,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Timing {
    queue_ms: f64,
    claim_ms: f64,
    compile_ms: f64,
    run_ms: f64,
    overhead_ms: f64,
    total_ms: f64,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Artifact<'a> {
    Found { path: &'a str, content: String, size_bytes: usize },
    Missing { path: &'a str, error: &'a str },
}

impl<'a> Answer<'a> {
    pub fn new(id: &'a str, language: &'a Language, report: &'a Report, encoding: Encoding) -> Self {
        let Report { compile, compile_cached, run, artifacts, timing: times, claim } = report;
        Self {
            id,
            language: &language.id,
            version: &language.version,
            status: whole_status(report),
            compile_cached: *compile_cached,
            compile: compile.as_ref().map(|stage| Stage::new(stage, encoding)),
            run: run.as_ref().map(|stage| Stage::new(stage, encoding)),
            timing: Timing::new(times),
            claim: timing::name(*claim),
            artifacts: artifacts.iter().map(Artifact::new).collect(),
        }
    }
}

impl<'a> Stage<'a> {
    pub fn new(stage: &'a job::Stage, encoding: Encoding) -> Self {
        let job::Stage { outcome, stdout, stderr, exit, usage, message, armed } = stage;
        let (out, stdout_lossy) = encode(stdout, encoding);
        let (err, stderr_lossy) = encode(stderr, encoding);
        let (exit_code, signal) = match *exit {
            Exit::Code(code) => (Some(code), None),
            Exit::Signal(number) => (None, Some(signal::name(number))),
            Exit::Unknown => (None, None),
        };
        Self {
            status: status(*outcome),
            stdout: out,
            stderr: err,
            stdout_truncated: stdout.truncated,
            stderr_truncated: stderr.truncated,
            stdout_lossy,
            stderr_lossy,
            exit_code,
            signal,
            cpu_time_ms: ms(usage.cpu_time),
            wall_time_ms: ms(usage.wall_time),
            memory_peak_bytes: usage.memory_peak_bytes,
            message: message.as_deref(),
            armed: *armed,
        }
    }
}

impl Timing {
    pub fn new(timing: &job::Timing) -> Self {
        let job::Timing { queue, claim, compile, run, total } = *timing;
        Self {
            queue_ms: ms(queue),
            claim_ms: ms(claim),
            compile_ms: ms(compile),
            run_ms: ms(run),
            overhead_ms: ms(timing.overhead()),
            total_ms: ms(total),
        }
    }
}

impl<'a> Artifact<'a> {
    fn new(artifact: &'a job::Artifact) -> Self {
        let path = artifact.path.as_str();
        match &artifact.content {
            Ok(bytes) => Self::Found { path, content: BASE64_STANDARD.encode(bytes), size_bytes: bytes.len() },
            Err(error) => Self::Missing { path, error },
        }
    }
}

/// Of the first stage that is not ok; a compiler that ran to its end and said no is a compile error.
pub fn whole_status(report: &Report) -> &'static str {
    match report.compile.as_ref().map(|stage| stage.outcome) {
        Some(Outcome::RuntimeError) => "compile_error",
        _ => status(report.outcome()),
    }
}

fn status(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::RuntimeError => "runtime_error",
        Outcome::TimeLimit => "time_limit_exceeded",
        Outcome::MemoryLimit => "memory_limit_exceeded",
        Outcome::OutputLimit => "output_limit_exceeded",
        Outcome::ProcessLimit => "process_limit_exceeded",
        Outcome::SandboxError => "sandbox_error",
    }
}

fn encode(captured: &Captured, encoding: Encoding) -> (Cow<'_, str>, bool) {
    match encoding {
        Encoding::Utf8 => text::lossy(captured),
        Encoding::Base64 => (Cow::Owned(BASE64_STANDARD.encode(&captured.bytes)), false),
    }
}

pub(super) fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Usage;

    fn stage(outcome: Outcome) -> job::Stage {
        job::Stage {
            outcome,
            stdout: Captured::default(),
            stderr: Captured::default(),
            exit: Exit::Code(0),
            usage: Usage::default(),
            message: None,
            armed: false,
        }
    }

    fn whole(compile: Option<Outcome>, run: Option<Outcome>) -> &'static str {
        whole_status(&Report {
            compile: compile.map(stage),
            compile_cached: false,
            run: run.map(stage),
            artifacts: Vec::new(),
            timing: job::Timing::default(),
            claim: job::Claim::Warm,
        })
    }

    #[test]
    fn the_first_stage_that_is_not_ok_gives_the_whole_its_status() {
        assert_eq!(whole(Some(Outcome::Ok), Some(Outcome::Ok)), "ok");
        assert_eq!(whole(Some(Outcome::Ok), Some(Outcome::RuntimeError)), "runtime_error");
        assert_eq!(whole(Some(Outcome::RuntimeError), None), "compile_error");
        assert_eq!(whole(Some(Outcome::TimeLimit), None), "time_limit_exceeded");
        assert_eq!(whole(None, Some(Outcome::SandboxError)), "sandbox_error");
    }

    #[test]
    fn base64_brings_every_byte_back_and_needs_no_replacement() {
        let captured = Captured { bytes: b"\xff\x00".to_vec(), truncated: false };
        assert_eq!(encode(&captured, Encoding::Base64), ("/wA=".into(), false));
        assert_eq!(encode(&captured, Encoding::Utf8), ("\u{fffd}\0".into(), true));
    }
}
