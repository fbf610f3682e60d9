//! A judging: compile once, then case after case. Between two of them every process of the submission is gone and every
//! file is as it was, or there is a new sandbox, so that no case learns of another. What is expected stays here, or goes to
//! the judge's own program in a sandbox of its own.
//!
//! A sandbox that is lost costs its case the verdict and the next one a new sandbox; only what was lost before it began is
//! run again, once.

use std::sync::Arc;

use tokio::time::Instant;

use super::{
    Dispatch, Refusal,
    admission::{Admitted, RunSlot},
    aside::aside,
    board::{Board, Progress, unjudged},
    checker::{self, Found},
    joined::{self, Joined},
    run::Stepped,
    seat::{Chair, Errand, NoSeat, Recipe, Seat, Spent},
    validator,
};
use crate::job::{
    Captured, Case, Check, Checker, Isolation, Judged, Judgement, Judging, MOST_SHOWN_BYTES, Outcome, Stage, Timing,
    Validator, Verdict,
};

const DEADLINE: &str = "the request's deadline passed";
const LOST: &str = "the sandbox was lost; the request may be sent again";
const NO_SANDBOX: &str = "no further sandbox could be had; the request may be sent again";
const CUT: &str = "the output was cut, and what is left of it is not the answer";

/// All that the workers of one judging share.
struct Trial<'a> {
    judging: &'a Judging,
    submission: Recipe<'a>,
    court: Court<'a>,
    errand: Errand,
}

/// Who says whether an answer is right, and how a sandbox with him is come by.
enum Court<'a> {
    Compare(Checker),
    Ask(&'a Validator, Recipe<'a>),
    Join(&'a Validator, Recipe<'a>),
}

/// What one worker has at hand.
struct Bench<'t, 'a> {
    submission: Chair<'t, 'a>,
    referee: Referee<'t, 'a>,
}

/// The court, as far as one worker has it.
enum Referee<'t, 'a> {
    Compare(Checker),
    Ask(&'a Validator, Chair<'t, 'a>),
    Join(&'a Validator, Chair<'t, 'a>),
}

/// The same, ready for a case.
enum Ready<'s, 'a> {
    Compare(Checker),
    Ask(&'a Validator, &'s mut Seat<'a>),
    Join(&'a Validator, &'s mut Seat<'a>),
}

/// A case that was run, and what was found of it; absent where the run alone decides.
struct Tried {
    stepped: Stepped,
    found: Option<Found>,
    referee: Referred,
}

/// What became of the judge's own program.
#[derive(Default)]
struct Referred {
    /// Its sandbox is of no further use.
    was_lost: bool,
    /// It may never have begun.
    was_lost_unheard: bool,
}

/// What is known of a case, and whether it is of no use to go on.
struct Ruling {
    judged: Judged,
    is_last: bool,
}

impl Dispatch {
    pub(super) async fn try_all(
        &self,
        judging: &Judging,
        tell: &(impl Fn(Progress<'_>) + Sync),
    ) -> Result<Judgement, Refusal> {
        let since = Instant::now();
        let deadline = since + judging.deadline;
        let Admitted { slot: _slot, lease, claim, queue, claimed } =
            self.admission.enter(&judging.standing, &judging.program.language, deadline).await?;
        let trial = Trial {
            judging,
            submission: Recipe::new(&judging.program, judging.is_carried()),
            court: Court::of(&judging.check),
            errand: Errand::begun(deadline, claim, claimed),
        };
        let first = match self.seat(&trial.submission, &trial.errand, Some(lease)).await {
            Ok(seat) => Some(seat),
            Err(NoSeat::Refused(refusal)) => return Err(refusal),
            Err(NoSeat::NotCompiled | NoSeat::Lost) => None,
        };
        let tell = |progress: Progress<'_>| {
            if let Progress::Judged(judged) = progress {
                self.observer.case_judged(&judging.program.language, judged.verdict.into());
            }
            tell(progress);
        };
        let board = Board::new(&judging.cases, &tell);
        let compile = trial.submission.stage();
        if let Some(stage) = &compile {
            tell(Progress::Compiled(stage));
        }
        if compile.as_ref().is_none_or(|stage| stage.outcome == Outcome::Ok) {
            self.try_cases(&trial, first, &board).await;
        }
        let Spent { claim, claimed, compile: compile_time, run: run_time } = trial.errand.spent();
        let timing = Timing { queue, claim: claimed, compile: compile_time, run: run_time, total: since.elapsed() };
        let compile_cached = trial.submission.was_cached();
        Ok(Judgement { compile, compile_cached, cases: board.finish(), timing, claim })
    }

    /// By one worker, and by as many more as are asked for and find a run slot that nobody else wants.
    async fn try_cases<'a, T: Fn(Progress<'_>) + Sync>(
        &'a self,
        trial: &Trial<'a>,
        mut first: Option<Seat<'a>>,
        board: &Board<'_, T>,
    ) {
        let is_fresh = trial.judging.isolation == Isolation::Fresh;
        // A sandbox in which a compiler ran is not one that nobody has used.
        if is_fresh && trial.judging.program.compile.is_some() {
            first.take().into_iter().for_each(Seat::retire);
        }
        let most = trial.judging.parallel.min(trial.judging.cases.len());
        let Judging { standing, program, .. } = trial.judging;
        let spare = || self.admission.spare_slot(&standing.client, &program.language);
        let helpers = (1..most).map_while(|_| spare()).map(|slot| self.work(trial, None, board, Some(slot)));
        tokio::join!(self.work(trial, first, board, None), futures_util::future::join_all(helpers));
    }

    /// Case after case, until there is none left; with a borrowed slot, until somebody else needs it.
    async fn work<'a, T: Fn(Progress<'_>) + Sync>(
        &'a self,
        trial: &Trial<'a>,
        first: Option<Seat<'a>>,
        board: &Board<'_, T>,
        borrowed: Option<RunSlot>,
    ) {
        let mut bench = Bench::new(trial, first);
        while let Some(index) = board.next() {
            let Ruling { judged, is_last } = self.rule(trial, index, &mut bench).await;
            let is_over = is_last || (trial.judging.stop_on_failure && judged.verdict != Verdict::Accepted);
            board.enter(index, judged, is_over);
            if trial.judging.isolation == Isolation::Fresh {
                bench.submission.retire();
            }
            if borrowed.is_some() && self.admission.is_crowded() {
                break;
            }
        }
        bench.submission.retire();
        if let Referee::Ask(_, chair) | Referee::Join(_, chair) = &mut bench.referee {
            chair.retire();
        }
    }

    /// One case. The judge's own program is ready before the submission's time begins to count.
    async fn rule<'a>(&'a self, trial: &Trial<'a>, index: usize, bench: &mut Bench<'_, 'a>) -> Ruling {
        let Trial { judging, errand, .. } = trial;
        let case = &judging.cases[index];
        loop {
            if Instant::now() >= errand.deadline {
                return Ruling::last(case, DEADLINE);
            }
            let Bench { submission, referee } = &mut *bench;
            let ready = match referee {
                Referee::Compare(checker) => Ready::Compare(*checker),
                Referee::Ask(validator, chair) => match self.fill(chair, errand).await {
                    Ok(seat) => Ready::Ask(validator, seat),
                    Err(no_seat) => return Ruling::without_referee(case, &no_seat, &trial.court),
                },
                Referee::Join(validator, chair) => match self.fill(chair, errand).await {
                    Ok(seat) => Ready::Join(validator, seat),
                    Err(no_seat) => return Ruling::without_referee(case, &no_seat, &trial.court),
                },
            };
            let seat = match self.fill(submission, errand).await {
                Ok(seat) => seat,
                Err(NoSeat::Refused(_)) => return Ruling::last(case, NO_SANDBOX),
                // The next case may have better luck.
                Err(NoSeat::Lost | NoSeat::NotCompiled) => {
                    let judged = unjudged(case, Verdict::JudgeError, Some(LOST.to_owned()));
                    return Ruling { judged, is_last: false };
                }
            };
            let Tried { stepped, found, referee: referred } = attempt(seat, ready, case, index, errand).await;
            if stepped.was_lost {
                submission.clear();
            }
            if let (true, Referee::Ask(_, chair) | Referee::Join(_, chair)) = (referred.was_lost, referee) {
                chair.clear();
            }
            if errand.is_repeated(&stepped) || (referred.was_lost_unheard && errand.repeats()) {
                continue;
            }
            errand.ran(&stepped.stage);
            return Ruling { judged: judged(case, stepped, found), is_last: false };
        }
    }
}

impl<'a> Court<'a> {
    fn of(check: &'a Check) -> Self {
        let recipe = |validator: &'a Validator| Recipe::new(&validator.program, false);
        match check {
            Check::Compare(checker) => Self::Compare(*checker),
            Check::Ask(validator) => Self::Ask(validator, recipe(validator)),
            Check::Join(validator) => Self::Join(validator, recipe(validator)),
        }
    }

    /// Of the validator's compile, if it was compiled.
    fn compile(&self) -> Option<Stage> {
        match self {
            Self::Compare(_) => None,
            Self::Ask(_, recipe) | Self::Join(_, recipe) => recipe.stage(),
        }
    }
}

impl<'t, 'a> Bench<'t, 'a> {
    fn new(trial: &'t Trial<'a>, first: Option<Seat<'a>>) -> Self {
        let referee = match &trial.court {
            Court::Compare(checker) => Referee::Compare(*checker),
            Court::Ask(validator, recipe) => Referee::Ask(validator, Chair::new(recipe, None)),
            Court::Join(validator, recipe) => Referee::Join(validator, Chair::new(recipe, None)),
        };
        Self { submission: Chair::new(&trial.submission, first), referee }
    }
}

impl Ruling {
    fn last(case: &Case, message: &str) -> Self {
        Self { judged: unjudged(case, Verdict::JudgeError, Some(message.to_owned())), is_last: true }
    }

    /// The judge's own program is not to be had.
    fn without_referee(case: &Case, no_seat: &NoSeat, court: &Court<'_>) -> Self {
        match (no_seat, court.compile()) {
            (NoSeat::Refused(_), _) => Self::last(case, NO_SANDBOX),
            (NoSeat::NotCompiled, Some(stage)) if stage.outcome != Outcome::SandboxError => {
                let words = validator::words(&stage).or(stage.message).unwrap_or_default();
                Self::last(case, format!("the checker or interactor does not compile: {words}").trim_end())
            }
            (NoSeat::NotCompiled | NoSeat::Lost, _) => Self::last(case, LOST),
        }
    }
}

async fn attempt(seat: &mut Seat<'_>, ready: Ready<'_, '_>, case: &Case, index: usize, errand: &Errand) -> Tried {
    match ready {
        Ready::Compare(checker) => {
            let mut stepped = seat.run(&case.run, None).await;
            let found = match &case.expected {
                Some(expected) if stepped.has_answer() => Some(compare(checker, expected, &mut stepped).await),
                Some(_) | None => None,
            };
            Tried { stepped, found, referee: Referred::default() }
        }
        Ready::Ask(validator, judge) => {
            let stepped = seat.run(&case.run, None).await;
            if !stepped.has_answer() {
                return Tried { stepped, found: None, referee: Referred::default() };
            }
            let told = validator::ask(judge, validator, case, index, &stepped.stage.stdout.bytes).await;
            errand.ran(&told.stage);
            let opinion = validator::opinion(validator, &told.stage);
            let verdict = joined::verdict(Verdict::Accepted, opinion, joined::First::Submission);
            let (found, referee) = explained(verdict, judge, validator, &told).await;
            Tried { stepped, found: Some(found), referee }
        }
        Ready::Join(validator, judge) => {
            let Joined { submission: stepped, judge: told, first } =
                joined::run(seat, judge, validator, case, index).await;
            let opinion = validator::opinion(validator, &told.stage);
            let verdict = joined::verdict(Verdict::of_run(stepped.stage.outcome), opinion, first);
            let (found, referee) = explained(verdict, judge, validator, &told).await;
            Tried { stepped, found: Some(found), referee }
        }
    }
}

/// Much takes its time, for which the threads of everybody's requests are too good.
async fn compare(checker: Checker, expected: &Arc<[u8]>, stepped: &mut Stepped) -> Found {
    let answer = &mut stepped.stage.stdout.bytes;
    let (expected, taken) = (Arc::clone(expected), std::mem::take(answer));
    let (found, taken) = aside(expected.len().max(taken.len()), move || {
        let found = checker::check(checker, &expected, &taken);
        (found, taken)
    })
    .await;
    *answer = taken;
    found
}

/// With what the validator said, or with how it failed.
async fn explained(verdict: Verdict, judge: &mut Seat<'_>, validator: &Validator, told: &Stepped) -> (Found, Referred) {
    let said = validator::message(judge, validator, told).await;
    let referred = Referred { was_lost: told.was_lost || said.is_err(), was_lost_unheard: told.was_lost_unheard };
    let message = said.unwrap_or_default();
    if verdict != Verdict::JudgeError {
        return ((verdict, message), referred);
    }
    let how = validator::failure(told);
    ((verdict, Some(message.map_or(how.clone(), |message| format!("{how}: {message}")))), referred)
}

fn judged(case: &Case, stepped: Stepped, found: Option<Found>) -> Judged {
    let Stepped { stage, was_cut_short, .. } = stepped;
    let (verdict, message) = match found {
        _ if was_cut_short => (Verdict::JudgeError, Some(DEADLINE.to_owned())),
        Some((Verdict::Accepted, _)) if stage.stdout.truncated => (Verdict::WrongAnswer, Some(CUT.to_owned())),
        Some(found) => found,
        None => (Verdict::of_run(stage.outcome), None),
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
