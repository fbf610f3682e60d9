//! `caisson judge`: the example submissions of a problem package on a server, each against what the package says of it.
//!
//! The exit code is for CI: 0 when all are as expected, 1 when some are not, 125 when there is a submission without a
//! verdict: a package that cannot be read, a server that refuses, a language that it does not have.

mod choice;
mod package;
mod request;
mod table;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, ensure};
use clap::Args;

use self::{
    choice::Choice,
    package::{Package, Submission},
    table::{Document, Row, State, Table},
};
use super::{
    NO_RESULT,
    client::{Address, Languages, Server},
};

#[derive(Debug, Args)]
pub struct Arguments {
    /// A package in the problem package format of Kattis and the ICPC
    directory: PathBuf,
    /// Only these, by path below submissions/, with * and ?; may be given many times
    #[arg(long, value_name = "PATTERN")]
    submission: Vec<String>,
    /// In place of the package's time limit
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    time_limit: Option<f64>,
    /// Go on after the first case that is not accepted
    #[arg(long)]
    all_cases: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    address: Address,
}

fn seconds(text: &str) -> Result<f64, &'static str> {
    let seconds: Option<f64> = text.parse().ok().filter(|seconds| *seconds > 0.0 && *seconds <= 1e9);
    seconds.ok_or("must be more than 0")
}

pub fn run(arguments: &Arguments) -> ExitCode {
    judge(arguments).map(ExitCode::from).unwrap_or_else(|error| {
        eprintln!("caisson: {error:#}");
        ExitCode::from(NO_RESULT)
    })
}

fn judge(arguments: &Arguments) -> anyhow::Result<u8> {
    let Arguments { directory, submission, time_limit, all_cases, json, address } = arguments;
    let mut package = Package::read(directory).with_context(|| directory.display().to_string())?;
    package.limits.time_s = time_limit.or(package.limits.time_s);
    let chosen = Choice::new(submission).of(&package.submissions)?;
    let server = address.server()?;
    let languages = server.languages()?;
    let alike = request::alike(&package, &languages, *all_cases)?;

    let mut out = io::stdout().lock();
    let table = Table::new(&chosen);
    if !json {
        for note in &package.notes {
            eprintln!("caisson: {note}");
        }
        table.head(&package, &mut out)?;
    }
    let mut rows = Vec::with_capacity(chosen.len());
    for submission in chosen {
        let row = ask(&server, &languages, &alike, &package, submission)?;
        if !json {
            table.row(&row, &mut out)?;
        }
        rows.push(row);
    }
    if *json {
        let Package { name, cases, notes, .. } = &package;
        let document = Document { name, cases: cases.len(), submissions: &rows, notes };
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    } else {
        Table::foot(&rows, &mut out)?;
    }
    ensure!(rows.iter().any(|row| row.state() != State::Skipped), "nothing was judged");
    Ok(exit_code(&rows))
}

fn ask(
    server: &Server,
    languages: &Languages,
    alike: &request::Alike,
    package: &Package,
    submission: &Submission,
) -> anyhow::Result<Row> {
    if let Some(reason) = submission.expected.is_unclear() {
        return Ok(Row::skipped(submission, reason));
    }
    // A language that is not to be had is this submission's matter; what the server refuses, it refuses to all.
    let request = match request::fill(alike, package, submission, languages) {
        Ok(request) => request,
        Err(error) => return Ok(Row::not_judged(submission, &format!("{error:#}"))),
    };
    let answer = server.post("/v1/judge", &request).with_context(|| format!("{} was not judged", submission.path))?;
    let answer = serde_json::from_value(answer).context("the server's answer is not understood")?;
    Ok(Row::judged(submission, &answer))
}

/// That of the worst.
fn exit_code(rows: &[Row]) -> u8 {
    match rows.iter().map(Row::state).max() {
        None | Some(State::Skipped | State::AsExpected) => 0,
        Some(State::NotAsExpected) => 1,
        Some(State::NotJudged) => NO_RESULT,
    }
}
