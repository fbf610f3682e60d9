//! One client, in turns: bare runs, warm hits on both engines, and what others do. All of it twice, without a pause and with one
//! before each request: a client that never rests finds everything warm, which most do not.

use std::{path::Path, thread, time::Duration};

use serde_json::Value;

use crate::{
    bare::Root,
    client::{Client, Request},
    docker_run,
    engines::Engines,
    figures::{median, spread},
    jobs::{INPUT, Job},
    naive::Naive,
    server::Server,
};

/// How a program is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Bare,
    DockerRun,
    Naive,
    OnDocker,
    OnNative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The next request is sent when the last is answered.
    Closed,
    /// The same after a pause.
    Paced,
}

/// A program at a pace, in all ways; each way's rounds.
pub struct Row {
    pub job: &'static str,
    pub pace: Pace,
    pub targets: [Option<f64>; 2],
    pub ways: Vec<(Way, Vec<Round>)>,
}

/// What was seen in one round.
#[derive(Debug, Default)]
pub struct Round {
    /// Milliseconds.
    pub latencies: Vec<f64>,
    /// Milliseconds of processor time: of the processes of a bare run, of a sandbox's control group; empty where nobody knows.
    pub cpu: Vec<f64>,
    /// How many the shelf met.
    pub warm: usize,
}

const ROUNDS: usize = 3;
const PAUSE: Duration = Duration::from_millis(80);
/// Of a paced round at most: pauses take time.
const PACED: usize = 8;
/// What removed and new sandboxes leave behind in the kernel takes a moment.
const REST: Duration = Duration::from_millis(700);

const PACES: [Pace; 2] = [Pace::Closed, Pace::Paced];
const WAYS: [Way; 5] = [Way::Bare, Way::DockerRun, Way::Naive, Way::OnDocker, Way::OnNative];

impl Way {
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::DockerRun => "docker run",
            Self::Naive => "create, exec, remove",
            Self::OnDocker => "caisson, Docker",
            Self::OnNative => "caisson, native",
        }
    }

    /// How often in a round.
    fn runs(self, job: &Job) -> usize {
        let [bare, docker, native] = job.runs;
        match self {
            Self::Bare => bare,
            Self::DockerRun | Self::Naive => 1,
            Self::OnDocker => docker,
            Self::OnNative => native,
        }
    }
}

impl Pace {
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed loop",
            Self::Paced => "80 ms before each",
        }
    }
}

impl Row {
    pub fn rounds(&self, way: Way) -> &[Round] {
        self.ways.iter().find(|(found, _)| *found == way).map_or(&[], |(_, rounds)| rounds)
    }

    /// The p50 as a part of the bare one.
    pub fn to_bare(&self, way: Way) -> f64 {
        median(&latencies(self.rounds(way))) / median(&latencies(self.rounds(Way::Bare)))
    }

    /// How far the bare medians of the rounds lie apart, see [`spread`].
    pub fn noise(&self) -> f64 {
        spread(&Vec::from_iter(self.rounds(Way::Bare).iter().map(|round| round.latencies.clone())))
    }
}

/// What the jobs are run with.
pub struct Bench<'a> {
    pub files: &'a Path,
    pub engines: &'a Engines,
    pub naive: &'a Naive,
}

impl Bench<'_> {
    pub fn measure(&self, job: &Job) -> [Row; 2] {
        let root = Root::of(job.language, self.files, INPUT);
        let mut rows = PACES.map(|pace| Row {
            job: job.name,
            pace,
            targets: job.targets,
            ways: WAYS.map(|way| (way, Vec::new())).into(),
        });
        for round in 0..=ROUNDS {
            eprintln!("{}: round {round} of {ROUNDS}", job.name);
            for row in &mut rows {
                for (way, rounds) in &mut row.ways {
                    // The first reads everything for the first time and is nobody's figure.
                    match (round, row.pace) {
                        (0, Pace::Closed) => drop(self.round(job, *way, row.pace, 1, &root)),
                        (0, Pace::Paced) => {}
                        _ => rounds.push(self.round(job, *way, row.pace, way.runs(job), &root)),
                    }
                }
            }
        }
        rows
    }

    fn round(&self, job: &Job, way: Way, pace: Pace, runs: usize, root: &Root) -> Round {
        let mut round = Round::default();
        let (pause, runs) = match pace {
            Pace::Closed => (Duration::ZERO, runs),
            Pace::Paced => (PAUSE, runs.min(PACED)),
        };
        match way {
            Way::Bare => {
                for _ in 0..runs {
                    thread::sleep(pause);
                    let run = root.time(job.bare);
                    round.latencies.push(run.took.as_secs_f64() * 1e3);
                    round.cpu.push(run.cpu.as_secs_f64() * 1e3);
                }
            }
            Way::DockerRun => {
                let time = |_| docker_run::time(job.language, self.files, job.in_container);
                round.latencies = (0..runs).map(time).collect();
            }
            Way::Naive => {
                let time = |_| self.naive.time(job.language, self.files, job.in_container);
                round.latencies = (0..runs).map(time).collect();
                thread::sleep(REST);
            }
            Way::OnDocker => hits(&mut round, &self.engines.docker, job, pause, runs),
            Way::OnNative => hits(&mut round, &self.engines.native, job, pause, runs),
        }
        round
    }
}

/// Warm ones, one after the other, with a pause before each.
pub fn hits(round: &mut Round, server: &Server, job: &Job, pause: Duration, runs: usize) {
    let request = Request::new(job.path, &job.request);
    let mut client = Client::of(&server.url);
    for _ in 0..runs {
        thread::sleep(pause);
        let answer = client.send(&request);
        round.latencies.push(answer.took.as_secs_f64() * 1e3);
        round.cpu.push(cpu_ms(&answer.json()));
        round.warm += usize::from(answer.is_warm());
    }
    // Whoever is next shall not pay for the refill.
    server.until_full();
    thread::sleep(REST);
}

/// Of all stages of an answer.
fn cpu_ms(answer: &Value) -> f64 {
    let cases = answer["cases"].as_array().into_iter().flatten().map(|case| &case["run"]);
    let stages = [&answer["compile"], &answer["run"]].into_iter().chain(cases);
    stages.filter_map(|stage| stage["cpu_time_ms"].as_f64()).sum()
}

/// Of all rounds together.
pub fn latencies(rounds: &[Round]) -> Vec<f64> {
    rounds.iter().flat_map(|round| &round.latencies).copied().collect()
}
