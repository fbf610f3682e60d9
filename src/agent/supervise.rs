//! One step from its start to the last byte of its output: feeding, draining, metering, stopping.
//!
//! A step ends when its main process has ended or a limit was reached, never at the end of a pipe: a daemon may hold one
//! open for ever. By the time `init` says that the step ended none of its processes is left, so what is in the pipes then
//! is all there will ever be.

mod pipes;

use std::{
    io,
    os::fd::AsFd,
    time::{Duration, Instant},
};

use caisson_protocol::{Ended, FromAgent, Start, Step, Stop};

use self::pipes::{Pipes, Streams};
use crate::{
    channel::{Answer, Channel, Death, Order, Spawn, Turn},
    meter::{Meter, Reading},
    talk::Talk,
    tree,
};

/// How often limits are looked at, and the server is told what there is. Shorter costs the job's processor time, longer
/// lets it overrun.
const METER_PERIOD: Duration = Duration::from_millis(5);

/// The kernel charges memory in lots, so that a meter may be off by some of them.
const METER_GRAIN: u64 = 1 << 20;

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
