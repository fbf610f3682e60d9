//! The judgement as clients read it.

use serde::Serialize;

use super::super::{
    Encoding,
    response::{Stage, Timing, is_false},
};
use crate::{
    api::timing::{self, ms},
    job::{self, Judged, Judgement, Verdict},
    language::Language,
};

/// The body of a 200.
#[derive(Debug, Serialize)]
pub struct Answer<'a> {
    id: &'a str,
    language: &'a str,
    version: &'a str,
    verdict: &'static str,
    score: f64,
    compile: Option<Stage<'a>>,
    #[serde(skip_serializing_if = "is_false")]
    compile_cached: bool,
    cases: Vec<Case<'a>>,
    max_cpu_time_ms: f64,
    max_memory_peak_bytes: u64,
    timing: Timing,
    claim: &'static str,
}

#[derive(Debug, Serialize)]
pub struct Case<'a> {
    id: &'a str,
    verdict: &'static str,
    run: Option<Stage<'a>>,
    checker_message: Option<&'a str>,
    points: f64,
}

impl<'a> Answer<'a> {
    pub fn new(id: &'a str, language: &'a Language, judgement: &'a Judgement, encoding: Encoding) -> Self {
        let Judgement { compile, compile_cached, cases, timing: times, claim } = judgement;
        let runs = || cases.iter().filter_map(|case| case.run.as_ref()).map(|stage| stage.usage);
        Self {
            id,
            language: &language.id,
            version: &language.version,
            verdict: verdict(judgement.verdict()),
            score: judgement.score(),
            compile_cached: *compile_cached,
            compile: compile.as_ref().map(|stage| Stage::new(stage, encoding)),
            cases: cases.iter().map(|case| Case::new(case, encoding)).collect(),
            max_cpu_time_ms: ms(runs().map(|usage| usage.cpu_time).max().unwrap_or_default()),
            max_memory_peak_bytes: runs().map(|usage| usage.memory_peak_bytes).max().unwrap_or_default(),
            timing: Timing::new(times),
            claim: timing::name(*claim),
        }
    }
}

impl<'a> Case<'a> {
    pub fn new(judged: &'a Judged, encoding: Encoding) -> Self {
        let job::Judged { id, verdict: said, run, message, points } = judged;
        Self {
            id,
            verdict: verdict(*said),
            run: run.as_ref().map(|stage| Stage::new(stage, encoding)),
            checker_message: message.as_deref(),
            points: *points,
        }
    }
}

pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accepted => "accepted",
        Verdict::WrongAnswer => "wrong_answer",
        Verdict::PresentationError => "presentation_error",
        Verdict::TimeLimit => "time_limit_exceeded",
        Verdict::MemoryLimit => "memory_limit_exceeded",
        Verdict::OutputLimit => "output_limit_exceeded",
        Verdict::RuntimeError => "runtime_error",
        Verdict::CompileError => "compile_error",
        Verdict::Skipped => "skipped",
        Verdict::JudgeError => "judge_error",
    }
}
