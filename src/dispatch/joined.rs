//! An interactive case: the submission and the judge's program, each in a sandbox of its own, the output of one the input of
//! the other. What both write is bounded, so all of it has room here and neither waits for us.

use std::time::Duration;

use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    run::Stepped,
    seat::Seat,
    validator::{self, Opinion},
};
use crate::{
    job::{Case, Validator, Verdict},
    sandbox::Joint,
};

/// How long the judge may take to say something of a submission that failed.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Who ended first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum First {
    Submission,
    Judge,
}

pub(super) struct Joined {
    pub submission: Stepped,
    pub judge: Stepped,
    pub first: First,
}

pub(super) async fn run(
    submission: &mut Seat<'_>,
    judge: &mut Seat<'_>,
    validator: &Validator,
    case: &Case,
    index: usize,
) -> Joined {
    let (of_submission, to_judge) = pipe(case.run.limits.output_bytes);
    let (of_judge, to_submission) = pipe(validator.run.limits.output_bytes);
    let (stop, enough) = (CancellationToken::new(), CancellationToken::new());
    let joint = Joint { input: to_submission, output: of_submission, stop: stop.clone() };
    // The case's input is the judge's, who tells of it what it likes.
    let step = case.run.without_input();
    let run = submission.run(&step, Some(joint));
    let joint = Joint { input: to_judge, output: of_judge, stop: enough.clone() };
    let answer = validator::join(judge, validator, case, index, joint);
    tokio::pin!(run, answer);
    tokio::select! {
        ended = &mut run => {
            if !ended.has_answer() {
                // It is to blame, whatever the judge says of it, who may be waiting for something else.
                if let Ok(judge) = timeout(LAST_WORDS, &mut answer).await {
                    return Joined { submission: ended, judge, first: First::Submission };
                }
                enough.cancel();
            }
            Joined { submission: ended, judge: answer.await, first: First::Submission }
        }
        ended = &mut answer => {
            // What the submission does from now on changes nothing any more, unless its answers were right.
            if validator::opinion(validator, &ended.stage) != Opinion::Right {
                stop.cancel();
            }
            Joined { submission: run.await, judge: ended, first: First::Judge }
        }
    }
}

/// As large as what may ever be written to it.
fn pipe(bytes: u64) -> (tokio::io::DuplexStream, tokio::io::DuplexStream) {
    tokio::io::duplex(usize::try_from(bytes).unwrap_or(usize::MAX).max(1))
}

/// Whoever failed first is to blame: the other may have failed for want of a partner.
pub(super) fn verdict(submission: Verdict, opinion: Opinion, first: First) -> Verdict {
    match (submission, opinion) {
        // Nobody knows.
        (Verdict::JudgeError, _) => Verdict::JudgeError,
        (Verdict::Accepted, Opinion::Right) => Verdict::Accepted,
        (Verdict::Accepted, Opinion::None) => Verdict::JudgeError,
        (Verdict::Accepted, Opinion::Wrong) => Verdict::WrongAnswer,
        (Verdict::Accepted, Opinion::WrongLayout) => Verdict::PresentationError,
        (failed, Opinion::Right) => failed,
        (failed, Opinion::None | Opinion::Wrong | Opinion::WrongLayout) if first == First::Submission => failed,
        (_, Opinion::None) => Verdict::JudgeError,
        (_, Opinion::Wrong) => Verdict::WrongAnswer,
        (_, Opinion::WrongLayout) => Verdict::PresentationError,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_must_be_content() {
        for first in [First::Submission, First::Judge] {
            assert_eq!(verdict(Verdict::Accepted, Opinion::Right, first), Verdict::Accepted);
            assert_eq!(verdict(Verdict::Accepted, Opinion::Wrong, first), Verdict::WrongAnswer);
            assert_eq!(verdict(Verdict::Accepted, Opinion::WrongLayout, first), Verdict::PresentationError);
            assert_eq!(verdict(Verdict::Accepted, Opinion::None, first), Verdict::JudgeError);
            // Content with the answers, but then it crashed.
            assert_eq!(verdict(Verdict::RuntimeError, Opinion::Right, first), Verdict::RuntimeError);
            assert_eq!(verdict(Verdict::JudgeError, Opinion::Right, first), Verdict::JudgeError);
        }
    }

    #[test]
    fn who_failed_first_is_to_blame() {
        for failed in [Verdict::RuntimeError, Verdict::TimeLimit, Verdict::MemoryLimit, Verdict::OutputLimit] {
            assert_eq!(verdict(failed, Opinion::Wrong, First::Submission), failed);
            assert_eq!(verdict(failed, Opinion::None, First::Submission), failed);
            assert_eq!(verdict(failed, Opinion::Wrong, First::Judge), Verdict::WrongAnswer);
            assert_eq!(verdict(failed, Opinion::None, First::Judge), Verdict::JudgeError);
        }
    }
}
