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
    let mut channel = meet()?;
    let mut kept = None;
    let mut armed: Option<Armed> = None;
    let mut successor: Option<Successor> = None;
    // A program, which may have left something.
    let mut has_run = false;
    while let Some((order, fds)) = channel.receive::<Order>()? {
        match order {
            Order::Prepare(work) => {
                let done = match zygote {
                    Some(_) if has_run => prepare_apart(work, kept.as_ref()),
                    _ => prepare(work, kept.as_ref()),
                };
                let answer = match done {
                    Ok(()) => Answer::Prepared,
                    Err(error) => Answer::Refused(format!("the work directory could not be prepared: {error}")),
                };
                channel.send(&answer, &[])?;
            }
            Order::Spawn(spawn) => {
                has_run = true;
                let started = Program::new(&spawn, &confinement, zygote).and_then(|program| program.launch(fds));
                if !see_to_end(started, spawn.keep, &mut channel, &children, &mut kept, &mut successor)? {
                    return Ok(());
                }
            }
            Order::Arm { entry, spawn } => {
                // Where a successor waits all has been cleared for it.
                let cleared = if successor.is_some() { Ok(()) } else { tree::clear_all() };
                let start = |()| Armed::start(entry, &spawn, &confinement, zygote, fds, has_died);
                let started = cleared.and_then(start).map(|program| armed = Some(program));
                tell_armed(started, &mut successor, &channel)?;
            }
            Order::ArmSuccessor { entry, spawn } => {
                let started = Successor::start(entry, &spawn, &confinement, fds);
                let started = started.map(|program| successor = Some(program));
                tell_armed(started, &mut successor, &channel)?;
            }
            Order::Resume { turn, keep } => {
                let resumed = match turn {
                    Turn::First => {
                        // One that cannot be looked at is as good as none.
                        successor = successor.and_then(|mut next| next.watch().is_ok().then_some(next));
                        feed(armed.take())?
                    }
                    Turn::Second => successor.take().map_or_else(|| Ok(Err(NOTHING.to_owned())), Successor::feed)?,
                };
                match resumed {
                    Ok(running) => {
                        has_run = true;
                        channel.send(&Answer::Resumed, &[])?;
                        if !see_to_end(Ok(running), keep, &mut channel, &children, &mut kept, &mut successor)? {
                            return Ok(());
                        }
                    }
                    Err(reason) => {
                        end_all(&mut successor);
                        channel.send(&Answer::Refused(reason), &[])?;
                    }
                }
            }
            Order::Disarm => {
                armed = None;
                end_all(&mut successor);
                channel.send(&Answer::Disarmed, &[])?;
            }
            Order::Open { path } => match tree::open_regular(&path) {
                Ok(file) => channel.send(&Answer::Opened, &[file.as_fd()])?,
                Err(reason) => channel.send(&Answer::Refused(reason), &[])?,
            },
            Order::Export => export(kept.as_ref(), &channel)?,
            Order::Import => {
                kept = fds.into_iter().next().and_then(|pipe| Kept::import(File::from(pipe)).ok());
                let answer = match kept {
                    Some(_) => Answer::Imported,
                    None => Answer::Refused("what is to be kept makes no sense".to_owned()),
                };
                channel.send(&answer, &[])?;
            }
        }
    }
    Ok(())
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

/// Watches a program that has been started until it or the agent's patience ends, leaves no process but a successor, and says
/// so; `false` when the agent has left.
fn see_to_end(
    started: io::Result<Running>,
    keep: bool,
    channel: &mut Channel,
    children: &OwnedFd,
    kept: &mut Option<Kept>,
    successor: &mut Option<Successor>,
) -> io::Result<bool> {
    let mut death = Death::unknown();
    match started {
        Ok(running) => {
            if !wait_for_main(&running, &mut death, channel, children)? {
                return Ok(false);
            }
            // What failed, reached a limit or is kept for many steps has none after it that finds this one waiting.
            if death.exit != Exit::Code(0) || keep {
                *successor = None;
            }
            kill_all(running.main, &mut death, successor);
            death.forked = running.is_copy();
            if let Some(error) = running.failure() {
                death.exit = Exit::NotStarted(error);
            }
        }
        Err(error) => {
            // The child that failed waits to be reaped.
            *successor = None;
            kill_all(0, &mut death, successor);
            death.exit = Exit::NotStarted(error.raw_os_error().unwrap_or(libc::EIO));
        }
    }
    if keep && death.exit == Exit::Code(0) {
        *kept = Kept::take().ok();
        death.not_kept = kept.is_none();
        death.kept_bytes = kept.as_ref().map_or(0, Kept::bytes);
    }
    channel.send(&Answer::Ended(death), &[])?;
    // Nobody waits for it: it is done before the next order comes.
    tree::settle_dates()?;
    Ok(true)
}

fn feed(armed: Option<Armed>) -> io::Result<Result<Running, String>> {
    match armed {
        None => Ok(Err(NOTHING.to_owned())),
        Some(armed) if has_died(armed.running.main) => Ok(Err("what was armed has ended".to_owned())),
        Some(armed) => armed.feed(),
    }
}

/// Says whether a program waits; where it does not, nothing is left of it nor of others that waited.
fn tell_armed(started: io::Result<()>, successor: &mut Option<Successor>, channel: &Channel) -> io::Result<()> {
    let answer = match started {
        Ok(()) => Answer::Armed,
        Err(error) => {
            end_all(successor);
            Answer::Refused(error.to_string())
        }
    };
    tree::settle_dates()?;
    channel.send(&answer, &[])
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

/// Until the main process is dead or the agent says so; `false` when the agent has left.
fn wait_for_main(running: &Running, death: &mut Death, channel: &Channel, children: &OwnedFd) -> io::Result<bool> {
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
            PollFd::from_borrowed_fd(channel.as_fd(), PollFlags::IN),
            PollFd::new(children, PollFlags::IN),
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
            forget_event(children);
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
/// so when there are no children left there are no processes left. Most programs leave none: for them the call is spared, since the
/// kernel looks at every process of the host for it.
///
/// A successor stays, and others are looked for one by one; where they are too many or too quick for that it goes as well.
fn kill_all(main: i32, death: &mut Death, successor: &mut Option<Successor>) {
    let bury = || {
        for reaped in iter::from_fn(|| reap(libc::WNOHANG)).take(REAPED_AT_ONCE) {
            reaped.note(main, death);
        }
    };
    if successor.as_ref().is_some_and(|successor| successor.outlive(bury)) {
        return;
    }
    *successor = None;
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
fn end_all(successor: &mut Option<Successor>) {
    *successor = None;
    kill_all(0, &mut Death::unknown(), successor);
}

/// Of those that we wait for: a job's process can be no other, since the kernel makes every orphan an ordinary child again.
fn has_children() -> bool {
    !matches!(peek(libc::P_ALL, 0), Err(error) if error.raw_os_error() == Some(libc::ECHILD))
}

/// Whether a child has ended. It is buried by whoever ends the others.
fn has_died(pid: i32) -> bool {
    let Ok(id) = libc::id_t::try_from(pid) else { return true };
    peek(libc::P_PID, id).map_or(true, |dead| dead != 0)
}

/// Who of these children has ended, who stays to be buried; 0 when all of them live.
fn peek(kind: libc::idtype_t, id: libc::id_t) -> io::Result<i32> {
    // SAFETY: all zero is a valid siginfo, which is a valid place for the answer.
    unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        child::check(libc::waitid(kind, id, &mut info, libc::WEXITED | libc::WNOHANG | libc::WNOWAIT))?;
        Ok(info.si_pid())
    }
}

struct Reaped {
    pid: i32,
    status: i32,
    max_rss_bytes: u64,
}

impl Reaped {
    /// Takes what it tells; true when it was the main process.
    fn note(&self, main: i32, death: &mut Death) -> bool {
        death.max_rss_bytes = death.max_rss_bytes.max(self.max_rss_bytes);
        if self.pid != main {
            return false;
        }
        // A traced child reports its stops too: only these two are an end.
        if libc::WIFEXITED(self.status) {
            death.exit = Exit::Code(libc::WEXITSTATUS(self.status));
            true
        } else if libc::WIFSIGNALED(self.status) {
            death.exit = Exit::Signal(libc::WTERMSIG(self.status));
            true
        } else {
            false
        }
    }
}

/// The next dead child; `None` when there is none (with `WNOHANG`: none yet).
fn reap(flags: i32) -> Option<Reaped> {
    loop {
        let mut status = 0;
        // SAFETY: all zero is a valid rusage, and both places live through the call.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        match unsafe { libc::wait4(-1, &mut status, flags, &mut usage) } {
            0 => return None,
            -1 if io::Error::last_os_error().kind() == io::ErrorKind::Interrupted => {}
            -1 => return None,
            pid => {
                let max_rss_bytes = u64::try_from(usage.ru_maxrss).unwrap_or(0) * 1024;
                return Some(Reaped { pid, status, max_rss_bytes });
            }
        }
    }
}

/// Deaths of children as a descriptor: a hint to look, never counted on.
fn child_events() -> io::Result<OwnedFd> {
    use std::os::fd::FromRawFd;
    // SAFETY: the set is initialised before use and the descriptor is ours alone.
    unsafe {
        let mut set = std::mem::zeroed();
        libc::sigfillset(&mut set);
        if libc::sigprocmask(libc::SIG_SETMASK, &set, std::ptr::null_mut()) == -1 {
            return Err(io::Error::last_os_error());
        }
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGCHLD);
        match libc::signalfd(-1, &set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) {
            -1 => Err(io::Error::last_os_error()),
            fd => Ok(OwnedFd::from_raw_fd(fd)),
        }
    }
}

fn forget_event(children: &OwnedFd) {
    let mut info = [0; size_of::<libc::signalfd_siginfo>()];
    let _ = rustix::io::read(children, &mut info);
}

fn readable(fd: &OwnedFd, patience: Duration) -> io::Result<bool> {
    let patience = Timespec { tv_sec: patience.as_secs() as i64, tv_nsec: i64::from(patience.subsec_nanos()) };
    Ok(poll(&mut [PollFd::new(fd, PollFlags::IN)], Some(&patience))? > 0)
}
