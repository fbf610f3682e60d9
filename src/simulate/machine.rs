//! The machine: processors that all who are busy share alike, a bounded number of run slots and of creators, a budget of
//! sandboxes, and a queue from which the earliest deadline goes first.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::{
    brain::{Brain, Mind},
    outcome::{Felt, Outcome},
    scenario::{Arrival, Scenario},
};
use crate::pool::policy::{self, Action};

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    pub cores: usize,
    /// Jobs that run at once.
    pub run_slots: usize,
    /// Boots at once, and removals too.
    pub creators: usize,
    /// Sandboxes at once, dying ones included.
    pub budget: usize,
    /// Ready sandboxes that demand alone may bring a language to.
    pub most_ready: usize,
    pub costs: Costs,
}

/// Processor time in seconds. Each is taken by one processor at most, as is a job's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Costs {
    pub create: f64,
    pub delete: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { cores: 2, run_slots: 2, creators: 2, budget: 64, most_ready: 16, costs: Costs::default() }
    }
}

impl Default for Costs {
    /// Docker 20.10 and runc 1.1, handed over by exec.
    fn default() -> Self {
        Self { create: 0.19, delete: 0.06 }
    }
}

/// What goes on at one moment; what the brain sees of it.
#[derive(Debug)]
pub struct World<'a> {
    pub machine: Machine,
    pub scenario: &'a Scenario,
    /// Seconds since the beginning.
    pub now: f64,
    pub shelves: Vec<ShelfNow>,
    pub running: usize,
    /// When jobs ended, those of a moment ago.
    pub ends: Vec<f64>,
    pub last_arrival: f64,
    /// Used, and not begun to be removed.
    pub resting: usize,
    /// Being removed, or next to be.
    pub dying: usize,
    /// Those that are.
    pub removing: usize,
    origin: Instant,
}

#[derive(Debug, Clone, Default)]
pub struct ShelfNow {
    pub ready: usize,
    pub booting: usize,
    pub waiting: usize,
    /// Seconds since the beginning.
    pub deadline: Option<f64>,
}

/// What takes processor time.
#[derive(Debug)]
struct Task {
    what: What,
    /// Processor time that it still needs.
    left: f64,
}

#[derive(Debug, Clone, Copy)]
enum What {
    Job(usize),
    Create { language: usize, asked: f64 },
    Delete,
}

/// The brain looks at least so often.
const TICK: f64 = 1.0;

/// Less processor time than this is none: what is left of a sum of fractions.
const NOTHING: f64 = 1e-9;

/// Plays a scenario through to the end of its last job.
pub fn run(machine: Machine, scenario: &Scenario, brain: Brain) -> Outcome {
    Run::new(machine, scenario, brain).finish()
}

struct Run<'a> {
    world: World<'a>,
    mind: Mind,
    tasks: Vec<Task>,
    /// Jobs that wait, the earliest deadline first.
    queue: Vec<usize>,
    /// Used sandboxes, since when.
    resting: VecDeque<f64>,
    /// Those to be removed as soon as there is a hand for it.
    doomed: usize,
    felt: Vec<Felt>,
    next_arrival: usize,
    outcome: Outcome,
}

impl<'a> Run<'a> {
    fn new(machine: Machine, scenario: &'a Scenario, brain: Brain) -> Self {
        let mut world = World {
            machine,
            scenario,
            now: 0.0,
            shelves: vec![ShelfNow::default(); scenario.languages.len()],
            running: 0,
            ends: Vec::new(),
            last_arrival: f64::NEG_INFINITY,
            resting: 0,
            dying: 0,
            removing: 0,
            origin: Instant::now(),
        };
        let mind = Mind::new(brain, &world);
        // It has had all the time in the world before the first job, and its budget.
        let mut left = machine.budget;
        for (index, ready) in mind.at_the_start(&world).into_iter().enumerate() {
            world.shelves[index].ready = ready.min(left);
            left -= world.shelves[index].ready;
        }
        Self {
            mind,
            tasks: Vec::new(),
            queue: Vec::new(),
            resting: VecDeque::new(),
            doomed: 0,
            felt: vec![Felt::default(); scenario.arrivals.len()],
            next_arrival: 0,
            outcome: Outcome::new(brain, world.ready()),
            world,
        }
    }

    fn finish(mut self) -> Outcome {
        while self.next_arrival < self.world.scenario.arrivals.len() || !self.queue.is_empty() || self.world.running > 0
        {
            let next = self.next_event();
            self.advance(next);
            self.arrive();
            self.dispatch();
            self.remove();
            self.think();
        }
        self.outcome.sum_up(&self.world.scenario.arrivals, &self.felt);
        self.outcome
    }

    fn speed(&self) -> f64 {
        (self.world.machine.cores as f64 / self.tasks.len() as f64).min(1.0)
    }

    fn next_event(&self) -> f64 {
        let now = self.world.now;
        let speed = self.speed();
        let done = self.tasks.iter().map(|task| now + task.left / speed);
        let arrival = self.world.scenario.arrivals.get(self.next_arrival).map(|arrival| arrival.at);
        let rested = self.resting.front().map(|since| since + self.mind.longest_rest());
        let looks = self.mind.looks(&self.world).into_iter().filter(|at| *at > now);
        let tick = ((now / TICK).floor() + 1.0) * TICK;
        let due = done.chain(arrival).chain(rested).chain(looks);
        due.fold(tick, f64::min).max(now)
    }

    fn advance(&mut self, to: f64) {
        let share = (to - self.world.now) * self.speed();
        self.world.now = to;
        self.world.ends.retain(|end| to < end + policy::CALM.as_secs_f64());
        let (mut done, mut left) = (Vec::new(), Vec::new());
        for mut task in self.tasks.drain(..) {
            task.left -= share;
            if matches!(task.what, What::Create { .. } | What::Delete) {
                self.outcome.upkeep += share;
            }
            if task.left <= NOTHING { done.push(task) } else { left.push(task) }
        }
        self.tasks = left;
        for Task { what, .. } in done {
            match what {
                What::Job(job) => {
                    self.felt[job].end = Some(to);
                    self.world.running -= 1;
                    self.world.ends.push(to);
                    self.resting.push_back(to);
                }
                What::Create { language, asked } => {
                    let shelf = &mut self.world.shelves[language];
                    shelf.booting -= 1;
                    shelf.ready += 1;
                    self.mind.booted(language, Duration::from_secs_f64(to - asked));
                }
                What::Delete => {
                    self.world.dying -= 1;
                    self.world.removing -= 1;
                }
            }
        }
    }

    fn arrive(&mut self) {
        let arrivals: &[Arrival] = &self.world.scenario.arrivals;
        while let Some(arrival) = arrivals.get(self.next_arrival).filter(|arrival| arrival.at <= self.world.now) {
            let deadline = arrival.at + arrival.patience;
            let place = self.queue.partition_point(|other| arrivals[*other].at + arrivals[*other].patience <= deadline);
            self.queue.insert(place, self.next_arrival);
            self.world.last_arrival = arrival.at;
            let now = self.world.instant(arrival.at);
            self.mind.arrived(arrival.language, now);
            self.next_arrival += 1;
        }
    }

    /// A run slot and a sandbox to each in turn; who finds no sandbox lets the others pass.
    fn dispatch(&mut self) {
        let arrivals = &self.world.scenario.arrivals;
        let now = self.world.now;
        let mut free = self.world.machine.run_slots - self.world.running;
        let mut passed = 0;
        self.queue.retain(|job| {
            let Arrival { at, language, cpu, patience } = arrivals[*job];
            let shelf = &mut self.world.shelves[language];
            if now >= at + patience {
                self.felt[*job].gave_up = true;
                return false;
            }
            if free == 0 {
                return true;
            }
            if shelf.ready == 0 {
                // It was this job's turn, and there was nothing for it.
                self.felt[*job].missed |= passed < free;
                passed += 1;
                return true;
            }
            shelf.ready -= 1;
            free -= 1;
            self.world.running += 1;
            self.felt[*job].start = Some(now);
            self.tasks.push(Task { what: What::Job(*job), left: cpu });
            false
        });
        for (index, shelf) in self.world.shelves.iter_mut().enumerate() {
            let mut waiting = self.queue.iter().filter(|job| arrivals[**job].language == index);
            shelf.deadline = waiting.clone().next().map(|job| arrivals[*job].at + arrivals[*job].patience);
            shelf.waiting = waiting.by_ref().count();
        }
    }

    /// The reaper's part.
    fn remove(&mut self) {
        loop {
            let hands = self.world.machine.creators - self.world.removing;
            if self.doomed > 0 && hands > 0 {
                self.doomed -= 1;
                self.world.removing += 1;
                self.tasks.push(Task { what: What::Delete, left: self.world.machine.costs.delete });
                continue;
            }
            self.world.resting = self.resting.len();
            let Some(since) = self.resting.front() else { return };
            let rested = Duration::from_secs_f64(self.world.now - since);
            let may_go = hands > 0 && self.mind.calm(&self.world) > 0;
            if !may_go && !self.mind.must_go(rested, self.world.free() + self.world.dying) {
                return;
            }
            self.resting.pop_front();
            self.doomed += 1;
            self.world.dying += 1;
        }
    }

    fn think(&mut self) {
        for action in self.mind.plan(&self.world) {
            match action {
                Action::Boot(language) => {
                    let language = self.world.index(&language);
                    self.world.shelves[language].booting += 1;
                    let what = What::Create { language, asked: self.world.now };
                    self.tasks.push(Task { what, left: self.world.machine.costs.create });
                }
                Action::Expire(language) => {
                    let language = self.world.index(&language);
                    self.world.shelves[language].ready -= 1;
                    self.world.dying += 1;
                    self.doomed += 1;
                }
            }
        }
        assert!(self.world.on_host() <= self.world.machine.budget, "more sandboxes than the budget allows");
        self.outcome.held(self.world.ready());
    }
}

impl World<'_> {
    pub fn instant(&self, at: f64) -> Instant {
        self.origin + Duration::from_secs_f64(at)
    }

    pub fn ready(&self) -> usize {
        self.shelves.iter().map(|shelf| shelf.ready).sum()
    }

    pub fn on_host(&self) -> usize {
        let made: usize = self.shelves.iter().map(|shelf| shelf.ready + shelf.booting).sum();
        made + self.running + self.resting + self.dying
    }

    pub fn free(&self) -> usize {
        self.machine.budget.saturating_sub(self.on_host())
    }
}
