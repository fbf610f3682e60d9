//! Sandboxes in which one program is run again and again: a judged submission, and whoever judges it.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Dispatch, Refusal,
    cache::Compiled,
    run::{Hands, Stepped},
};
use crate::{
    job::{Claim, Outcome, Program, SourceFile, Stage, Step, Work, WorkPath},
    observe::StageKind,
    pool::{Lease, RunningGuard},
    sandbox::{Joint, Lost},
};

/// A program on its way into sandboxes, and what is known of it.
pub(super) struct Recipe<'a> {
    program: &'a Program,
    /// What the compile makes is brought here, to be taken into further sandboxes.
    is_carried: bool,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// Of the first compile.
    stage: Option<Stage>,
    artifact: Option<Arc<Vec<u8>>>,
    was_cached: bool,
}

/// What all sandboxes of one request have in common.
pub(super) struct Errand {
    pub deadline: Instant,
    /// What was lost before it began is run again, once.
    may_repeat: AtomicBool,
    spent: Mutex<Spent>,
}

/// What became of the first claim is told; of later ones only the sum of the waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    pub claim: Claim,
    pub claimed: Duration,
    pub compile: Duration,
    pub run: Duration,
}

/// A sandbox that holds the program, ready to be run.
pub(super) struct Seat<'a> {
    hands: Hands<'a>,
    program: &'a Program,
    /// What a run begins with.
    work: Work,
    /// The program's files are in it already.
    has_files: bool,
    _running: RunningGuard,
}

/// Where one worker has a recipe's sandbox, while it has one.
pub(super) struct Chair<'t, 'a> {
    recipe: &'t Recipe<'a>,
    seat: Option<Seat<'a>>,
}

/// Why there is none.
pub(super) enum NoSeat {
    Refused(Refusal),
    /// The compile, which the recipe holds, did not end well.
    NotCompiled,
    /// The sandbox, or what its compile had made.
    Lost,
}

impl<'a> Recipe<'a> {
    pub fn new(program: &'a Program, is_carried: bool) -> Self {
        Self { program, is_carried, made: Mutex::default() }
    }

    /// Of the first compile, if there was one.
    pub fn stage(&self) -> Option<Stage> {
        self.made().stage.clone()
    }

    pub fn was_cached(&self) -> bool {
        self.made().was_cached
    }

    /// Takes over what was compiled for another request.
    fn take_over(&self, compiled: Compiled) -> Arc<Vec<u8>> {
        let Compiled { artifact, stage } = compiled;
        *self.made() = Made { stage: Some(stage), artifact: Some(Arc::clone(&artifact)), was_cached: true };
        artifact
    }

    fn made(&self) -> MutexGuard<'_, Made> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'t, 'a> Chair<'t, 'a> {
    pub fn new(recipe: &'t Recipe<'a>, seat: Option<Seat<'a>>) -> Self {
        Self { recipe, seat }
    }

    /// The sandbox was lost.
    pub fn clear(&mut self) {
        self.seat = None;
    }

    /// The sandbox is in good order, and nothing more will be run in it.
    pub fn retire(&mut self) {
        self.seat.take().into_iter().for_each(Seat::retire);
    }
}

impl Errand {
    /// With the first sandbox at hand.
    pub fn begun(deadline: Instant, claim: Claim, claimed: Duration) -> Self {
        let spent = Spent { claim, claimed, compile: Duration::ZERO, run: Duration::ZERO };
        Self { deadline, may_repeat: AtomicBool::new(true), spent: Mutex::new(spent) }
    }

    pub fn spent(&self) -> Spent {
        *self.lock()
    }

    /// Whether this was lost before it began, for the first time.
    pub fn is_repeated(&self, stepped: &Stepped) -> bool {
        stepped.was_lost_unheard && self.repeats()
    }

    /// True once.
    pub fn repeats(&self) -> bool {
        self.may_repeat.swap(false, Ordering::Relaxed)
    }

    pub fn ran(&self, stage: &Stage) {
        self.lock().run += stage.usage.wall_time;
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dispatch {
    /// A sandbox with the program in it: compiled there, or brought from where it was.
    ///
    /// `at_hand`: one that was claimed already.
    pub(super) async fn seat<'a>(
        &'a self,
        recipe: &Recipe<'a>,
        errand: &Errand,
        mut at_hand: Option<Lease>,
    ) -> Result<Seat<'a>, NoSeat> {
        let program = recipe.program;
        loop {
            let lease = match at_hand.take() {
                Some(lease) => lease,
                None => {
                    let since = Instant::now();
                    let (lease, _) = self.claim(&program.language, errand.deadline).await.map_err(NoSeat::Refused)?;
                    errand.lock().claimed += since.elapsed();
                    lease
                }
            };
            let running = self.fleet.running();
            let hands = self.hands(&program.language, lease, errand.deadline);
            let mut seat = Seat { hands, program, work: Work::Originals, has_files: false, _running: running };
            let Some(step) = &program.compile else { return Ok(seat) };
            let artifact = recipe.made().artifact.clone();
            let artifact = match artifact {
                None if recipe.stage().is_none() => self.cached(program).map(|compiled| recipe.take_over(compiled)),
                artifact => artifact,
            };
            if let Some(artifact) = artifact {
                if !seat.hands.import(&artifact).await {
                    if errand.repeats() {
                        continue;
                    }
                    return Err(NoSeat::Lost);
                }
                (seat.work, seat.has_files) = (Work::Kept, true);
                return Ok(seat);
            }
            let stepped = seat.hands.step(StageKind::Compile, &program.files, step, Work::OriginalsToKeep).await;
            if errand.is_repeated(&stepped) {
                continue;
            }
            errand.lock().compile += stepped.stage.usage.wall_time;
            let is_compiled = stepped.stage.outcome == Outcome::Ok;
            let stage = if stepped.was_cut_short { of_deadline(stepped.stage) } else { stepped.stage };
            let compiled_before = matches!(&recipe.made().stage, Some(stage) if stage.outcome == Outcome::Ok);
            recipe.made().stage.get_or_insert(stage);
            if !is_compiled {
                if !stepped.was_lost {
                    seat.retire();
                }
                // What compiled before and does not now is not to blame.
                return Err(if compiled_before { NoSeat::Lost } else { NoSeat::NotCompiled });
            }
            (seat.work, seat.has_files) = (Work::Kept, true);
            if recipe.is_carried || self.is_worth_caching(&seat.hands) {
                match seat.hands.export().await.map(Arc::new) {
                    Some(artifact) => {
                        recipe.made().artifact = Some(Arc::clone(&artifact));
                        if let Some(stage) = recipe.stage() {
                            self.cache.put(program, Compiled { artifact, stage });
                        }
                    }
                    None if recipe.is_carried => return Err(NoSeat::Lost),
                    // It was only to be kept for others.
                    None => {}
                }
            }
            return Ok(seat);
        }
    }
}

impl Dispatch {
    /// The chair's sandbox; a new one where it has none.
    pub(super) async fn fill<'s, 'a>(
        &'a self,
        chair: &'s mut Chair<'_, 'a>,
        errand: &Errand,
    ) -> Result<&'s mut Seat<'a>, NoSeat> {
        let seat = match chair.seat.take() {
            Some(seat) => seat,
            None => self.seat(chair.recipe, errand, None).await?,
        };
        Ok(chair.seat.insert(seat))
    }
}

impl Seat<'_> {
    pub async fn run(&mut self, step: &Step, joint: Option<Joint>) -> Stepped {
        let files = if self.has_files { &[][..] } else { &self.program.files };
        self.has_files = true;
        self.hands.step_joined(StageKind::Run, files, step, self.work, joint).await
    }

    /// With further files, in place of those of the run before.
    pub async fn run_on(&mut self, given: Vec<SourceFile>, step: &Step, joint: Option<Joint>) -> Stepped {
        let mut files = match self.work {
            Work::Originals => self.program.files.clone(),
            _ => Vec::new(),
        };
        files.extend(given);
        self.hands.step_joined(StageKind::Check, &files, step, self.work, joint).await
    }

    /// What the last run left there, if there is such a file. An error: the sandbox is lost.
    pub async fn fetch(&mut self, path: &WorkPath, most_bytes: u64) -> Result<Option<Vec<u8>>, Lost> {
        Ok(self.hands.lease.sandbox.fetch(path, most_bytes).await?.ok())
    }

    /// Nothing more will be run in it, and it is in good order.
    pub fn retire(self) {
        self.hands.lease.sandbox.retire();
    }
}

/// Time that was never granted is nobody's verdict.
fn of_deadline(stage: Stage) -> Stage {
    Stage { outcome: Outcome::SandboxError, ..stage }
}
