//! Who decides what is made and when: the service's own policy, and others to measure it by.

use std::time::{Duration, Instant};

use super::machine::{Machine, World};
use crate::{
    job::LanguageId,
    pool::{
        demand::Demand,
        policy::{self, Action, Aim, Busy, PoolView, Snapshot},
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Brain {
    /// A sandbox is made for each job when it comes.
    Cold,
    /// A shelf of fixed size, refilled and cleared away at once: what most pools do.
    Eager,
    /// As OpenWhisk's stem cells: a small shelf, refilled at once, that grows by what missed it in the minute before.
    Reactive,
    /// A shelf of fixed size, refilled once nobody has come for a second. It looks kind and collapses.
    Debounced,
    /// The service's own but for the gate: only while nothing runs, nor has just run.
    Quiet,
    /// The service's own but for the gate: while a run slot is free.
    SlotFree,
    /// The service's own: on a processor that nothing else keeps busy.
    Ours,
    /// Knows who will come: makes what will be needed next, while nobody comes who would feel it. Not the best there could
    /// be, which nobody can reckon, but better than who does not know.
    Oracle,
}

impl Brain {
    pub const ALL: [Self; 8] = [
        Self::Cold,
        Self::Eager,
        Self::Reactive,
        Self::Debounced,
        Self::Quiet,
        Self::SlotFree,
        Self::Ours,
        Self::Oracle,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Eager => "eager",
            Self::Reactive => "reactive",
            Self::Debounced => "debounced",
            Self::Quiet => "quiet",
            Self::SlotFree => "slot-free",
            Self::Ours => "ours",
            Self::Oracle => "oracle",
        }
    }
}

/// A brain with what it remembers.
#[derive(Debug)]
pub struct Mind {
    brain: Brain,
    /// One for each language.
    demands: Vec<Demand>,
    /// What shelves of a fixed size hold: as much as ours holds before the first job.
    fixed: Vec<Aim>,
    reactive: Vec<Reactive>,
}

/// The stem cells of one language.
#[derive(Debug, Clone, Copy)]
struct Reactive {
    size: usize,
    missed: usize,
    was_missed: bool,
    since: f64,
}

const DEBOUNCE: f64 = 1.0;

/// As in OpenWhisk's example of a reactive configuration: two cells and one more for each miss of the last minute.
const STEM_CELLS: usize = 2;
const STEM_PERIOD: f64 = 60.0;

/// How far ahead the oracle makes what cannot wait. With less it makes everything at the last moment, when it is felt.
const FORESIGHT: f64 = 6.0;

impl Mind {
    pub fn new(brain: Brain, world: &World<'_>) -> Self {
        let languages = world.shelves.len();
        let mut mind = Self {
            brain,
            demands: vec![Demand::default(); languages],
            fixed: Vec::new(),
            reactive: vec![Reactive { size: STEM_CELLS, missed: 0, was_missed: false, since: 0.0 }; languages],
        };
        let idle = policy::aim(&mind.look(world));
        mind.fixed = idle.iter().map(|aim| Aim { floor: aim.target, target: aim.target }).collect();
        mind
    }

    /// What is ready before anything happens.
    pub fn at_the_start(&self, world: &World<'_>) -> Vec<usize> {
        let aims = match self.brain {
            Brain::Cold => vec![Aim::default(); self.fixed.len()],
            Brain::Eager | Brain::Debounced | Brain::Quiet | Brain::SlotFree | Brain::Ours => self.fixed.clone(),
            Brain::Reactive => self.reactive.iter().map(|cells| cells.aim()).collect(),
            Brain::Oracle => foreseen(world),
        };
        aims.iter().map(|aim| aim.target).collect()
    }

    pub fn arrived(&mut self, language: usize, now: Instant) {
        self.demands[language].arrived(now);
    }

    pub fn booted(&mut self, language: usize, took: Duration) {
        self.demands[language].booted(took);
    }

    pub fn plan(&mut self, world: &World<'_>) -> Vec<Action> {
        let snapshot = self.look(world);
        match self.brain {
            Brain::Quiet | Brain::SlotFree | Brain::Ours => policy::plan(&snapshot),
            Brain::Cold => policy::act(&snapshot, &vec![Aim::default(); snapshot.pools.len()]),
            Brain::Eager => policy::act(&snapshot, &self.fixed),
            Brain::Debounced => {
                let aims = Vec::from_iter(self.fixed.iter().map(|aim| Aim { floor: 0, ..*aim }));
                policy::act(&snapshot, &aims)
            }
            Brain::Reactive => {
                for (cells, shelf) in self.reactive.iter_mut().zip(&world.shelves) {
                    cells.look(world.now, shelf.ready == 0 && shelf.waiting > 0);
                }
                let aims = Vec::from_iter(self.reactive.iter().map(Reactive::aim));
                policy::act(&snapshot, &aims)
            }
            Brain::Oracle => policy::act(&snapshot, &foreseen(world)),
        }
    }

    /// Processors that it takes to be free for what can wait.
    pub fn spare(&self, world: &World<'_>) -> usize {
        let Machine { creators, run_slots, costs, .. } = world.machine;
        let all_if = |is_open| if is_open { creators } else { 0 };
        match self.brain {
            Brain::Ours => world.busy().spare(creators),
            Brain::Cold | Brain::Eager | Brain::Reactive => creators,
            Brain::Quiet => all_if(world.running + world.ended_within(policy::RETURN) == 0),
            Brain::SlotFree => all_if(world.running < run_slots),
            Brain::Debounced => all_if(world.now >= world.last_arrival + DEBOUNCE),
            Brain::Oracle => {
                Busy { just_ended: usize::from(world.is_awaited(costs.create)), ..world.busy() }.spare(creators)
            }
        }
    }

    /// Those that it takes to be free for what can wait longer.
    pub fn calm(&self, world: &World<'_>) -> usize {
        match self.brain {
            Brain::Ours => world.busy().calm(world.machine.creators),
            _ => self.spare(world),
        }
    }

    /// When it wants to look without being asked.
    pub fn looks(&self, world: &World<'_>) -> Vec<f64> {
        let past = |pause: Duration| world.ends.iter().map(move |end| end + pause.as_secs_f64());
        match self.brain {
            Brain::Ours => past(policy::RETURN).chain(past(policy::CALM)).collect(),
            Brain::Quiet | Brain::SlotFree => past(policy::RETURN).collect(),
            Brain::Debounced => vec![world.last_arrival + DEBOUNCE],
            // A need comes near without anything happening.
            Brain::Oracle => vec![world.now + 0.1],
            Brain::Cold | Brain::Eager | Brain::Reactive => Vec::new(),
        }
    }

    /// Whether a used sandbox is removed even though programs run.
    pub fn must_go(&self, rested: Duration, free: usize) -> bool {
        match self.brain {
            Brain::Cold | Brain::Eager | Brain::Reactive | Brain::Debounced => true,
            Brain::Quiet | Brain::SlotFree | Brain::Ours | Brain::Oracle => policy::must_go(rested, free),
        }
    }

    pub fn longest_rest(&self) -> f64 {
        policy::LONGEST_REST.as_secs_f64()
    }

    fn look(&self, world: &World<'_>) -> Snapshot {
        let now = world.instant(world.now);
        let machine = &world.machine;
        let pools = world.shelves.iter().zip(&self.demands).zip(&world.scenario.languages);
        let pools = pools.map(|((shelf, demand), language)| PoolView {
            held: 0,
            language: LanguageId::new(&language.name),
            ready: shelf.ready,
            booting: shelf.booting,
            waiting: shelf.waiting,
            deadline: shelf.deadline.map(|at| world.instant(at)),
            size: language.size,
            most: machine.most_ready,
            outlook: demand.outlook(now, machine.creators, &[]),
            may_try: usize::MAX,
            is_light: false,
        });
        Snapshot {
            pools: pools.collect(),
            budget: machine.budget,
            on_host: world.on_host(),
            dying: world.resting + world.dying,
            working: machine.run_slots + machine.creators,
            creators: machine.creators,
            spare: self.spare(world),
            calm: self.calm(world),
        }
    }
}

/// Of those who will come next, as many as the budget holds: what is needed soon must be there, the others come in time.
fn foreseen(world: &World<'_>) -> Vec<Aim> {
    let machine = &world.machine;
    let mut aims = vec![Aim::default(); world.shelves.len()];
    let from = world.scenario.arrivals.partition_point(|arrival| arrival.at <= world.now);
    let room = machine.budget.saturating_sub(machine.run_slots + machine.creators + policy::RESERVE);
    for arrival in world.scenario.arrivals[from..].iter().take(room) {
        let aim = &mut aims[arrival.language];
        aim.target += 1;
        aim.floor += usize::from(arrival.at < world.now + FORESIGHT);
    }
    aims
}

impl Reactive {
    fn aim(&self) -> Aim {
        Aim { floor: self.size, target: self.size }
    }

    fn look(&mut self, now: f64, is_missed: bool) {
        self.missed += usize::from(is_missed && !self.was_missed);
        self.was_missed = is_missed;
        if now >= self.since + STEM_PERIOD {
            *self = Self { size: STEM_CELLS + self.missed, missed: 0, was_missed: is_missed, since: now };
        }
    }
}

impl World<'_> {
    fn busy(&self) -> Busy {
        let booting = self.shelves.iter().map(|shelf| shelf.booting).sum();
        Busy {
            running: self.running,
            just_ended: self.ended_within(policy::RETURN),
            ended_of_late: self.ended_within(policy::CALM),
            booting,
            removing: self.removing,
        }
    }

    fn ended_within(&self, pause: Duration) -> usize {
        self.ends.iter().filter(|end| self.now < **end + pause.as_secs_f64()).count()
    }

    /// Whether somebody comes within so many seconds.
    fn is_awaited(&self, seconds: f64) -> bool {
        let arrivals = &self.scenario.arrivals;
        let next = arrivals.partition_point(|arrival| arrival.at <= self.now);
        arrivals.get(next).is_some_and(|arrival| arrival.at <= self.now + seconds)
    }

    pub fn index(&self, language: &LanguageId) -> usize {
        let known = self.scenario.languages.iter().position(|known| known.name == language.as_str());
        known.expect("the brain names languages of the scenario")
    }
}
