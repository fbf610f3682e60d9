//! The program inside a sandbox: one static binary, two processes, two uids.
//!
//! ```text
//! server ══frames══ serve (agent uid, exec'd while warming)      talks, meters, decides when a limit is reached
//!                     ║ unix socket made before any job exists
//!                   init  (job uid, PID 1)                       spawns, kills, reaps; holds nothing worth reading
//!                     └── the job's processes (job uid)
//! ```
//! The job can neither signal, trace nor read `serve`, which has another uid, and no signal from inside ends a PID 1
//! without handlers. `init` has the job's uid so that its `kill(-1)` reaches every process of the job at once and spares
//! `serve`, with no capability at all. When the server hangs up, `serve` leaves, then `init`, and with PID 1 the kernel
//! ends everything else.
//!
//! A container that is talked to from its start, and not through an exec, has one program that becomes `both`.
//!
//! Without a daemon the program has another role, outside: a `nursery` (root) lives in the image's root and forks both of them,
//! so that nothing is executed and little is mounted for a sandbox.

mod armed;
mod birth;
mod channel;
mod child;
mod confine;
mod filter;
mod init;
mod inspect;
mod kept;
mod meter;
mod nursery;
mod serve;
mod supervise;
mod talk;
mod template;
mod tree;

use std::process::ExitCode;

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

/// Nobody may trace this process, read its memory or its descriptors.
fn hide() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
