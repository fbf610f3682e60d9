//! Where sandboxes without a daemon come from: one process for each image, with a single thread, that has made the image's
//! root its own and forks a sandbox from itself whenever the server asks for one. A fork takes along what would otherwise be
//! done for each: the root, the devices, the program itself.
//!
//! ```text
//! server ── SEQPACKET ── nursery (root)
//!    ║                     ├── PID 1 of a sandbox (job uid) ── serve (agent uid)
//!    ╚══ frames ═══════════╪══════════════════════════════════════╝
//!                          └── ...
//! ```
//! It leaves when the server does, and its sandboxes with it. No job's code is ever run by it, and it holds nothing of one
//! sandbox while it makes the next. Where a language has it so it is not this program, but the language's interpreter (`zygote.rs`).

use std::{io, os::fd::AsFd};

use caisson_protocol::{Begin, FromNursery, ToNursery, VERSION};
use rustix::io::fcntl_dupfd_cloexec;

use crate::{
    birth,
    channel::Channel,
    child, filter, hide, template,
    zygote::{self, Zygote},
};

pub fn run() -> io::Result<()> {
    hide()?;
    let mut channel = Channel::new(fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?);
    let begin = match channel.receive()? {
        Some((ToNursery::Begin(begin), _)) => begin,
        Some((ToNursery::Make(_), _)) => return Err(io::Error::other("the first message was not how to begin")),
        None => return Ok(()),
    };
    template::enter(&std::env::current_dir()?, &begin.groups)?;
    match &begin.zygote {
        None => serve(channel, &begin, None),
        // Which comes back to `serve`.
        Some(told) => Err(zygote::execute(&channel, &begin, told)),
    }
}

/// Makes sandboxes until the server leaves. In the image's root; `zygote` is what we are, if not this program alone.
pub fn serve(mut channel: Channel, begin: &Begin, zygote: Option<&Zygote>) -> io::Result<()> {
    hide()?;
    birth::give_up_gaining()?;
    // What all its sandboxes would have to do for themselves.
    child::settle()?;
    let [all_but_birth, rest] = [&begin.filters.nursery, &begin.filters.sandbox].map(|half| filter::ready(half));
    filter::install(&all_but_birth)?;
    filter::enter()?;
    // The kernel buries the dead: the server hears of their end by itself.
    // SAFETY: ignores a signal, runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_IGN) };
    channel.send(&FromNursery::Ready { protocol: VERSION }, &[])?;
    while let Some((message, fds)) = channel.receive()? {
        let ToNursery::Make(make) = message else { return Err(io::Error::other("told twice how to begin")) };
        match birth::bear(&begin.groups, &rest, zygote, &make, fds) {
            Ok((pid, pidfd)) => channel.send(&FromNursery::Made { pid }, &[pidfd.as_fd()])?,
            Err(error) => channel.send(&FromNursery::Failed(error.to_string()), &[])?,
        }
    }
    Ok(())
}
