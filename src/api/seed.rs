//! The dialect of the service that this one grew from: `POST /execute` and `GET /`.
//!
//! Request: `payload`, `lang`, `timelimit` (seconds) and `memlimit` (MiB), all required; numbers may be written as
//! strings. Response: `output` (stdout and stderr as one, the first 10,000 bytes) and `exit_status`. Statuses and texts
//! are those of the original, `lanugage` included, save where the original crashed or did nothing:
//!
//! - What it answered with an empty 500 (not JSON, a key missing or of the wrong type) is a 422 that says why.
//! - `memlimit` was ignored. It bounds the program; the compiler keeps the memory its language is configured with.
//! - `timelimit` bounds compile and run together. Each is given all of it, since what the compile leaves over is not
//!   known beforehand; a sum above it is answered with 124 like any other program that took too long.
//! - Numbers never come near a shell: they are parsed here and held against the language's ceiling.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Map, Value};
use tracing::Span;

use super::{
    Api, ApiConfig, body, fault::Fault, id, native::whole_status, status::json, text, timing::with_timing, trace,
};
use crate::{
    job::{Arm, Exit, Limits, Outcome, Output, Overflow, Report, SourceFile, Stage, Standing},
    language::{Catalogue, Language, Submission},
};

/// What `exit_status` is of a program that ran to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitStatus {
    /// The program's own, as a shell would see it.
    Program,
    /// 0, whatever the program did: the original saw the status of the `head` behind it.
    Head,
}

/// The four keys, read.
#[derive(Debug, Clone, PartialEq)]
struct Asked {
    payload: String,
    lang: String,
    timelimit: f64,
    memlimit: f64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Answer {
    exit_status: i32,
    output: String,
}

const MIB: f64 = 1024.0 * 1024.0;
const OUTPUT_BYTES: u64 = 10_000;
const FILE_SIZE_BYTES: u64 = 1_000_000;
/// The original let the wall clock strike first.
const CPU_GRACE: Duration = Duration::from_secs(1);

/// What `timeout` says when it had to end something.
const TIMED_OUT: i32 = 124;
/// What `docker exec` says when it could not do its part.
const NOT_RUN: i32 = 125;
const KILLED: i32 = 128 + 9;

pub async fn greet() -> &'static str {
    "post things to /execute, api doc in the readme"
}

pub async fn unsupported() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "that thing you just tried to do isn't supported")
}

pub async fn execute(State(api): State<Arc<Api>>, request: Request) -> Response {
    let (body, of_request) = match body::read(request, &api).await {
        Ok(read) => read,
        Err(fault) => return plain(&fault),
    };
    let submission = Asked::decode(&body).and_then(|asked| asked.resolve(&api.catalogue, &api.config));
    let (language, limit, submission) = match submission {
        Ok(resolved) => resolved,
        Err(complaint) => return (StatusCode::UNPROCESSABLE_ENTITY, complaint).into_response(),
    };
    Span::current().record("job.id", submission.id.as_str()).record("language", language.key.as_str());
    let job = language.job(submission);
    let held = match api.make_room(job.most_output_bytes() + api.dispatch.most_cached_bytes()) {
        Ok(of_answer) => of_request.and(of_answer),
        Err(fault) => return plain(&fault),
    };
    match api.dispatch.submit(job).await {
        Ok(report) => {
            trace::tell(whole_status(&report), report.claim);
            let answer = json(&Answer::new(&report, limit, api.config.seed_exit_status));
            held.until_sent(with_timing(answer, &report.timing, report.claim))
        }
        Err(refusal) => plain(&refusal.into()),
    }
}

/// This dialect knows no problem documents.
fn plain(fault: &Fault) -> Response {
    let mut response = (fault.code.status(), fault.detail.clone()).into_response();
    if let Some(seconds) = fault.retry_after_seconds() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

impl Asked {
    fn decode(body: &[u8]) -> Result<Self, String> {
        let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else {
            return Err("the body must be a JSON object with payload, lang, timelimit and memlimit".into());
        };
        let keys = ["payload", "lang", "timelimit", "memlimit"];
        let missing: Vec<_> = keys.into_iter().filter(|key| !members.contains_key(*key)).collect();
        if !missing.is_empty() {
            return Err(format!("missing: {}", missing.join(", ")));
        }
        Ok(Self {
            payload: text_of(&mut members, "payload")?,
            lang: text_of(&mut members, "lang")?,
            timelimit: number_of(&mut members, "timelimit")?,
            memlimit: number_of(&mut members, "memlimit")?,
        })
    }

    /// The language, the time that compile and run have together, and what to hand the language.
    fn resolve<'c>(
        self,
        catalogue: &'c Catalogue,
        config: &ApiConfig,
    ) -> Result<(&'c Language, Duration, Submission), String> {
        let Self { payload, lang, timelimit, memlimit } = self;
        let language = catalogue.find(&lang, None).map_err(|_| format!("unsupported lanugage: {lang}"))?;
        let most = &language.ceiling.0;
        let timelimit = bounded("timelimit", timelimit, 0.001, most.wall_time.as_secs_f64(), "seconds")?;
        let memlimit = bounded("memlimit", memlimit, 1.0, most.memory_bytes as f64 / MIB, "MiB")?;
        let limit = Duration::from_secs_f64(timelimit);
        let timed = |limits: &Limits| Limits {
            cpu_time: (limit + CPU_GRACE).min(most.cpu_time),
            wall_time: limit,
            output_bytes: OUTPUT_BYTES,
            ..*limits
        };
        let submission = Submission {
            id: id::fresh(),
            standing: Standing::default(),
            files: vec![SourceFile { path: language.source_file.clone(), content: payload.into_bytes() }],
            entrypoint: language.source_file.clone(),
            stdin: Vec::new(),
            args: Vec::new(),
            env: Vec::new(),
            compile_flags: Vec::new(),
            compile_limits: timed(&language.compile_limits),
            run_limits: Limits {
                memory_bytes: (memlimit * MIB) as u64,
                file_size_bytes: FILE_SIZE_BYTES.min(most.file_size_bytes),
                ..timed(&language.run_limits)
            },
            overflow: Overflow::Cut,
            output: Output::Merged,
            arm: Arm::Auto,
            artifacts: Vec::new(),
            // The wait for a sandbox is not the program's time.
            deadline: (config.default_deadline + 2 * limit).min(config.max_deadline),
        };
        Ok((language, limit, submission))
    }
}

fn text_of(members: &mut Map<String, Value>, key: &str) -> Result<String, String> {
    match members.remove(key) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("{key} must be a string")),
    }
}

fn number_of(members: &mut Map<String, Value>, key: &str) -> Result<f64, String> {
    let number = match members.remove(key) {
        Some(Value::Number(number)) => number.as_f64(),
        // Decimal digits and nothing else: `inf`, `1e9` and `a[$(reboot)]` are no numbers here.
        Some(Value::String(text)) if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
            text.parse().ok()
        }
        _ => None,
    };
    number.ok_or_else(|| format!("{key} must be a number"))
}

fn bounded(key: &str, value: f64, least: f64, most: f64, unit: &str) -> Result<f64, String> {
    if value <= 0.0 {
        return Err(format!("{key} must be greater than 0"));
    }
    if value < least || value > most {
        return Err(format!("{key} must be at least {least} and at most {most} {unit}"));
    }
    Ok(value)
}

impl Answer {
    fn new(report: &Report, limit: Duration, mode: ExitStatus) -> Self {
        let compiled = report.compile.as_ref();
        match (compiled, report.run.as_ref()) {
            (Some(compile), None) => {
                // Whatever stopped it, a compile that failed must not look like one that went well.
                Self { exit_status: status(compile).max(1), output: output(compile) }
            }
            (_, Some(run)) => {
                let spent = run.usage.wall_time + compiled.map_or(Duration::ZERO, |stage| stage.usage.wall_time);
                let exit_status = match (run.outcome, mode) {
                    (Outcome::TimeLimit | Outcome::SandboxError, _) => status(run),
                    _ if spent > limit => TIMED_OUT,
                    (_, ExitStatus::Head) => 0,
                    (_, ExitStatus::Program) => status(run),
                };
                Self { exit_status, output: output(run) }
            }
            (None, None) => Self { exit_status: NOT_RUN, output: String::new() },
        }
    }
}

/// As a shell would see it.
fn status(stage: &Stage) -> i32 {
    match stage.outcome {
        Outcome::TimeLimit => TIMED_OUT,
        Outcome::MemoryLimit => KILLED,
        Outcome::SandboxError => NOT_RUN,
        Outcome::Ok | Outcome::RuntimeError | Outcome::OutputLimit | Outcome::ProcessLimit => match stage.exit {
            Exit::Code(code) => code,
            Exit::Signal(number) => 128 + number,
            Exit::Unknown => NOT_RUN,
        },
    }
}

fn output(stage: &Stage) -> String {
    text::lossy(&stage.stdout).0.into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::job::{Captured, Claim, Timing, Usage};

    fn stage(outcome: Outcome, exit: Exit, wall_ms: u64) -> Stage {
        Stage {
            outcome,
            stdout: Captured { bytes: b"said".to_vec(), truncated: false },
            stderr: Captured::default(),
            exit,
            usage: Usage { wall_time: Duration::from_millis(wall_ms), ..Usage::default() },
            message: None,
            armed: false,
        }
    }

    fn answered(compile: Option<Stage>, run: Option<Stage>, mode: ExitStatus) -> i32 {
        let report = Report {
            compile,
            run,
            artifacts: Vec::new(),
            timing: Timing::default(),
            claim: Claim::Warm,
            compile_cached: false,
        };
        Answer::new(&report, Duration::from_secs(1), mode).exit_status
    }

    fn ran(outcome: Outcome, exit: Exit) -> (i32, i32) {
        let run = || Some(stage(outcome, exit, 1));
        (answered(None, run(), ExitStatus::Program), answered(None, run(), ExitStatus::Head))
    }

    #[test]
    fn the_exit_status_is_the_programs_or_that_of_head() {
        assert_eq!(ran(Outcome::Ok, Exit::Code(0)), (0, 0));
        assert_eq!(ran(Outcome::RuntimeError, Exit::Code(3)), (3, 0));
        assert_eq!(ran(Outcome::RuntimeError, Exit::Signal(11)), (139, 0));
        assert_eq!(ran(Outcome::MemoryLimit, Exit::Signal(9)), (137, 0));
        assert_eq!(ran(Outcome::TimeLimit, Exit::Signal(9)), (124, 124));
        assert_eq!(ran(Outcome::SandboxError, Exit::Unknown), (125, 125));
    }

    #[test]
    fn a_compile_that_failed_gives_its_own_status() {
        let failed = |outcome, exit| answered(Some(stage(outcome, exit, 1)), None, ExitStatus::Head);
        assert_eq!(failed(Outcome::RuntimeError, Exit::Code(2)), 2);
        assert_eq!(failed(Outcome::TimeLimit, Exit::Signal(9)), 124);
        assert_eq!(failed(Outcome::ProcessLimit, Exit::Code(0)), 1);
    }

    #[test]
    fn compile_and_run_share_the_time_limit() {
        let both = |wall_ms| {
            let compile = stage(Outcome::Ok, Exit::Code(0), 600);
            answered(Some(compile), Some(stage(Outcome::Ok, Exit::Code(0), wall_ms)), ExitStatus::Program)
        };
        assert_eq!((both(400), both(401)), (0, 124));
    }

    #[test]
    fn numbers_may_be_strings_but_never_code() {
        let number = |value: Value| number_of(&mut Map::from_iter([("timelimit".to_owned(), value)]), "timelimit");
        assert_eq!((number(json!("5")), number(json!(2.5))), (Ok(5.0), Ok(2.5)));
        for value in
            [json!("a[$(reboot)]"), json!("1e9"), json!("inf"), json!("-1"), json!(""), json!("."), json!(true)]
        {
            assert_eq!(number(value.clone()), Err("timelimit must be a number".into()), "{value}");
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let decode = |document: Value| Asked::decode(document.to_string().as_bytes()).unwrap_err();
        assert_eq!(decode(json!({"lang": "c", "memlimit": "1"})), "missing: payload, timelimit");
        assert_eq!(
            decode(json!({"payload": 1, "lang": "c", "timelimit": 1, "memlimit": 1})),
            "payload must be a string"
        );
        assert!(decode(json!([])).starts_with("the body must be a JSON object"));
    }
}
