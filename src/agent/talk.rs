//! The conversation with the server over the agent's own stdin and stdout.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, OwnedFd},
    thread,
    time::Duration,
};

use caisson_protocol as protocol;
use protocol::{FromAgent, ToAgent};
use rustix::{
    buffer::spare_capacity,
    event::{PollFd, PollFlags, poll},
    fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat},
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    stdio::{dup2_stdin, dup2_stdout, stdin, stdout},
};

/// Frames in from stdin, frames out to stdout, the latter never blocking: a slow server must not hold up a time limit.
pub struct Talk {
    received: Vec<u8>,
    /// How much of `received` was handed out already.
    taken: usize,
    pending: Vec<u8>,
    /// The server did not take all that was offered last.
    is_blocked: bool,
    /// How often in a row there was no memory to send with.
    wants: u32,
}

/// A socket in place of a stream that others pass on byte by byte: both ends of it, until the server has taken its own.
pub struct Shortcut {
    ours: OwnedFd,
    theirs: OwnedFd,
}

/// Less than this is worth no write of its own.
const PENDING_LEAST: usize = 16 * 1024;

/// Where there is no memory to send with, for so long nothing is sent: a socket says of itself that it takes more.
const WANT: Duration = Duration::from_millis(1);

/// So often in a row. A job that has taken all memory is ended long before, and files that nobody will take away are no reason to
/// wait for ever.
const MOST_WANTS: u32 = 1000;

/// More than this waiting for the server, and the program's output is left in its pipe.
const PENDING_MAX: usize = 4 * protocol::PIECE;

impl Talk {
    pub fn new() -> io::Result<Self> {
        nonblocking()?;
        Ok(Self { received: Vec::new(), taken: 0, pending: Vec::new(), is_blocked: false, wants: 0 })
    }

    /// None where the conversation is over a socket already, or a profile of the operator's refuses sockets: it is no more than
    /// a shortcut.
    pub fn shortcut(&self) -> Option<Shortcut> {
        if FileType::from_raw_mode(fstat(stdin()).ok()?.st_mode) == FileType::Socket {
            return None;
        }
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).ok()?;
        Some(Shortcut { ours, theirs })
    }

    /// From the next byte on, in both directions. The server's end is then the server's alone: it hangs up by closing it.
    pub fn take(&mut self, shortcut: &Shortcut) -> io::Result<()> {
        dup2_stdin(&shortcut.ours)?;
        dup2_stdout(&shortcut.ours)?;
        nonblocking()
    }

    /// The next message and its payload; `None` when the server has hung up.
    pub fn next(&mut self) -> io::Result<Option<(ToAgent, &[u8])>> {
        while !self.has_frame() {
            if !self.take_in()? {
                return Ok(None);
            }
        }
        self.heard()
    }

    /// Reads once, for which it may wait; false when the server has hung up.
    pub fn take_in(&mut self) -> io::Result<bool> {
        self.received.drain(..self.taken);
        self.taken = 0;
        // Memory that is not read into is never touched: the first touch of each page costs more than to read a small frame.
        self.received.reserve(protocol::PIECE);
        let read = loop {
            match rustix::io::read(stdin(), spare_capacity(&mut self.received)) {
                // Where both directions are one socket, neither blocks.
                Err(rustix::io::Errno::AGAIN) => {
                    let _ = poll(&mut [PollFd::from_borrowed_fd(stdin(), PollFlags::IN)], None);
                }
                Err(rustix::io::Errno::INTR) => {}
                other => break other?,
            }
        };
        Ok(read > 0)
    }

    /// The next message, if all of it is here already.
    pub fn heard(&mut self) -> io::Result<Option<(ToAgent, &[u8])>> {
        self.received.drain(..self.taken);
        self.taken = 0;
        match protocol::split(&self.received).map_err(io::Error::other)? {
            Some((body, length)) => {
                self.taken = length;
                protocol::decode(body).map(Some).map_err(io::Error::other)
            }
            None => Ok(None),
        }
    }

    /// Whether a message is here already, so that there is nothing to wait for.
    pub fn has_frame(&self) -> bool {
        !matches!(protocol::split(&self.received[self.taken..]), Ok(None))
    }

    /// Queues a message; [`Talk::flush`] or [`Talk::flush_all`] sends it.
    pub fn say(&mut self, message: &FromAgent, payload: &[u8]) {
        protocol::encode(message, payload, &mut self.pending);
    }

    pub fn is_blocked(&self) -> bool {
        self.is_blocked
    }

    pub fn is_worth_sending(&self) -> bool {
        self.is_blocked || self.pending.len() >= PENDING_LEAST
    }

    pub fn is_behind(&self) -> bool {
        self.pending.len() > PENDING_MAX
    }

    /// Sends as much as the server takes now.
    pub fn flush(&mut self) -> io::Result<()> {
        let mut sent = 0;
        self.is_blocked = false;
        while sent < self.pending.len() {
            match rustix::io::write(stdout(), &self.pending[sent..]) {
                Ok(written) => {
                    sent += written;
                    self.wants = 0;
                }
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => {
                    self.is_blocked = true;
                    break;
                }
                // The job has taken all memory, also what the kernel would carry the bytes in. It is about to be ended for that.
                Err(rustix::io::Errno::NOBUFS | rustix::io::Errno::NOMEM) if self.wants < MOST_WANTS => {
                    self.wants += 1;
                    self.is_blocked = true;
                    thread::sleep(WANT);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.pending.drain(..sent);
        Ok(())
    }

    /// Sends everything, waiting for the server as long as it is there.
    pub fn flush_all(&mut self) -> io::Result<()> {
        loop {
            self.flush()?;
            if self.pending.is_empty() {
                return Ok(());
            }
            match poll(&mut [PollFd::from_borrowed_fd(self.output(), PollFlags::OUT)], None) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub fn input(&self) -> BorrowedFd<'static> {
        stdin()
    }

    pub fn output(&self) -> BorrowedFd<'static> {
        stdout()
    }
}

impl Shortcut {
    /// What the server may take.
    pub fn offer(&self) -> i32 {
        self.theirs.as_raw_fd()
    }
}

fn nonblocking() -> io::Result<()> {
    let flags = fcntl_getfl(stdout())?;
    Ok(fcntl_setfl(stdout(), flags | OFlags::NONBLOCK)?)
}
