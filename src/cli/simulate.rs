//! `caisson simulate`: what jobs would feel under the pool's policy, and under others, on a machine that is only computed.

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, builder::PossibleValuesParser, builder::TypedValueParser};
use serde::Serialize;

use crate::simulate::{self, Brain, Costs, Kind, Machine, Outcome, Scenario};

#[derive(Debug, Args)]
pub struct Arguments {
    #[command(flatten)]
    load: Load,
    /// Only this policy; may be given many times
    #[arg(long, value_name = "NAME", value_parser = one_of(&Brain::ALL, Brain::name))]
    policy: Vec<Brain>,
    /// Another seed is another day of the same kind
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 2, value_parser = at_least_one)]
    cores: usize,
    /// Jobs that run at once [default: as many as cores]
    #[arg(long, value_parser = at_least_one)]
    run_slots: Option<usize>,
    /// Sandboxes made at once [default: as many as cores]
    #[arg(long, value_parser = at_least_one)]
    creators: Option<usize>,
    /// Sandboxes at once, dying ones included
    #[arg(long, default_value_t = 64, value_parser = at_least_one)]
    budget: usize,
    /// Ready sandboxes of each language at all times, for a trace; the scenarios have 4
    #[arg(long, default_value_t = 4)]
    size: usize,
    /// Ready sandboxes of one language that demand may bring
    #[arg(long, default_value_t = 16)]
    most_ready: usize,
    /// Processor time that making a sandbox costs
    #[arg(long, value_name = "MS", default_value_t = 190)]
    create_ms: u32,
    /// Processor time that removing one costs
    #[arg(long, value_name = "MS", default_value_t = 60)]
    delete_ms: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Load {
    /// A kind of day
    #[arg(long, value_name = "NAME", value_parser = one_of(&Kind::ALL, Kind::name))]
    scenario: Option<Kind>,
    /// What came when: CSV with a head, or a JSON object a line, of at_ms, language, cpu_ms and maybe patience_ms
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
}

/// Times in milliseconds.
#[derive(Debug, Serialize)]
struct Document<'a> {
    scenario: &'a str,
    jobs: usize,
    policies: Vec<Row>,
}

#[derive(Debug, Serialize)]
struct Row {
    policy: &'static str,
    wait_p50_ms: f64,
    wait_p99_ms: f64,
    stretch_mean: f64,
    stretch_p99: f64,
    misses: usize,
    gave_up: usize,
    upkeep_cpu_ms: f64,
    shelf: usize,
    drawn: usize,
}

fn one_of<T: Copy + Send + Sync + 'static>(
    all: &'static [T],
    name: fn(T) -> &'static str,
) -> impl TypedValueParser<Value = T> {
    let names = PossibleValuesParser::new(all.iter().map(|value| name(*value)));
    names.try_map(move |given| all.iter().copied().find(|value| name(*value) == given).ok_or("is not known"))
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse().ok().filter(|number| (1..=4096).contains(number)).ok_or("must be from 1 to 4096")
}

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let scenario = match (&arguments.load.scenario, &arguments.load.trace) {
        (Some(kind), _) => kind.scenario(arguments.seed),
        (None, Some(file)) => {
            let name = file.display().to_string();
            let text = fs::read_to_string(file).with_context(|| name.clone())?;
            Scenario::of_trace(&name, &text, arguments.size).with_context(|| name.clone())?
        }
        (None, None) => anyhow::bail!("there is nothing to simulate"),
    };
    let brains = if arguments.policy.is_empty() { &Brain::ALL[..] } else { &arguments.policy };
    let machine = arguments.machine();
    let outcomes = brains.iter().map(|brain| simulate::run(machine, &scenario, *brain));
    let policies = outcomes.map(|outcome| Row::of(&outcome)).collect();
    let document = Document { scenario: &scenario.name, jobs: scenario.arrivals.len(), policies };
    let mut out = io::stdout().lock();
    if arguments.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    } else {
        document.print(&mut out)?;
    }
    Ok(ExitCode::SUCCESS)
}

impl Arguments {
    fn machine(&self) -> Machine {
        let seconds = |ms: u32| f64::from(ms) / 1e3;
        Machine {
            cores: self.cores,
            run_slots: self.run_slots.unwrap_or(self.cores),
            creators: self.creators.unwrap_or(self.cores),
            budget: self.budget,
            most_ready: self.most_ready,
            costs: Costs { create: seconds(self.create_ms), delete: seconds(self.delete_ms) },
        }
    }
}

impl Document<'_> {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}: {} jobs", self.scenario, self.jobs)?;
        writeln!(
            out,
            "{:<10} {:>9} {:>9} {:>8} {:>8} {:>7} {:>7} {:>9} {:>6} {:>6}",
            "policy", "wait p50", "p99 ms", "stretch", "p99", "misses", "gave up", "upkeep s", "shelf", "drawn"
        )?;
        for row in &self.policies {
            let misses = format!("{:.1} %", row.misses as f64 * 100.0 / self.jobs.max(1) as f64);
            writeln!(
                out,
                "{:<10} {:>9.0} {:>9.0} {:>8.2} {:>8.2} {misses:>7} {:>7} {:>9.1} {:>6} {:>6}",
                row.policy,
                row.wait_p50_ms,
                row.wait_p99_ms,
                row.stretch_mean,
                row.stretch_p99,
                row.gave_up,
                row.upkeep_cpu_ms / 1e3,
                row.shelf,
                row.drawn
            )?;
        }
        Ok(())
    }
}

impl Row {
    fn of(outcome: &Outcome) -> Self {
        let ms = |seconds: f64| (seconds * 1e6).round() / 1e3;
        Self {
            policy: outcome.brain.name(),
            wait_p50_ms: ms(outcome.wait_p50),
            wait_p99_ms: ms(outcome.wait_p99),
            stretch_mean: outcome.stretch_mean,
            stretch_p99: outcome.stretch_p99,
            misses: outcome.misses,
            gave_up: outcome.gave_up,
            upkeep_cpu_ms: ms(outcome.upkeep),
            shelf: outcome.shelf,
            drawn: outcome.drawn,
        }
    }
}
