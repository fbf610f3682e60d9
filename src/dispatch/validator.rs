//! The judge's own program: what it is given for a case, and what its end means.

use crate::{
    job::{
        ANSWER, Case, Exit, INPUT, MOST_MESSAGE_BYTES, OUTPUT, Outcome, Protocol, SourceFile, Stage, Step, Validator,
        WorkPath,
    },
    sandbox::{Joint, Lost},
};

use super::{run::Stepped, seat::Seat};

/// What a validator says of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opinion {
    Right,
    Wrong,
    WrongLayout,
    /// It failed.
    None,
}

/// What validators of Kattis's kind leave for the judges, for the contestants, and for those who look after themselves.
const FEEDBACK_FILES: [&str; 3] = ["judgemessage.txt", "teammessage.txt", "judgeerror.txt"];

/// A message is cut, but a longer file is none that can be brought at all.
const MOST_FEEDBACK_BYTES: u64 = 1 << 20;

/// The validator on one case, on what the submission wrote.
pub(super) async fn ask(
    seat: &mut Seat<'_>,
    validator: &Validator,
    case: &Case,
    index: usize,
    output: &[u8],
) -> Stepped {
    let mut step = step(validator, index);
    let mut files = files(case);
    match validator.protocol {
        Protocol::Testlib => files.push(file(OUTPUT, output)),
        Protocol::Kattis => output.clone_into(&mut step.stdin),
    }
    seat.run_on(files, &step, None).await
}

/// The validator on one case, joined to the submission.
pub(super) async fn join(
    seat: &mut Seat<'_>,
    validator: &Validator,
    case: &Case,
    index: usize,
    joint: Joint,
) -> Stepped {
    let mut step = step(validator, index);
    // It has to outlive the submission, whose time includes its own.
    step.limits.wall_time += case.run.limits.wall_time;
    seat.run_on(files(case), &step, Some(joint)).await
}

/// From its end alone.
pub(super) fn opinion(validator: &Validator, stage: &Stage) -> Opinion {
    // Its exit code is its answer, and any but 0 is an error in a program's eyes.
    if !matches!(stage.outcome, Outcome::Ok | Outcome::RuntimeError) {
        return Opinion::None;
    }
    match (validator.protocol, stage.exit) {
        (Protocol::Testlib, Exit::Code(0)) | (Protocol::Kattis, Exit::Code(42)) => Opinion::Right,
        (Protocol::Testlib, Exit::Code(1)) | (Protocol::Kattis, Exit::Code(43)) => Opinion::Wrong,
        // A wrong presentation, something behind the answer, and its end too early.
        (Protocol::Testlib, Exit::Code(2 | 4 | 8)) => Opinion::WrongLayout,
        _ => Opinion::None,
    }
}

/// How it failed.
pub(super) fn failure(stepped: &Stepped) -> String {
    let Stage { outcome, exit, message, .. } = &stepped.stage;
    let how = match (outcome, exit) {
        (Outcome::Ok | Outcome::RuntimeError, Exit::Code(code)) => format!("ended with exit code {code}"),
        (_, Exit::Signal(signal)) if message.is_none() => format!("was ended by signal {signal}"),
        _ => message.clone().unwrap_or_else(|| "failed".to_owned()),
    };
    format!("the checker or interactor failed: {how}")
}

/// What it says beside its verdict.
///
/// # Errors
/// When its sandbox is lost meanwhile.
pub(super) async fn message(
    seat: &mut Seat<'_>,
    validator: &Validator,
    stepped: &Stepped,
) -> Result<Option<String>, Lost> {
    if validator.protocol == Protocol::Kattis && !stepped.was_lost {
        for name in FEEDBACK_FILES {
            let found = seat.fetch(&WorkPath::known(name), MOST_FEEDBACK_BYTES).await?;
            if let Some(words) = found.and_then(|bytes| text(&bytes)) {
                return Ok(Some(words));
            }
        }
    }
    Ok(words(&stepped.stage))
}

/// What it wrote for people: an interactor's standard output is for the submission, a checker's for nobody.
pub(super) fn words(stage: &Stage) -> Option<String> {
    text(&stage.stderr.bytes)
}

fn step(validator: &Validator, index: usize) -> Step {
    Step { argv: validator.argv[index].clone(), ..validator.run.clone() }
}

fn files(case: &Case) -> Vec<SourceFile> {
    vec![file(INPUT, &case.run.stdin), file(ANSWER, case.expected.as_deref().unwrap_or_default())]
}

fn file(place: &'static str, content: &[u8]) -> SourceFile {
    SourceFile { path: WorkPath::known(name_of(place)), content: content.to_vec() }
}

fn name_of(place: &'static str) -> &'static str {
    place.rsplit('/').next().unwrap_or(place)
}

fn text(bytes: &[u8]) -> Option<String> {
    let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_MESSAGE_BYTES)]);
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.to_owned())
}
