//! `caisson images`: a door to the scripts in `images/`, which need no server to be built first.

use std::{
    path::PathBuf,
    process::{self, ExitCode},
};

use anyhow::{Context, ensure};
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build the images that are out of date
    Build {
        /// All of them if none is named
        languages: Vec<String>,
        /// Where the repository's images/ is
        #[arg(long, value_name = "DIRECTORY", default_value = "images")]
        directory: PathBuf,
    },
}

pub fn run(command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Build { languages, directory } = command;
    let script = directory.join("build.sh");
    ensure!(
        script.is_file(),
        "{} is not there: go to the repository, or name its images/ with --directory",
        script.display()
    );
    let status = process::Command::new("bash")
        .arg(&script)
        .args(languages)
        .status()
        .with_context(|| format!("could not run {}", script.display()))?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
