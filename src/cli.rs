//! The commands. Exit codes: 0 done, 1 failed, 2 called wrongly or configured wrongly; `run`, `judge` and
//! `bench` have more of their own.

mod bench;
mod client;
mod doctor;
mod images;
mod judge;
mod run;
mod simulate;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};

use crate::{
    app,
    config::{Config, Sources},
};

/// Runs untrusted code in pre-warmed, single-use sandboxes.
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server; SIGTERM lets it finish what runs and leaves no sandbox behind
    Serve(Configured),
    /// Run a file on a server; the exit code is the program's
    Run(run::Arguments),
    /// Judge the submissions of a problem package on a server; the exit code is 0 when all are as expected
    Judge(judge::Arguments),
    /// Send a server jobs at given rates and say how it stands that
    Bench(bench::Arguments),
    /// Look at all that the server needs and say what to do about what is missing
    Doctor(Configured),
    /// Try the pool's policy, and others, on a machine that is only computed
    Simulate(simulate::Arguments),
    /// The images that sandboxes are made from
    Images {
        #[command(subcommand)]
        command: images::Command,
    },
}

#[derive(Debug, Args)]
struct Configured {
    /// The configuration file
    #[arg(long, value_name = "FILE", default_value = "config/caisson.toml")]
    config: PathBuf,
    /// A value of the configuration, before all others; may be given many times
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
}

/// Called wrongly or configured wrongly.
const USAGE: u8 = 2;

/// A client's exit code when it has no result.
const NO_RESULT: u8 = 125;

pub fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Serve(configured) => configured.with(|config| {
            runtime()?.block_on(app::serve(config))?;
            Ok(ExitCode::SUCCESS)
        }),
        Command::Run(arguments) => return run::run(&arguments),
        Command::Judge(arguments) => return judge::run(&arguments),
        Command::Bench(arguments) => return bench::run(&arguments),
        Command::Doctor(configured) => configured.with(|config| {
            let findings = runtime()?.block_on(app::examine(&config));
            Ok(doctor::report(&findings))
        }),
        Command::Simulate(arguments) => simulate::run(&arguments),
        Command::Images { command } => images::run(&command),
    };
    result.unwrap_or_else(|error| {
        eprintln!("caisson: {error:#}");
        ExitCode::FAILURE
    })
}

impl Configured {
    fn with(self, act: impl FnOnce(Config) -> anyhow::Result<ExitCode>) -> anyhow::Result<ExitCode> {
        match Config::load(&Sources::of_process(&self.config, self.set)) {
            Ok(config) => act(config),
            Err(faults) => {
                eprintln!("caisson: {faults}");
                Ok(ExitCode::from(USAGE))
            }
        }
    }
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("could not start the runtime")
}
