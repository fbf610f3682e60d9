//! PID 1: starts programs, kills everything, reaps. Runs with the job's uid and knows no secret.

use std::{
    fs::File,
    io, iter,
    os::fd::{AsFd, OwnedFd},
    time::{Duration, Instant},
};

use caisson_protocol::{Exit, Work};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    net::{AddressFamily, SocketFlags, SocketType, accept_with, bind, listen, socket_with},
    pipe::{PipeFlags, pipe_with},
};

use crate::{
    armed::Armed,
    channel::{self, Answer, Channel, Death, Order, Turn},
    child::{self, Note, Program, Running},
    confine::Confinement,
    deaths::{child_events, forget_event, has_children, has_died, reap},
    filter, hide,
    kept::Kept,
    successor::Successor,
    tree,
    zygote::Zygote,
};

/// How long the agent may take to connect: it is exec'd right after the start. Too small and a loaded host makes no
/// sandbox; too large and one whose server died during its boot lingers.
const CONNECT_PATIENCE: Duration = Duration::from_secs(60);

/// Why there is none to go on.
const NOTHING: &str = "nothing is armed";

/// The dead that are buried between two looks at the agent's orders: a job whose processes die as fast as PID 1 can reap
/// them must not keep it from being told to kill.
const REAPED_AT_ONCE: usize = 32;

/// Gives up what no program gets, then finds the agent: as the first process of a container, which has all before it.
pub fn begin(agent_uid: u32) -> io::Result<()> {
    child::settle()?;
    filter::enter()?;
    run(|| accept_agent(agent_uid), None)
}

/// `meet` finds the agent; `zygote` is what we are a copy of.
pub fn run(meet: impl FnOnce() -> io::Result<Channel>, zygote: Option<&Zygote>) -> io::Result<()> {
    hide()?;
    let confinement = Confinement::new()?;
    let children = child_events()?;
    let channel = meet()?;
    Init { channel, children, confinement, zygote, kept: None, armed: None, successor: None, has_run: false }.serve()
}

struct Init<'z> {
    channel: Channel,
    children: OwnedFd,
    confinement: Option<Confinement>,
    zygote: Option<&'z Zygote>,
    /// What a compile made, for the steps after it.
    kept: Option<Kept>,
    /// These two wait, the one for the first step and the other for the second.
    armed: Option<Armed>,
    successor: Option<Successor>,
    /// A program, which may have left something.
    has_run: bool,
}

/// Whether the agent is there still.
type GoesOn = bool;

impl Init<'_> {
    /// Until the agent has left.
    fn serve(mut self) -> io::Result<()> {
        while let Some((order, fds)) = self.channel.receive::<Order>()? {
            if !self.obey(order, fds)? {
                break;
            }
        }
        Ok(())
    }

    fn obey(&mut self, order: Order, fds: Vec<OwnedFd>) -> io::Result<GoesOn> {
        match order {
            Order::Prepare(work) => {
                let answer = match self.prepare(work) {
                    Ok(()) => Answer::Prepared,
                    Err(error) => Answer::Refused(format!("the work directory could not be prepared: {error}")),
                };
                self.channel.send(&answer, &[])?;
            }
            Order::Spawn(spawn) => {
                self.has_run = true;
                let program = Program::new(&spawn, &self.confinement, self.zygote);
                return self.see_to_end(program.and_then(|program| program.launch(fds)), spawn.keep);
            }
            Order::Arm { entry, spawn } => {
                // Where a successor waits all has been cleared for it.
                let cleared = if self.successor.is_some() { Ok(()) } else { tree::clear_all() };
                let start = |()| Armed::start(entry, &spawn, &self.confinement, self.zygote, fds);
                let started = cleared.and_then(start).map(|program| self.armed = Some(program));
                self.tell_armed(started)?;
            }
            Order::ArmSuccessor { entry, spawn } => {
                let start = |()| Successor::start(entry, &spawn, &self.confinement, fds);
                let started = tree::clear_all().and_then(start).map(|program| self.successor = Some(program));
                self.tell_armed(started)?;
            }
            Order::Resume { turn, keep } => match self.resume(turn)? {
                Ok(running) => {
                    self.has_run = true;
                    self.channel.send(&Answer::Resumed, &[])?;
                    return self.see_to_end(Ok(running), keep);
                }
                Err(reason) => {
                    self.end_all();
                    self.channel.send(&Answer::Refused(reason), &[])?;
                }
            },
            Order::Disarm => {
                self.armed = None;
                self.end_all();
                self.channel.send(&Answer::Disarmed, &[])?;
            }
            Order::Open { path } => match tree::open_regular(&path) {
                Ok(file) => self.channel.send(&Answer::Opened, &[file.as_fd()])?,
                Err(reason) => self.channel.send(&Answer::Refused(reason), &[])?,
            },
            Order::Export => export(self.kept.as_ref(), &self.channel)?,
            Order::Import => {
                self.kept = fds.into_iter().next().and_then(|pipe| Kept::import(File::from(pipe)).ok());
                let answer = match self.kept {
                    Some(_) => Answer::Imported,
                    None => Answer::Refused("what is to be kept makes no sense".to_owned()),
                };
                self.channel.send(&answer, &[])?;
            }
        }
        Ok(true)
    }

    fn prepare(&self, work: Work) -> io::Result<()> {
        match self.zygote {
            Some(_) if self.has_run => prepare_apart(work, self.kept.as_ref()),
            _ => prepare(work, self.kept.as_ref()),
        }
    }

    /// Says whether a program waits; where it does not, nothing is left of it nor of others that waited.
    fn tell_armed(&mut self, started: io::Result<()>) -> io::Result<()> {
        let answer = match started {
            Ok(()) => Answer::Armed,
            Err(error) => {
                self.end_all();
                Answer::Refused(error.to_string())
            }
        };
        tree::settle_dates()?;
        self.channel.send(&answer, &[])
    }

    /// An inner error says why what waits cannot go on.
    fn resume(&mut self, turn: Turn) -> io::Result<Result<Running, String>> {
        match turn {
            Turn::First => {
                // One that cannot be looked at is as good as none.
                let successor = self.successor.take();
                self.successor = successor.and_then(|mut next| next.watch().is_ok().then_some(next));
                match self.armed.take() {
                    None => Ok(Err(NOTHING.to_owned())),
                    Some(armed) if has_died(armed.running.main) => Ok(Err("what was armed has ended".to_owned())),
                    Some(armed) => armed.feed(),
                }
            }
            Turn::Second => match self.successor.take() {
                None => Ok(Err(NOTHING.to_owned())),
                Some(successor) => successor.feed(),
            },
        }
    }

    /// Watches a program that has been started until it or the agent's patience ends, leaves no process but a successor, and
    /// says so.
    fn see_to_end(&mut self, started: io::Result<Running>, keep: bool) -> io::Result<GoesOn> {
        let mut death = Death::unknown();
        match started {
            Ok(running) => {
                if !self.wait_for_main(&running, &mut death)? {
                    return Ok(false);
                }
                // What failed, reached a limit or is kept for many steps has none after it that finds this one waiting.
                if death.exit != Exit::Code(0) || keep {
                    self.successor = None;
                }
                self.kill_all(running.main, &mut death);
                death.forked = running.is_copy();
                if let Some(error) = running.failure() {
                    death.exit = Exit::NotStarted(error);
                }
            }
            Err(error) => {
                // The child that failed waits to be reaped.
                self.successor = None;
                self.kill_all(0, &mut death);
                death.exit = Exit::NotStarted(error.raw_os_error().unwrap_or(libc::EIO));
            }
        }
        if keep && death.exit == Exit::Code(0) {
            self.kept = Kept::take().ok();
            death.not_kept = self.kept.is_none();
            death.kept_bytes = self.kept.as_ref().map_or(0, Kept::bytes);
        }
        self.channel.send(&Answer::Ended(death), &[])?;
        // Nobody waits for it: it is done before the next order comes.
        tree::settle_dates()?;
        Ok(true)
    }

    /// Until the main process is dead or the agent says so.
    fn wait_for_main(&self, running: &Running, death: &mut Death) -> io::Result<GoesOn> {
        loop {
            let mut left = REAPED_AT_ONCE;
            while let Some(reaped) = reap(libc::WNOHANG) {
                if reaped.note(running.main, death) {
                    return Ok(true);
                }
                left -= 1;
                if left == 0 {
                    break;
                }
            }
            let mut fds = [
                PollFd::from_borrowed_fd(self.channel.as_fd(), PollFlags::IN),
                PollFd::new(&self.children, PollFlags::IN),
                PollFd::new(&running.halt, PollFlags::IN),
            ];
            // With more of the dead in line, only a look at what else there is.
            let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
            match poll(&mut fds, (left == 0).then_some(&at_once)) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            let [heard, child, halt] = fds.map(|fd| !fd.revents().is_empty());
            if child {
                forget_event(&self.children);
            }
            if heard {
                // Nothing is ever ordered while a program runs: this is the agent's end.
                return Ok(false);
            }
            if halt {
                return Ok(true);
            }
        }
    }

    /// One call reaches every process of the job at once: a fork with a SIGKILL pending fails. Orphans become our children,
    /// so when there are no children left there are no processes left. Most programs leave none: for them the call is
    /// spared, since the kernel looks at every process of the host for it.
    ///
    /// A successor stays, and others are looked for one by one; where they are too many or too quick for that it goes as well.
    fn kill_all(&mut self, main: i32, death: &mut Death) {
        let bury = || {
            for reaped in iter::from_fn(|| reap(libc::WNOHANG)).take(REAPED_AT_ONCE) {
                reaped.note(main, death);
            }
        };
        if self.successor.as_ref().is_some_and(|successor| successor.outlive(bury)) {
            return;
        }
        self.successor = None;
        while has_children() {
            // SAFETY: signals only; PID 1 itself is spared by the kernel, the agent by its uid.
            unsafe { libc::kill(-1, libc::SIGKILL) };
            match reap(0) {
                Some(reaped) => {
                    reaped.note(main, death);
                }
                None => return,
            }
        }
    }

    /// Leaves no process, whatever there was.
    fn end_all(&mut self) {
        self.successor = None;
        self.kill_all(0, &mut Death::unknown());
    }
}

/// Through a pipe: a second copy would be memory of the sandbox too.
fn export(kept: Option<&Kept>, channel: &Channel) -> io::Result<()> {
    let Some(kept) = kept else {
        return channel.send(&Answer::Refused("nothing is kept".to_owned()), &[]);
    };
    let (theirs, ours) = pipe_with(PipeFlags::CLOEXEC)?;
    channel.send(&Answer::Opened, &[theirs.as_fd()])?;
    drop(theirs);
    kept.export(File::from(ours))
}

/// The one peer with the agent's uid; nobody else can be here yet, and nobody can connect after.
fn accept_agent(agent_uid: u32) -> io::Result<Channel> {
    let listener = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    bind(&listener, &channel::address()?)?;
    listen(&listener, 1)?;
    let deadline = Instant::now() + CONNECT_PATIENCE;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if !readable(&listener, left)? {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "no agent connected"));
        }
        let channel = Channel::new(accept_with(&listener, SocketFlags::CLOEXEC)?);
        if channel.meet()?.uid.as_raw() == agent_uid {
            return Ok(channel);
        }
    }
}

/// No process of the job is alive, but for a successor that waits (on gVisor, one that may have gone on).
fn prepare(work: Work, kept: Option<&Kept>) -> io::Result<()> {
    match (work, kept) {
        (Work::Originals, _) => tree::restore(),
        (Work::Left, _) => tree::clear_scratch(),
        (Work::Kept, Some(kept)) => kept.restore(),
        (Work::Kept, None) => Err(io::Error::other("nothing is kept")),
    }
}

/// The same, where programs are copies of this process: the names that one left behind are read by a process that ends, and by none
/// that the next is a copy of.
fn prepare_apart(work: Work, kept: Option<&Kept>) -> io::Result<()> {
    let note = Note::new()?;
    // SAFETY: this process has one thread.
    let pid = match unsafe { libc::fork() } {
        -1 => return Err(io::Error::last_os_error()),
        0 => {
            let done = prepare(work, kept);
            if let Err(error) = &done {
                note.leave(error);
            }
            // SAFETY: ends the process, and runs nothing that PID 1 would have run at its end.
            unsafe { libc::_exit(i32::from(done.is_err())) }
        }
        pid => pid,
    };
    let mut status = 0;
    // SAFETY: a place for the answer. No process of the job's is there to send us a signal that we handle.
    child::check(unsafe { libc::waitpid(pid, &mut status, 0) })?;
    match (status, note.read()) {
        (0, None) => Ok(()),
        (_, Some(error)) => Err(io::Error::from_raw_os_error(error)),
        (_, None) => Err(io::Error::other("who does that was killed")),
    }
}

fn readable(fd: &OwnedFd, patience: Duration) -> io::Result<bool> {
    let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
    Ok(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&patience))? > 0)
}
