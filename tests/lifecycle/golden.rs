//! What the policy is for, in figures, on the simulator's machine. The figures are those of a design that was compared
//! with others; who changes the policy and breaks one of them has made it worse for somebody.

use caisson::simulate::{self, Brain, Kind, Machine, Outcome, Scenario};

/// Chance moves a 99th percentile by a third from one day to the next.
const DAYS: u64 = 3;

/// Of several days of one kind, the average.
#[derive(Debug)]
struct Figures {
    miss_rate: f64,
    wait_p99: f64,
    /// How much longer than alone a program ran: 0 if nothing disturbed it.
    slowdown: f64,
}

fn figures(machine: Machine, kind: Kind, brain: Brain) -> Figures {
    let outcomes = Vec::from_iter((1..=DAYS).map(|seed| simulate::run(machine, &kind.scenario(seed), brain)));
    let mean = |of: fn(&Outcome) -> f64| outcomes.iter().map(of).sum::<f64>() / DAYS as f64;
    Figures {
        miss_rate: mean(Outcome::miss_rate),
        wait_p99: mean(|outcome| outcome.wait_p99),
        slowdown: mean(|outcome| outcome.stretch_mean - 1.0),
    }
}

/// What must be true of a steady load of five jobs a second on two processors, measured by a shelf that is refilled at
/// once: the sentences that are not.
fn complaints_when_steady(brain: Brain) -> Vec<String> {
    let of = |brain| figures(Machine::default(), Kind::Steady, brain);
    let (seen, eager) = (of(brain), of(Brain::Eager));
    let checks = [
        (seen.miss_rate < 0.005, "a job in two hundred finds no sandbox"),
        (seen.wait_p99 <= 0.35 * eager.wait_p99, "jobs wait too long"),
        (seen.slowdown <= 0.45 * eager.slowdown, "programs are slowed too much"),
    ];
    let broken = checks.into_iter().filter(|(is_kept, _)| !is_kept);
    broken.map(|(_, complaint)| format!("{complaint}: {seen:?}, eager {eager:?}")).collect()
}

/// A machine for contests: 256 idle sandboxes take about a gigabyte. With the 64 of the default the two hundred jobs of
/// the spike find four dozen sandboxes, and all policies wait for the same work.
fn of_contests() -> Machine {
    Machine { budget: 256, most_ready: 128, ..Machine::default() }
}

#[test]
fn a_steady_load_hits_the_shelf_and_is_not_disturbed_by_its_refilling() {
    assert_eq!(complaints_when_steady(Brain::Ours), Vec::<String>::new());
}

#[test]
fn refilling_only_after_a_pause_would_be_found_out() {
    let complaints = complaints_when_steady(Brain::Debounced);
    assert!(complaints.iter().any(|complaint| complaint.starts_with("a job in two hundred")), "{complaints:?}");
    assert!(complaints.iter().any(|complaint| complaint.starts_with("jobs wait too long")), "{complaints:?}");
}

#[test]
fn refilling_at_once_would_be_found_out() {
    assert!(!complaints_when_steady(Brain::Eager).is_empty());
}

#[test]
fn the_spike_of_a_contest_is_met_from_the_shelf() {
    let of = |brain| figures(of_contests(), Kind::Contest, brain);
    let (ours, eager) = (of(Brain::Ours), of(Brain::Eager));
    assert!(ours.wait_p99 <= 0.6 * eager.wait_p99, "{ours:?}, eager {eager:?}");
    assert!(ours.miss_rate < 0.005, "{ours:?}");
}

#[test]
fn shelves_of_the_same_depth_meet_it_better_when_they_are_filled_later() {
    let deep = |seed| {
        let mut scenario: Scenario = Kind::Contest.scenario(seed);
        scenario.languages.iter_mut().for_each(|language| language.size = 80);
        scenario
    };
    // They may not grow, and so both have 240.
    let machine = Machine { most_ready: 0, ..of_contests() };
    let wait = |brain| (1..=DAYS).map(|seed| simulate::run(machine, &deep(seed), brain).wait_p99).sum::<f64>();
    let (ours, eager) = (wait(Brain::Ours), wait(Brain::Eager));
    assert!(ours <= 0.6 * eager, "{ours} s, eager {eager} s");
}

#[test]
fn who_knows_the_future_does_better_but_not_by_much() {
    let of = |brain| figures(Machine::default(), Kind::Steady, brain);
    let (ours, oracle) = (of(Brain::Ours), of(Brain::Oracle));
    assert!(oracle.wait_p99 <= ours.wait_p99 && ours.wait_p99 <= 2.0 * oracle.wait_p99, "{ours:?}, oracle {oracle:?}");
}

#[test]
fn a_burst_of_a_language_that_is_rare_is_met_from_the_shelf() {
    let of = |brain| figures(Machine::default(), Kind::Rare, brain);
    let (ours, eager) = (of(Brain::Ours), of(Brain::Eager));
    assert!(ours.miss_rate < 0.01, "{ours:?}");
    assert!(ours.wait_p99 <= 0.6 * eager.wait_p99, "{ours:?}, eager {eager:?}");
}

#[test]
fn the_same_day_is_the_same_every_time() {
    let day = || simulate::run(Machine::default(), &Kind::Contest.scenario(7), Brain::Ours);
    assert_eq!(day(), day());
}
