//! One step from its start to the last byte of its output: feeding, draining, metering, stopping.
//!
//! A step ends when its main process has ended or a limit was reached, never at the end of a pipe: a daemon may hold one
//! open for ever. By the time `init` says that the step ended none of its processes is left, so what is in the pipes then
//! is all there will ever be.

use std::{
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use caisson_protocol::{Ended, FromAgent, Overflow, Start, Step, Stop, Stream, ToAgent};
use rustix::{
    buffer::spare_capacity,
    event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll},
    fs::{Mode, OFlags, fchmod},
    pipe::{PipeFlags, pipe_with},
};

use crate::{
    channel::{Answer, Channel, Death, Order, Spawn, Turn},
    meter::{Meter, Reading},
    talk::Talk,
    tree,
};

/// How often limits are looked at, and the server is told what there is. Shorter costs the job's processor time, longer
/// lets it overrun.
const METER_PERIOD: Duration = Duration::from_millis(5);

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

/// The kernel charges memory in lots, so that a meter may be off by some of them.
const METER_GRAIN: u64 = 1 << 20;

/// A program may open its own streams anew, by `/dev/stdin` and the like. They are the agent's by birth.
const STREAM_MODE: Mode = Mode::from_bits_retain(0o666);

pub enum Supervised {
    /// The server was told how.
    Ended,
    /// The server or `init` has left: there is nobody to go on for.
    Alone,
}

/// A program that was started before its time, as its supervisor sees it.
pub struct Armed {
    streams: Streams,
    /// What the sandbox took more of for it. It is the program's: one that is started late takes it too.
    memory_bytes: u64,
}

/// A program that has just begun.
struct Begun {
    before: Reading,
    /// Bytes of the files that it finds.
    held: u64,
    /// What was in use and is not this step's.
    memory_before: u64,
    started: Instant,
    streams: Streams,
    armed: bool,
}

/// Our ends of a program's stdin, stdout and stderr, and the event that ends it.
struct Streams {
    stdin: OwnedFd,
    stdout: OwnedFd,
    /// Absent when both go through one.
    stderr: Option<OwnedFd>,
    halt: OwnedFd,
}

/// Has PID 1 start the program before its time; an inner error says why it did not.
pub fn arm(
    order: impl FnOnce(Spawn) -> Order,
    step: &Step,
    meter: &Meter,
    channel: &mut Channel,
) -> io::Result<Result<Armed, String>> {
    let (streams, theirs) = Streams::new(step.merge_stderr)?;
    let before = meter.read()?;
    channel.send(&order(spawn(step, meter)), &theirs.each_ref().map(AsFd::as_fd))?;
    drop(theirs);
    match channel.receive::<Answer>()? {
        Some((Answer::Armed, _)) => {
            let memory_bytes = meter.read()?.memory_bytes.saturating_sub(before.memory_bytes);
            Ok(Ok(Armed { streams, memory_bytes }))
        }
        Some((Answer::Refused(reason), _)) => Ok(Err(reason)),
        _ => Err(io::Error::other("PID 1 answered amiss")),
    }
}

pub fn run(
    step: &Step,
    stdin: Vec<u8>,
    armed: Option<Armed>,
    meter: &Meter,
    channel: &mut Channel,
    talk: &mut Talk,
) -> io::Result<Supervised> {
    let begun = match armed {
        Some(armed) => Begun::resumed(armed, step, meter, channel)?,
        None => None,
    };
    let begun = match begun {
        Some(begun) => begun,
        None => Begun::afresh(step, meter, channel)?,
    };
    let Begun { before, held, memory_before, started, streams, armed } = begun;
    let mut pipes = Pipes::new(step, stdin, streams)?;
    let mut watch = Watch {
        step,
        meter,
        before,
        memory_before,
        started,
        looked: started,
        memory_seen: held,
        is_announced: false,
        stopped: None,
        armed,
    };
    let Some(death) = watch.until_death(&mut pipes, channel, talk)? else { return Ok(Supervised::Alone) };
    let wall = started.elapsed();
    pipes.drain_rest(talk)?;
    let ended = watch.facts(&death, wall, &pipes)?;
    talk.say(&FromAgent::Ended(ended), &[]);
    talk.flush_all()?;
    Ok(Supervised::Ended)
}

impl Begun {
    fn afresh(step: &Step, meter: &Meter, channel: &Channel) -> io::Result<Self> {
        let before = meter.read()?;
        // In use now, by files that the program finds. They count against it: they are memory, and it can read them.
        let held = tree::held_bytes()?;
        let (streams, theirs) = Streams::new(step.merge_stderr)?;
        let started = Instant::now();
        channel.send(&Order::Spawn(spawn(step, meter)), &theirs.each_ref().map(AsFd::as_fd))?;
        let memory_before = before.memory_bytes.saturating_sub(held);
        Ok(Self { before, held, memory_before, started, streams, armed: false })
    }

    /// `None` where it does not wait, or cannot be given its source; by then nothing is left of it.
    fn resumed(armed: Armed, step: &Step, meter: &Meter, channel: &mut Channel) -> io::Result<Option<Self>> {
        let turn = if step.start == Start::Successor { Turn::Second } else { Turn::First };
        let Armed { streams, memory_bytes } = armed;
        let before = meter.read()?;
        let held = tree::held_bytes()?;
        let started = Instant::now();
        channel.send(&Order::Resume { turn, keep: step.keep }, &[])?;
        let memory_before = before.memory_bytes.saturating_sub(held + memory_bytes);
        match channel.receive::<Answer>()? {
            Some((Answer::Resumed, _)) => Ok(Some(Self { before, held, memory_before, started, streams, armed: true })),
            Some((Answer::Refused(_), _)) => Ok(None),
            _ => Err(io::Error::other("PID 1 answered amiss")),
        }
    }
}

impl Streams {
    /// Ours, and the program's stdin, stdout and stderr.
    fn new(merge_stderr: bool) -> io::Result<(Self, [OwnedFd; 4])> {
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

fn spawn(step: &Step, meter: &Meter) -> Spawn {
    let limits = &step.limits;
    let processes = u64::from(limits.processes);
    Spawn {
        argv: step.argv.clone(),
        env: step.env.clone(),
        forked: step.start == Start::Copy,
        keep: step.keep,
        cpu_seconds: Duration::from_nanos(limits.cpu_ns).as_secs() + 1,
        processes: (!meter.bounds_processes(processes)).then_some(processes),
        file_size_bytes: limits.file_size_bytes,
        open_files: limits.open_files,
        stack_bytes: limits.stack_bytes,
    }
}

/// What is known of a step that runs.
struct Watch<'a> {
    step: &'a Step,
    meter: &'a Meter,
    before: Reading,
    /// What was in use and is not this step's.
    memory_before: u64,
    started: Instant,
    looked: Instant,
    /// The most that any look showed, beyond what was in use before.
    memory_seen: u64,
    /// Whether the server knows that the program runs.
    is_announced: bool,
    stopped: Option<Stop>,
    armed: bool,
}

impl Watch<'_> {
    fn until_death(&mut self, pipes: &mut Pipes, channel: &mut Channel, talk: &mut Talk) -> io::Result<Option<Death>> {
        loop {
            let ready = pipes.wait(channel, talk, self.patience())?;
            if ready.server_left {
                return Ok(None);
            }
            if ready.init {
                return match channel.receive::<Answer>()? {
                    Some((Answer::Ended(death), _)) => Ok(Some(death)),
                    Some((
                        Answer::Opened
                        | Answer::Imported
                        | Answer::Prepared
                        | Answer::Armed
                        | Answer::Resumed
                        | Answer::Disarmed
                        | Answer::Refused(_),
                        _,
                    )) => Err(io::Error::other("PID 1 answered amiss")),
                    None => Ok(None),
                };
            }
            if ready.heard && !talk.take_in()? {
                return Ok(None);
            }
            let asked = pipes.obey(talk)?;
            pipes.feed();
            pipes.drain(&ready, talk)?;
            let is_due = self.is_due();
            if is_due && !self.is_announced {
                self.is_announced = true;
                talk.say(&FromAgent::Running, &[]);
            }
            // What a short program writes goes out together with its end.
            if is_due || self.step.joined || talk.is_worth_sending() {
                talk.flush()?;
            }
            let reached = match pipes.overflowed() {
                true => Some(Stop::Output),
                false if is_due => self.look()?.or(asked),
                false => asked,
            };
            if let (Some(stop), None) = (reached, self.stopped) {
                self.stopped = Some(stop);
                pipes.end_program()?;
            }
        }
    }

    fn patience(&self) -> Duration {
        let wall = Duration::from_nanos(self.step.limits.wall_ns);
        wall.saturating_sub(self.started.elapsed()).clamp(Duration::from_micros(100), METER_PERIOD)
    }

    /// Whether it is time for a look.
    fn is_due(&self) -> bool {
        self.wall_is_up() || self.looked.elapsed() >= METER_PERIOD
    }

    fn wall_is_up(&self) -> bool {
        self.started.elapsed() >= Duration::from_nanos(self.step.limits.wall_ns)
    }

    /// The limit that is reached, if one is.
    fn look(&mut self) -> io::Result<Option<Stop>> {
        let limits = &self.step.limits;
        self.looked = Instant::now();
        let (cpu_ns, memory_bytes) = self.meter.now()?;
        self.memory_seen = self.memory_seen.max(memory_bytes.saturating_sub(self.memory_before));
        Ok(if cpu_ns.saturating_sub(self.before.cpu_ns) > limits.cpu_ns {
            Some(Stop::CpuTime)
        } else if self.memory_seen > limits.memory_bytes {
            Some(Stop::Memory)
        } else if self.wall_is_up() {
            Some(Stop::WallTime)
        } else {
            None
        })
    }

    fn facts(&self, death: &Death, wall: Duration, pipes: &Pipes) -> io::Result<Ended> {
        let after = self.meter.read()?;
        Ok(Ended {
            exit: death.exit,
            stopped: self.stopped,
            cpu_ns: after.cpu_ns.saturating_sub(self.before.cpu_ns),
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            memory_peak_bytes: self.memory_peak(&after, death),
            oom_kills: after.oom_kills.saturating_sub(self.before.oom_kills),
            forks_refused: after.forks_refused.saturating_sub(self.before.forks_refused),
            stdout_cut: pipes.stdout.cut,
            stderr_cut: pipes.stderr.as_ref().is_some_and(|drain| drain.cut),
            not_kept: death.not_kept,
            kept_bytes: death.kept_bytes,
            armed: self.armed || death.forked,
        })
    }

    /// The control group's own peak is exact, but is the peak of all steps so far: it speaks of this one only when this
    /// one raised it, or when it had begun anew just before. Otherwise the largest look, or the largest process, is the best
    /// there is.
    fn memory_peak(&self, after: &Reading, death: &Death) -> u64 {
        let peak_before = self.before.memory_peak_bytes;
        // A kernel without the meter of the peak, as gVisor's is, tells 0.
        let has_peak = peak_before > 0;
        // A program that was armed may never need more than it had by then.
        let begins_here = self.armed && has_peak && peak_before.saturating_sub(self.before.memory_bytes) < METER_GRAIN;
        if after.memory_peak_bytes > peak_before || begins_here {
            after.memory_peak_bytes.saturating_sub(self.memory_before)
        } else {
            self.memory_seen.max(death.max_rss_bytes.min(after.memory_peak_bytes))
        }
    }
}

/// Our ends of the program's three streams, and the event that ends it.
struct Pipes {
    halt: OwnedFd,
    stdin: Option<File>,
    input: Vec<u8>,
    fed: usize,
    /// Somebody waits for what it writes and gives it more to read, until the server says that this is all.
    joined: bool,
    input_ended: bool,
    stdout: Drain,
    /// Absent when both go through one.
    stderr: Option<Drain>,
    kill_on_overflow: bool,
    /// Until then the outputs are not looked at.
    lull_ends: Instant,
    buffer: Vec<u8>,
}

struct Drain {
    pipe: Option<File>,
    stream: Stream,
    /// How much the server may still be sent.
    left: u64,
    cut: bool,
}

struct Ready {
    init: bool,
    server_left: bool,
    heard: bool,
    stdout: bool,
    stderr: bool,
}

impl Pipes {
    fn new(step: &Step, input: Vec<u8>, streams: Streams) -> io::Result<Self> {
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
    fn wait(&self, channel: &Channel, talk: &Talk, patience: Duration) -> io::Result<Ready> {
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
    fn obey(&mut self, talk: &mut Talk) -> io::Result<Option<Stop>> {
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
    fn feed(&mut self) {
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

    fn drain(&mut self, ready: &Ready, talk: &mut Talk) -> io::Result<()> {
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
    fn drain_rest(&mut self, talk: &mut Talk) -> io::Result<()> {
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
    fn end_program(&self) -> io::Result<()> {
        rustix::io::write(&self.halt, &1_u64.to_ne_bytes())?;
        Ok(())
    }

    fn overflowed(&self) -> bool {
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
