//! A build against another one: whether anything became slower. In turns on one machine, so that only ratios count. Both servers
//! use this build's agent: an agent that became slower is not seen, and one that speaks another protocol cannot be compared.

use std::{path::Path, process::ExitCode, time::Duration};

use crate::{
    engines,
    figures::{median, spread},
    jobs::{self, Job},
    latency::{Round, hits},
    machine,
    server::{Arrange, Server},
    sustained::{self, QUICK_TURN},
};

/// The same work on both builds; of each a figure per round, in which less is better.
struct Comparison {
    name: String,
    old: Vec<f64>,
    new: Vec<f64>,
}

/// One of the builds, at work on both engines.
struct Build {
    native: Server,
    docker: Server,
}

const ROUNDS: usize = 5;
const RUNS: usize = 10;
const PAUSE: Duration = Duration::from_millis(20);
/// What is compared: one program that costs nothing, one that waits armed, one that is compiled.
const JOBS: [&str; 3] = ["static no-op", "python hello", "C hello, compiled"];
/// More than this is slower, if every round is behind the old build's middle.
const BOUND: f64 = 1.15;

/// `tree` is a checkout with its own configuration, in which `cargo build --release` was run.
pub fn main(tree: &Path) -> ExitCode {
    println!("{}\n", machine::describe());
    let all = jobs::all();
    let compared = Vec::from_iter(all.iter().filter(|job| JOBS.contains(&job.name)));
    let old = Build::start(|arrange| arrange.of_tree(tree));
    let new = Build::start(|arrange| arrange);
    let mut comparisons = Vec::new();
    for (engine, old, new) in [("native", &old.native, &new.native), ("Docker", &old.docker, &new.docker)] {
        comparisons.extend(compared.iter().map(|job| latencies(engine, job, old, new)));
    }
    comparisons.push(sandboxes(&compared, &old.native, &new.native));
    for build in [old, new] {
        build.native.stop();
        build.docker.stop();
    }
    println!("{:<44}{:>9}{:>9}{:>8}{:>9}", "medians; less is better", "old", "new", "ratio", "noise");
    comparisons.iter().for_each(Comparison::print);
    if comparisons.iter().any(Comparison::is_slower) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

impl Build {
    fn start(of: impl Fn(Arrange) -> Arrange) -> Self {
        let shelves = [("binary", RUNS + 2), ("python", RUNS + 2), ("c", RUNS + 2)];
        let native = of(engines::on_native(&shelves)).warm();
        Self { native, docker: of(engines::on_docker(&shelves)).warm() }
    }
}

fn latencies(engine: &str, job: &Job, old: &Server, new: &Server) -> Comparison {
    let round = |server| {
        let mut round = Round::default();
        hits(&mut round, server, job, PAUSE, RUNS);
        median(&round.latencies)
    };
    Comparison::in_turns(format!("{}, {engine}: p50, ms", job.name), || round(old), || round(new))
}

/// What a sandbox costs that is made, used and removed: natively, where the daemon's part does not hide ours.
fn sandboxes(compared: &[&Job], old: &Server, new: &Server) -> Comparison {
    let round = |server| sustained::of_server("", server, &compared[0].request, 4, QUICK_TURN).cpu_ms();
    Comparison::in_turns("CPU per sandbox, native, ms".to_owned(), || round(old), || round(new))
}

impl Comparison {
    /// The first round of each reads everything for the first time and is nobody's figure.
    fn in_turns(name: String, old: impl Fn() -> f64, new: impl Fn() -> f64) -> Self {
        eprintln!("{name}");
        old();
        new();
        let (old, new) = (0..ROUNDS).map(|_| (old(), new())).unzip();
        Self { name, old, new }
    }

    fn ratio(&self) -> f64 {
        median(&self.new) / median(&self.old)
    }

    /// How far rounds of one and the same build lie apart, the noisier one's.
    fn noise(&self) -> f64 {
        let of = |rounds: &[f64]| spread(&Vec::from_iter(rounds.iter().map(|round| vec![*round])));
        of(&self.old).max(of(&self.new))
    }

    /// Every round of the new build is then behind the old one's middle, too: noise alone seldom does that.
    fn is_slower(&self) -> bool {
        let middle = median(&self.old);
        self.ratio() > BOUND && self.new.iter().all(|round| *round > middle)
    }

    fn print(&self) {
        let verdict = if self.is_slower() { "  SLOWER" } else { "" };
        println!(
            "{:<44}{:>9.2}{:>9.2}{:>8.2}{:>8.0}%{verdict}",
            self.name,
            median(&self.old),
            median(&self.new),
            self.ratio(),
            self.noise() * 100.0
        );
    }
}
