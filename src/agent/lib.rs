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
pub mod birth;
pub mod channel;
mod child;
mod confine;
mod deaths;
mod filter;
pub mod init;
pub mod inspect;
mod kept;
mod meter;
pub mod nursery;

pub mod serve;
mod successor;
mod supervise;
mod talk;
mod template;
mod tree;
pub mod zygote;

/// Nobody may trace this process, read its memory or its descriptors.
fn hide() -> std::io::Result<()> {
    use rustix::process::{DumpableBehavior, set_dumpable_behavior};
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}
