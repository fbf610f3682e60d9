//! A run before the first run. A sandbox that was just made has never started a program: its pages are not mapped, its
//! directories not looked up, the buffers on the way to it not there. A job that paid for all that took twice as long,
//! so every sandbox runs something harmless before it is called ready, and proves by that that it can.

use super::{Lost, Session, verdict};
use crate::job::{Outcome, Stage, Step};

/// Why a sandbox is not fit for its language.
#[derive(Debug, thiserror::Error)]
pub enum RehearsalError {
    #[error(transparent)]
    Lost(#[from] Lost),
    #[error("{program} ended with {outcome:?}: {words}")]
    Failed { program: String, outcome: Outcome, words: String },
}

/// How much of what a failed rehearsal said is told.
const WORDS: usize = 300;

pub async fn rehearse(session: &mut Session, step: &Step) -> Result<Stage, RehearsalError> {
    let stage = verdict::stage(session.rehearse(step).await?, step);
    if stage.outcome == Outcome::Ok {
        return Ok(stage);
    }
    let said = &stage.stdout.bytes[..stage.stdout.bytes.len().min(WORDS)];
    Err(RehearsalError::Failed {
        program: step.argv.join(" "),
        outcome: stage.outcome,
        words: stage.message.unwrap_or_else(|| String::from_utf8_lossy(said).trim_end().to_owned()),
    })
}
