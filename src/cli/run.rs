//! `caisson run`: one file on a server.
//!
//! The exit code is the program's as a shell would see it: 128 + number after a signal, 124 after a time limit. What is
//! no program's own: 125 when there was no result, with the reason on stderr.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, anyhow};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use serde::Deserialize;
use serde_json::json;

use super::{
    NO_RESULT,
    client::{Address, Languages},
};
use crate::job::signal;

#[derive(Debug, Args)]
pub struct Arguments {
    /// The program's source, or an executable with `--language binary`
    file: PathBuf,
    /// Input for the program; `-` passes on the standard input
    #[arg(long, value_name = "FILE")]
    stdin: Option<PathBuf>,
    /// Otherwise told from the file's extension
    #[arg(long)]
    language: Option<String>,
    /// Print the server's whole answer
    #[arg(long)]
    json: bool,
    /// Arguments for the program
    #[arg(last = true)]
    args: Vec<String>,
    #[command(flatten)]
    address: Address,
}

/// The part of an answer that a terminal shows.
#[derive(Debug, Deserialize)]
struct Answer {
    status: String,
    compile: Option<Stage>,
    run: Option<Stage>,
}

#[derive(Debug, Deserialize)]
struct Stage {
    status: String,
    stdout: String,
    stderr: String,
    stdout_truncated: bool,
    stderr_truncated: bool,
    exit_code: Option<u8>,
    signal: Option<String>,
    message: Option<String>,
}

const TIMED_OUT: u8 = 124;

pub fn run(arguments: &Arguments) -> ExitCode {
    ask(arguments).map(ExitCode::from).unwrap_or_else(|error| {
        eprintln!("caisson: {error:#}");
        ExitCode::from(NO_RESULT)
    })
}

fn ask(arguments: &Arguments) -> anyhow::Result<u8> {
    let Arguments { file, stdin, language, json, args, address } = arguments;
    let server = address.server()?;
    let content = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let name = file.file_name().and_then(|name| name.to_str()).context("the file's name is no UTF-8")?;
    let language = match language {
        Some(language) => language.clone(),
        None => language_of(name, &server.languages()?)?,
    };
    let request = json!({
        "language": language,
        "files": [{"path": name, "content": BASE64_STANDARD.encode(content), "encoding": "base64"}],
        "stdin": BASE64_STANDARD.encode(read_stdin(stdin.as_deref())?),
        "stdin_encoding": "base64",
        "args": args,
        "output_encoding": if *json { "utf8" } else { "base64" },
    });
    let answer = server.post("/v1/execute", &request)?;
    if *json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    }
    let answer: Answer = serde_json::from_value(answer).context("the server's answer is not understood")?;
    if !*json {
        answer.print()?;
    }
    Ok(answer.exit_code())
}

fn language_of(name: &str, languages: &Languages) -> anyhow::Result<String> {
    let found = languages.of([name]).map(|language| language.id.clone());
    found.map_err(|error| anyhow!("{error}; choose one with --language: {}", languages.ids().join(", ")))
}

fn read_stdin(from: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let Some(path) = from else { return Ok(Vec::new()) };
    if path == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes).context("could not read the standard input")?;
        return Ok(bytes);
    }
    fs::read(path).with_context(|| format!("could not read {}", path.display()))
}

impl Answer {
    /// What the program wrote, byte for byte, and on stderr whatever else there is to say.
    fn print(&self) -> anyhow::Result<()> {
        for (name, stage) in [("compile", &self.compile), ("run", &self.run)] {
            let Some(stage) = stage else { continue };
            let Stage { status, stdout, stderr, stdout_truncated, stderr_truncated, exit_code: _, signal, message } =
                stage;
            io::stdout().write_all(&BASE64_STANDARD.decode(stdout)?)?;
            io::stderr().write_all(&BASE64_STANDARD.decode(stderr)?)?;
            for (stream, truncated) in [("stdout", stdout_truncated), ("stderr", stderr_truncated)] {
                if *truncated {
                    eprintln!("caisson: {name}: {stream} was cut");
                }
            }
            if status != "ok" {
                let detail = message.as_deref().or(signal.as_deref()).map(|detail| format!(": {detail}"));
                eprintln!("caisson: {name}: {status}{}", detail.unwrap_or_default());
            }
        }
        Ok(())
    }

    fn exit_code(&self) -> u8 {
        let Some(stage) = self.run.as_ref().or(self.compile.as_ref()) else { return NO_RESULT };
        match (stage.status.as_str(), stage.exit_code, &stage.signal) {
            ("sandbox_error", ..) => NO_RESULT,
            ("time_limit_exceeded", ..) => TIMED_OUT,
            (_, Some(code), _) if code > 0 => code,
            (_, _, Some(name)) => signal::number(name).and_then(|number| u8::try_from(128 + number).ok()).unwrap_or(1),
            ("ok", ..) if self.status == "ok" => 0,
            _ => 1,
        }
    }
}
