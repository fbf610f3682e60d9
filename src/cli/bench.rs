//! `caisson bench`: how a running server stands a given load.
//!
//! An open loop: jobs are sent when they are due, whatever becomes of those before, and a job's latency counts from when it
//! was due. A client that waits for its answer before it sends again leaves out just the waits that matter, those of jobs
//! that come while the server stalls ("coordinated omission").
//!
//! The exit code is 0 when every job was answered or refused, 1 when some failed, timed out or could not be sent, 125 when
//! nothing was measured.

mod drive;
mod machine;
mod pace;
mod plot;
mod progress;
mod svg;
mod table;
mod tally;
mod wire;
mod work;

use std::{
    fs,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, anyhow};
use clap::Args;

use self::{
    drive::Driver,
    machine::Machine,
    pace::Pacing,
    plot::Plot,
    table::{Document, Load, Row},
    wire::Wire,
    work::Choice,
};
use super::{NO_RESULT, client::Address};

#[derive(Debug, Args)]
pub struct Arguments {
    /// Jobs per second, sent on time whatever the answers do; several are measured one after the other
    #[arg(long, value_name = "RATE", value_delimiter = ',', value_parser = rate, required_unless_present = "clients")]
    rate: Vec<f64>,
    /// In place of a rate: so many clients, each of which waits for its answer before it sends again
    #[arg(long, value_delimiter = ',', value_parser = clients, conflicts_with_all = ["rate", "pacing"])]
    clients: Vec<usize>,
    /// Of each rate: 30s, 500ms, 2m
    #[arg(long, default_value = "30s", value_parser = duration)]
    duration: Duration,
    #[arg(long, value_enum, default_value = "poisson")]
    pacing: Pacing,
    /// Of the arrivals and of what is drawn from a mix
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Connections at once; jobs that find none free wait for one, which is part of their latency
    #[arg(long, default_value_t = 256, value_parser = clients)]
    connections: usize,
    /// How long after a job was due its answer is given up
    #[arg(long, default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Write everything down as one JSON document
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Draw latency over load
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
    #[command(flatten)]
    choice: Choice,
    #[command(flatten)]
    address: Address,
}

/// Far above what a client on one machine can send.
const MOST_PER_SECOND: f64 = 100_000.0;
/// One address has no more ports.
const MOST_CLIENTS: usize = 60_000;
/// When /metrics is not to be had, which may take another key than jobs do.
const UNSEEN: &str = "the server's CPU is not known, and a rate may have begun before the shelves were full";
/// Times are counted up to an hour.
const LONGEST: Duration = Duration::from_secs(3_600);

fn rate(text: &str) -> Result<f64, String> {
    let rate: Option<f64> = text.parse().ok().filter(|rate| *rate > 0.0 && *rate <= MOST_PER_SECOND);
    rate.ok_or_else(|| format!("must be more than 0 and at most {MOST_PER_SECOND}"))
}

fn clients(text: &str) -> Result<usize, String> {
    let clients: Option<usize> = text.parse().ok().filter(|clients| (1..=MOST_CLIENTS).contains(clients));
    clients.ok_or_else(|| format!("must be 1 to {MOST_CLIENTS}"))
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|of: char| of.is_ascii_alphabetic()).unwrap_or(text.len()));
    let seconds = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        _ => return Err("must be a number with a unit: 500ms, 30s, 2m".to_owned()),
    };
    let parsed = number.parse().ok().and_then(|number: f64| Duration::try_from_secs_f64(number * seconds).ok());
    let fitting = parsed.filter(|parsed| !parsed.is_zero() && *parsed <= LONGEST);
    fitting.ok_or_else(|| "must be more than 0 and at most 60m".to_owned())
}

pub fn run(arguments: &Arguments) -> ExitCode {
    bench(arguments).map(ExitCode::from).unwrap_or_else(|error| {
        eprintln!("caisson: {error:#}");
        ExitCode::from(NO_RESULT)
    })
}

fn bench(arguments: &Arguments) -> anyhow::Result<u8> {
    let Arguments { rate, clients, duration, pacing, seed, connections, timeout, json, plot, choice, address } =
        arguments;
    let server = address.server()?;
    let work = choice.work()?;
    let connections = clients.iter().copied().chain([*connections]).max().unwrap_or(*connections);
    let wire = Arc::new(Wire::new(&server, connections)?);
    let machine = Machine::new(&server, wire.host());
    // What the server refuses to take at all is told once, in its words, and not counted a thousand times.
    for job in work.all() {
        server.post(job.path, &job.request).context("the first job did not get through")?;
    }
    // Alike for all rates, and told once.
    let mut notes = Vec::new();
    let driver = Arc::new(Driver::new(wire, work, *timeout, *duration, *seed)?);
    let loads = rate.iter().map(|rate| Load::Open(*rate)).chain(clients.iter().map(|clients| Load::Closed(*clients)));
    let mut rates = Vec::new();
    for load in loads {
        notes.extend(machine.recovered().err());
        let before = machine.read();
        let tally = match load {
            Load::Open(rate) => driver.open(rate, *pacing),
            Load::Closed(clients) => driver.closed(clients),
        };
        // What the last jobs leave to be removed, and to be made again, belongs to them.
        notes.extend(machine.recovered().err());
        let cost = before.cost_until(machine.read(), tally.ok);
        rates.push(Row::new(load, *duration, tally, cost));
    }
    let document = Document {
        server: server.url().to_owned(),
        work: driver.work().name.clone(),
        duration_s: duration.as_secs_f64(),
        pacing: clients.is_empty().then_some(*pacing),
        connections,
        timeout_s: timeout.as_secs_f64(),
        seed: *seed,
        is_local: machine.is_local(),
        notes: notes.first().map(|error| format!("{UNSEEN}: {error:#}")).into_iter().collect(),
        rates,
    };
    document.print(&mut io::stdout().lock())?;
    if let Some(file) = json {
        write(file, &(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    if let Some(file) = plot {
        let axis = if clients.is_empty() { "jobs offered per second" } else { "clients" };
        let title = format!("{}: latency in ms over {axis}", document.work);
        write(file, &Plot::new(title, axis, &document.rates).to_string())?;
    }
    io::stdout().flush()?;
    Ok(u8::from(!document.rates.iter().all(Row::is_whole)))
}

fn write(file: &std::path::Path, text: &str) -> anyhow::Result<()> {
    fs::write(file, text).map_err(|error| anyhow!("could not write {}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_has_a_unit_and_an_end() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1_500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["30", "s", "0s", "-1s", "1h", "61m", "infs", "nans", ""] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_is_a_number_that_one_can_send() {
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(["0", "-1", "nan", "inf", "1e9", "x"].iter().all(|wrong| rate(wrong).is_err()));
    }
}
