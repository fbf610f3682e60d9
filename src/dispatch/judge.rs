//! A judging in its sandbox: compile once, then case after case. Between two of them every process of the submission is
//! gone and every file is as it was, so that no case learns of another. What is expected stays here.
//!
//! A sandbox that is lost costs its case the verdict and the next one a new sandbox, compile included; only what was lost
//! before it began is run again, once.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Dispatch, Refusal, checker,
    run::{Hands, Stepped},
};
use crate::{
    job::{
        Captured, Case, Claim, Judged, Judgement, Judging, MOST_SHOWN_BYTES, Outcome, SourceFile, Stage, Timing,
        Verdict, Work,
    },
    observe::StageKind,
    pool::RunningGuard,
};

const DEADLINE: &str = "the request's deadline passed";
const LOST: &str = "the sandbox was lost; the request may be sent again";
const CUT: &str = "the output was cut, and what is left of it is not the answer";

/// A part of a judging that has ended.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    Compiled(&'a Stage),
    Judged(&'a Judged),
}

/// A sandbox in which cases can be run.
struct Seat<'a> {
    hands: Hands<'a>,
    /// What a case begins with.
    work: Work,
    /// What has to be sent with the next step.
    files: &'a [SourceFile],
    _running: RunningGuard,
}

/// What became of the first sandbox is told; of later ones only the sum of the waits.
#[derive(Default)]
struct Account {
    claim: Option<Claim>,
    claimed: Duration,
    compile: Option<Stage>,
    compile_time: Duration,
    run_time: Duration,
}

impl Dispatch {
    pub(super) async fn try_all(&self, judging: &Judging, tell: &impl Fn(Progress<'_>)) -> Result<Judgement, Refusal> {
        let since = Instant::now();
        let deadline = since + judging.deadline;
        let _slot = self.run_slot(deadline).await?;
        let queue = since.elapsed();
        let mut account = Account::default();
        let mut seat = None;
        let mut may_repeat = true;
        let mut judged = Told { all: Vec::with_capacity(judging.cases.len()), tell };
        let mut is_over = false;
        while let Some(case) = judging.cases.get(judged.all.len()) {
            if is_over {
                judged.push(unjudged(case, Verdict::Skipped, None));
                continue;
            }
            if Instant::now() >= deadline {
                judged.push(unjudged(case, Verdict::JudgeError, Some(DEADLINE)));
                is_over = true;
                continue;
            }
            let taken = match seat.take() {
                Some(seat) => Ok(Some(seat)),
                None => {
                    let was_compiled = account.compile.is_some();
                    let taken = self.seat(judging, deadline, &mut account, &mut may_repeat).await;
                    if let (false, Some(stage)) = (was_compiled, &account.compile) {
                        tell(Progress::Compiled(stage));
                    }
                    taken
                }
            };
            let mut ready = match taken {
                Ok(Some(ready)) => ready,
                Ok(None) => {
                    let (verdict, message) = match &account.compile {
                        // A submission that compiled before and does not now is not to blame.
                        Some(stage) if stage.outcome == Outcome::Ok => (Verdict::JudgeError, Some(LOST)),
                        Some(_) | None => (Verdict::Skipped, None),
                    };
                    judged.push(unjudged(case, verdict, message));
                    is_over = true;
                    continue;
                }
                // What is known already is worth more than nothing.
                Err(_) if !judged.all.is_empty() => {
                    judged.push(unjudged(case, Verdict::JudgeError, Some(LOST)));
                    is_over = true;
                    continue;
                }
                Err(refusal) => return Err(refusal),
            };
            let stepped = ready.hands.step(StageKind::Run, ready.files, &case.run, ready.work).await;
            if stepped.was_lost_unheard && std::mem::take(&mut may_repeat) {
                continue;
            }
            account.run_time += stepped.stage.usage.wall_time;
            if !stepped.was_lost {
                ready.files = &[];
                seat = Some(ready);
            }
            let verdict = judge(judging, case, stepped);
            is_over = verdict.verdict != Verdict::Accepted && judging.stop_on_failure;
            judged.push(verdict);
        }
        if let Some(seat) = seat {
            seat.hands.lease.sandbox.retire();
        }
        let Account { claim, claimed, compile, compile_time, run_time } = account;
        let timing = Timing { queue, claim: claimed, compile: compile_time, run: run_time, total: since.elapsed() };
        Ok(Judgement { compile, cases: judged.all, timing, claim: claim.unwrap_or(Claim::Warm) })
    }

    /// A sandbox with the submission in it, compiled; `None` when the compile, which the account holds, did not end well.
    async fn seat<'a>(
        &'a self,
        judging: &'a Judging,
        deadline: Instant,
        account: &mut Account,
        may_repeat: &mut bool,
    ) -> Result<Option<Seat<'a>>, Refusal> {
        loop {
            let since = Instant::now();
            let (lease, claim) = self.claim(&judging.language, deadline).await?;
            account.claimed += since.elapsed();
            account.claim.get_or_insert(claim);
            let running = self.fleet.running();
            let mut hands = self.hands(&judging.language, lease, deadline);
            let Some(step) = &judging.compile else {
                let seat = Seat { hands, work: Work::Originals, files: &judging.files, _running: running };
                return Ok(Some(seat));
            };
            let stepped = hands.step(StageKind::Compile, &judging.files, step, Work::OriginalsToKeep).await;
            if stepped.was_lost_unheard && std::mem::take(may_repeat) {
                continue;
            }
            account.compile_time += stepped.stage.usage.wall_time;
            let is_compiled = stepped.stage.outcome == Outcome::Ok;
            let stage = if stepped.was_cut_short { of_deadline(stepped.stage) } else { stepped.stage };
            account.compile.get_or_insert(stage);
            if is_compiled {
                return Ok(Some(Seat { hands, work: Work::Kept, files: &[], _running: running }));
            }
            if !stepped.was_lost {
                hands.lease.sandbox.retire();
            }
            return Ok(None);
        }
    }
}

/// Cases that have their verdict, each of which was told.
struct Told<'a, T> {
    all: Vec<Judged>,
    tell: &'a T,
}

impl<T: Fn(Progress<'_>)> Told<'_, T> {
    fn push(&mut self, judged: Judged) {
        (self.tell)(Progress::Judged(&judged));
        self.all.push(judged);
    }
}

/// Time that was never granted is nobody's verdict.
fn of_deadline(stage: Stage) -> Stage {
    Stage { outcome: Outcome::SandboxError, ..stage }
}

fn unjudged(case: &Case, verdict: Verdict, message: Option<&str>) -> Judged {
    Judged { id: case.id.clone(), verdict, run: None, message: message.map(str::to_owned), points: 0.0 }
}

fn judge(judging: &Judging, case: &Case, stepped: Stepped) -> Judged {
    let Stepped { stage, was_lost: _, was_lost_unheard: _, was_cut_short } = stepped;
    let (verdict, message) = match (&case.expected, Verdict::of_run(stage.outcome)) {
        _ if was_cut_short => (Verdict::JudgeError, Some(DEADLINE.to_owned())),
        (Some(expected), Verdict::Accepted) => match checker::check(judging.checker, expected, &stage.stdout.bytes) {
            (Verdict::Accepted, _) if stage.stdout.truncated => (Verdict::WrongAnswer, Some(CUT.to_owned())),
            found => found,
        },
        (_, verdict) => (verdict, None),
    };
    let points = if verdict == Verdict::Accepted { case.points } else { 0.0 };
    Judged { id: case.id.clone(), verdict, run: Some(shown(stage)), message, points }
}

/// With as much of its output as is brought back.
fn shown(stage: Stage) -> Stage {
    let cut = |captured: Captured| {
        let Captured { mut bytes, truncated } = captured;
        let is_long = bytes.len() > MOST_SHOWN_BYTES;
        bytes.truncate(MOST_SHOWN_BYTES);
        bytes.shrink_to_fit();
        Captured { bytes, truncated: truncated || is_long }
    };
    Stage { stdout: cut(stage.stdout), stderr: cut(stage.stderr), ..stage }
}
