//! The roles of the program inside a sandbox, by its arguments.

use std::process::ExitCode;

use caisson_agent::{birth, init, inspect, nursery, serve};
use caisson_protocol::NURSERY;

/// Of the caller's mistake; the roles themselves end with 0 (the other side left) or 1.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["init", agent_uid] => match agent_uid.parse() {
            Ok(uid) => init::begin(uid),
            Err(_) => return usage(),
        },
        ["serve"] => serve::run(serve::connect_init),
        ["both", agent_uid, job_uid] => match (agent_uid.parse(), job_uid.parse()) {
            (Ok(agent_uid), Ok(job_uid)) => birth::begin(agent_uid, job_uid),
            _ => return usage(),
        },
        [NURSERY] => nursery::run(),
        // Run as a job, before there is any.
        ["inspect", masked @ ..] => {
            inspect::run(masked);
            return ExitCode::SUCCESS;
        }
        _ => return usage(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Goes to the container's discarded log, or to the server, as the stderr of what it talks to.
            eprintln!("caisson-agent: {error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!("usage: caisson-agent init AGENT_UID | serve | both AGENT_UID JOB_UID | inspect PATH... | nursery");
    ExitCode::from(USAGE)
}
