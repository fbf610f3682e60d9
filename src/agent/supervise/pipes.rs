//! Our ends of a program's streams while it runs: what it is fed, and what comes of it.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use caisson_protocol::{FromAgent, Overflow, Step, Stop, Stream, ToAgent};
use rustix::{
    buffer::spare_capacity,
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::{Mode, OFlags, fchmod},
    pipe::{PipeFlags, pipe_with},
};

use crate::{channel::Channel, talk::Talk};

/// How long a program that writes little at a time is left alone before its pipes are looked at again: each look costs it
/// more than most of its writes. Longer than a pipe takes to fill, and programs that write much are held back.
const LULL: Duration = Duration::from_millis(1);

/// So much of a joined program's input is held ready; whoever writes more than it reads is held back, and an order to stop
/// waits behind it. More than the output of an interactor by default.
const APPETITE: usize = 2 << 20;

/// Whoever has written more than this since the last look does not write little.
const LITTLE: usize = 16 * 1024;

/// So much of an output is taken at once.
const LOOK: usize = 64 * 1024;

/// Any byte but zero, of which the allocator may have pages that nobody has touched.
const TOUCH: u8 = 1;

/// A program may open its own streams anew, by `/dev/stdin` and the like. They are the agent's by birth.
const STREAM_MODE: Mode = Mode::from_bits_retain(0o666);

/// Our ends of a program's stdin, stdout and stderr, and the event that ends it.
pub(super) struct Streams {
    stdin: OwnedFd,
    stdout: OwnedFd,
    /// Absent when both go through one.
    stderr: Option<OwnedFd>,
    halt: OwnedFd,
}

/// Our ends of the program's three streams, and the event that ends it.
pub(super) struct Pipes {
    halt: OwnedFd,
    stdin: Option<File>,
    input: Vec<u8>,
    fed: usize,
    /// Somebody waits for what it writes and gives it more to read, until the server says that this is all.
    joined: bool,
    input_ended: bool,
    pub stdout: Drain,
    /// Absent when both go through one.
    pub stderr: Option<Drain>,
    kill_on_overflow: bool,
    /// Until then the outputs are not looked at.
    lull_ends: Instant,
    buffer: Vec<u8>,
}

pub(super) struct Drain {
    pipe: Option<File>,
    stream: Stream,
    /// How much the server may still be sent.
    left: u64,
    pub cut: bool,
}

pub(super) struct Ready {
    pub init: bool,
    pub server_left: bool,
    pub heard: bool,
    stdout: bool,
    stderr: bool,
}

impl Streams {
    /// Ours, and the program's stdin, stdout and stderr.
    pub fn new(merge_stderr: bool) -> io::Result<(Self, [OwnedFd; 4])> {
        let (their_stdin, stdin) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, their_stderr) = if merge_stderr {
            (None, their_stdout.try_clone()?)
        } else {
            let (ours, theirs) = pipe_with(PipeFlags::CLOEXEC)?;
            (Some(ours), theirs)
        };
        for stream in [&their_stdin, &their_stdout, &their_stderr] {
            match fchmod(stream, STREAM_MODE) {
                // Our own pipe: gVisor's cannot be changed by anybody, and cannot be opened anew.
                Ok(()) | Err(rustix::io::Errno::PERM) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let halt = eventfd(0, EventfdFlags::CLOEXEC)?;
        let theirs = [their_stdin, their_stdout, their_stderr, halt.try_clone()?];
        Ok((Self { stdin, stdout, stderr, halt }, theirs))
    }
}

impl Pipes {
    pub fn new(step: &Step, input: Vec<u8>, streams: Streams) -> io::Result<Self> {
        let Streams { stdin, stdout, stderr, halt } = streams;
        let drain = |pipe: OwnedFd, stream| -> io::Result<Drain> {
            Ok(Drain { pipe: Some(nonblocking(pipe)?), stream, left: step.limits.output_bytes, cut: false })
        };
        Ok(Self {
            halt,
            // No input: the program sees the end of file at once.
            stdin: if input.is_empty() && !step.joined { None } else { Some(nonblocking(stdin)?) },
            input,
            fed: 0,
            joined: step.joined,
            input_ended: !step.joined,
            stdout: drain(stdout, Stream::Stdout)?,
            stderr: stderr.map(|pipe| drain(pipe, Stream::Stderr)).transpose()?,
            kill_on_overflow: step.overflow == Overflow::Kill,
            lull_ends: Instant::now() + LULL,
            // All of it is had now: a program that takes all memory leaves none to read its output into.
            buffer: vec![TOUCH; LOOK],
        })
    }

    /// Until something can be done, or patience ends.
    pub fn wait(&self, channel: &Channel, talk: &Talk, patience: Duration) -> io::Result<Ready> {
        let mut fds = Vec::with_capacity(6);
        fds.push(PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN));
        // A hang-up is told even where nothing is asked for.
        let hears = if self.has_appetite() { PollFlags::IN } else { PollFlags::empty() };
        fds.push(PollFd::from_borrowed_fd(talk.input(), hears));
        let _ = place(&mut fds, self.stdin.as_ref().filter(|_| self.fed < self.input.len()), PollFlags::OUT);
        let lull = self.lull_ends.saturating_duration_since(Instant::now());
        let patience = if lull.is_zero() { patience } else { patience.min(lull) };
        // While the server lags behind, the program's output stays in its pipes and holds the program back.
        let listen = lull.is_zero() && !talk.is_behind();
        let stdout = place(&mut fds, self.stdout.pipe.as_ref().filter(|_| listen), PollFlags::IN);
        let stderr = self.stderr.as_ref().and_then(|drain| drain.pipe.as_ref()).filter(|_| listen);
        let stderr = place(&mut fds, stderr, PollFlags::IN);
        if talk.is_blocked() {
            fds.push(PollFd::from_borrowed_fd(talk.output(), PollFlags::OUT));
        }
        let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
        match poll(&mut fds, Some(&patience)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        let is_set = |at: Option<usize>| at.is_some_and(|at| !fds[at].revents().is_empty());
        let hung_up = PollFlags::HUP | PollFlags::ERR;
        Ok(Ready {
            init: !fds[0].revents().is_empty(),
            server_left: fds[1].revents().intersects(hung_up),
            heard: fds[1].revents().contains(PollFlags::IN),
            stdout: is_set(stdout),
            stderr: is_set(stderr),
        })
    }

    /// Whether the program keeps up with what it is joined to, if it is.
    fn has_appetite(&self) -> bool {
        self.input.len() - self.fed < APPETITE || !self.joined
    }

    /// Takes what the server says while a program runs, as long as the program keeps up.
    pub fn obey(&mut self, talk: &mut Talk) -> io::Result<Option<Stop>> {
        while self.has_appetite()
            && let Some((message, payload)) = talk.heard()?
        {
            match message {
                ToAgent::Feed if self.joined => self.input.extend_from_slice(payload),
                ToAgent::FeedEnd if self.joined => self.input_ended = true,
                ToAgent::Stop => return Ok(Some(Stop::Asked)),
                _ => return Err(io::Error::other("a message came that has no place in a run")),
            }
        }
        Ok(None)
    }

    /// Gives the program as much of its input as it takes now.
    pub fn feed(&mut self) {
        let Some(pipe) = &mut self.stdin else {
            self.input.clear();
            self.fed = 0;
            return;
        };
        let finished = self.fed == self.input.len()
            || loop {
                match pipe.write(&self.input[self.fed..]) {
                    Ok(written) => {
                        self.fed += written;
                        if self.fed == self.input.len() {
                            break true;
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break false,
                    // It closed its stdin: that is its right.
                    Err(_) => break true,
                }
            };
        if finished {
            if self.input_ended || self.fed < self.input.len() {
                self.stdin = None;
            }
            self.input = Vec::new();
            self.fed = 0;
        } else if self.joined {
            self.input.drain(..self.fed);
            self.fed = 0;
        }
    }

    pub fn drain(&mut self, ready: &Ready, talk: &mut Talk) -> io::Result<()> {
        let mut read = 0;
        if ready.stdout {
            read += self.stdout.drain(&mut self.buffer, talk)?.unwrap_or(0);
            if self.joined && self.stdout.pipe.is_none() {
                talk.say(&FromAgent::OutputEnd, &[]);
            }
        }
        if let (true, Some(stderr)) = (ready.stderr, &mut self.stderr) {
            read += stderr.drain(&mut self.buffer, talk)?.unwrap_or(0);
        }
        if !self.joined && (1..LITTLE).contains(&read) {
            self.lull_ends = Instant::now() + LULL;
        }
        Ok(())
    }

    /// What the dead left in the pipes: a finite amount, since nobody is left to write.
    pub fn drain_rest(&mut self, talk: &mut Talk) -> io::Result<()> {
        for drain in [Some(&mut self.stdout), self.stderr.as_mut()].into_iter().flatten() {
            while drain.drain(&mut self.buffer, talk)?.is_some() {
                if talk.is_behind() {
                    talk.flush_all()?;
                }
            }
        }
        Ok(())
    }

    /// Takes no memory, of which there may be none.
    pub fn end_program(&self) -> io::Result<()> {
        rustix::io::write(&self.halt, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    pub fn overflowed(&self) -> bool {
        self.kill_on_overflow && (self.stdout.cut || self.stderr.as_ref().is_some_and(|drain| drain.cut))
    }
}

impl Drain {
    /// Takes one buffer's worth; `None` when there was nothing.
    fn drain(&mut self, buffer: &mut Vec<u8>, talk: &mut Talk) -> io::Result<Option<usize>> {
        let Some(pipe) = &self.pipe else { return Ok(None) };
        buffer.clear();
        let read = match rustix::io::read(pipe, spare_capacity(buffer)) {
            Ok(0) => {
                self.pipe = None;
                return Ok(None);
            }
            Ok(read) => read,
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            Err(rustix::io::Errno::INTR) => return Ok(Some(0)),
            Err(error) => return Err(error.into()),
        };
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(read);
        self.left -= wanted as u64;
        self.cut |= wanted < read;
        if wanted > 0 {
            talk.say(&FromAgent::Output(self.stream), &buffer[..wanted]);
        }
        Ok(Some(read))
    }
}

/// Where in the set it stands, if it does.
fn place<'f>(fds: &mut Vec<PollFd<'f>>, file: Option<&'f File>, flags: PollFlags) -> Option<usize> {
    fds.push(PollFd::from_borrowed_fd(file?.as_fd(), flags));
    Some(fds.len() - 1)
}

fn nonblocking(fd: OwnedFd) -> io::Result<File> {
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    Ok(File::from(fd))
}
