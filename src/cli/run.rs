//! `caisson run`: one file on a server.
//!
//! The exit code is the program's as a shell would see it: 128 + number after a signal, 124 after a time limit. What is
//! no program's own: 125 when there was no result, with the reason on stderr.

use std::{
    fs,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, anyhow, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use serde::Deserialize;
use serde_json::{Value, json};

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
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    server: String,
    /// Holds the key that the server asks for
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
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

struct Server<'a> {
    url: &'a str,
    key: Option<String>,
}

/// The longest deadline a server grants by default, and then some for the way.
const PATIENCE: Duration = Duration::from_secs(330);
const NO_RESULT: u8 = 125;
const TIMED_OUT: u8 = 124;

pub fn run(arguments: &Arguments) -> ExitCode {
    ask(arguments).map(ExitCode::from).unwrap_or_else(|error| {
        eprintln!("caisson: {error:#}");
        ExitCode::from(NO_RESULT)
    })
}

fn ask(arguments: &Arguments) -> anyhow::Result<u8> {
    let Arguments { file, stdin, language, json, args, server, key_file } = arguments;
    let key = key_file.as_deref().map(read_key).transpose()?;
    let server = Server { url: server.trim_end_matches('/'), key };
    let content = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    let language = match language {
        Some(language) => language.clone(),
        None => server.language_of(file)?,
    };
    let name = file.file_name().and_then(|name| name.to_str()).context("the file's name is no UTF-8")?;
    let request = json!({
        "language": language,
        "files": [{"path": name, "content": BASE64_STANDARD.encode(content), "encoding": "base64"}],
        "stdin": BASE64_STANDARD.encode(read_stdin(stdin.as_deref())?),
        "stdin_encoding": "base64",
        "args": args,
        "output_encoding": if *json { "utf8" } else { "base64" },
    });
    let answer = server.execute(&request)?;
    if *json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    }
    let answer: Answer = serde_json::from_value(answer).context("the server's answer is not understood")?;
    if !*json {
        answer.print()?;
    }
    Ok(answer.exit_code())
}

fn read_key(file: &Path) -> anyhow::Result<String> {
    let key = fs::read_to_string(file).with_context(|| format!("could not read {}", file.display()))?;
    Ok(key.trim().to_owned())
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

impl Server<'_> {
    fn language_of(&self, file: &Path) -> anyhow::Result<String> {
        let extension = file.extension().and_then(|extension| extension.to_str());
        let list = self.read(self.request("GET", "/v1/languages").body(())?)?;
        let languages = list["languages"].as_array().context("the server's list of languages is not understood")?;
        let fits = |language: &&Value| {
            let extensions = language["extensions"].as_array();
            extensions.is_some_and(|known| known.iter().any(|known| known.as_str() == extension))
        };
        let found = extension.and_then(|_| languages.iter().find(fits));
        found.and_then(|language| language["id"].as_str()).map(str::to_owned).ok_or_else(|| {
            let ids: Vec<_> = languages.iter().filter_map(|language| language["id"].as_str()).collect();
            anyhow!(
                "no language goes with the name of {}; choose one with --language: {}",
                file.display(),
                ids.join(", ")
            )
        })
    }

    fn execute(&self, request: &Value) -> anyhow::Result<Value> {
        let request =
            self.request("POST", "/v1/execute").header("content-type", "application/json").body(request.to_string())?;
        self.read(request)
    }

    fn request(&self, method: &str, path: &str) -> ureq::http::request::Builder {
        let request = ureq::http::Request::builder().method(method).uri(format!("{}{path}", self.url));
        match &self.key {
            Some(key) => request.header("authorization", format!("Bearer {key}")),
            None => request,
        }
    }

    fn read<B: ureq::AsSendBody>(&self, request: ureq::http::Request<B>) -> anyhow::Result<Value> {
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into();
        let mut response = agent.run(request).with_context(|| format!("no answer from {}", self.url))?;
        let body = response.body_mut().with_config().limit(u64::MAX).read_to_vec().context("the answer broke off")?;
        let body: Value = serde_json::from_slice(&body).context("the answer is no JSON; is this a caisson server?")?;
        if !response.status().is_success() {
            bail!("{}", told(&body));
        }
        Ok(body)
    }
}

/// What a problem+json says to people.
fn told(problem: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut told = format!("{}: {}", text(&problem["code"]), text(&problem["detail"]));
    for fault in problem["errors"].as_array().into_iter().flatten() {
        told = format!("{told}\n  {}", text(&fault["detail"]));
    }
    told
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
