//! A run before the first run. A sandbox that was just made has never started a program: its pages are not mapped, its
//! directories not looked up, the buffers on the way to it not there. A job that paid for all that took twice as long,
//! so every sandbox runs something harmless before it is called ready, and proves by that that it can.

use std::time::Duration;

use caisson_protocol::REHEARSAL;

use super::{Lost, Session, verdict};
use crate::job::{Limits, Outcome, Output, Overflow, Step};

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

pub async fn rehearse(session: &mut Session, step: Option<&Step>) -> Result<(), RehearsalError> {
    let nothing;
    let step = match step {
        Some(step) => step,
        None => {
            nothing = do_nothing();
            &nothing
        }
    };
    let stage = verdict::stage(session.rehearse(step).await?, step);
    if stage.outcome == Outcome::Ok {
        return Ok(());
    }
    let said = &stage.stdout.bytes[..stage.stdout.bytes.len().min(WORDS)];
    Err(RehearsalError::Failed {
        program: step.argv.join(" "),
        outcome: stage.outcome,
        words: stage.message.unwrap_or_else(|| String::from_utf8_lossy(said).trim_end().to_owned()),
    })
}

/// The agent's own program, which is in every image.
fn do_nothing() -> Step {
    Step {
        argv: REHEARSAL.map(str::to_owned).to_vec(),
        env: Vec::new(),
        stdin: Vec::new(),
        limits: Limits {
            cpu_time: Duration::from_secs(5),
            wall_time: Duration::from_secs(10),
            memory_bytes: 16 << 20,
            output_bytes: 4096,
            processes: 4,
            file_size_bytes: 4096,
            open_files: 16,
            stack_bytes: 1 << 20,
        },
        overflow: Overflow::Cut,
        output: Output::Merged,
    }
}
