//! From clone to execve: what a job's process gives up before its program starts.

use std::{
    ffi::CString,
    io,
    os::fd::{AsRawFd, OwnedFd},
    ptr::NonNull,
    sync::atomic::{AtomicI32, Ordering},
};

use crate::{channel::Spawn, confine::Confinement, hide, zygote::Zygote};

/// Everything that needs memory, made before the child.
pub struct Program<'c> {
    argv: Vec<CString>,
    env: Vec<CString>,
    limits: Vec<(libc::__rlimit_resource_t, u64)>,
    confinement: &'c Option<Confinement>,
    /// What it is to be a copy of.
    original: Option<&'c Zygote>,
}

/// A program that has been started.
pub struct Running {
    pub main: i32,
    /// Raised by the agent when it is to be ended.
    pub halt: OwnedFd,
    /// Of a copy, which may fail after its start.
    note: Option<Note>,
}

/// Memory that a copy shares with us, until it is the program: there it leaves why it did not come so far.
pub struct Note(NonNull<AtomicI32>);

/// What the child is handed, and where it leaves the reason if it could not start the program.
struct Launch<'a> {
    program: &'a Program<'a>,
    stdio: &'a [OwnedFd; 3],
    argv: &'a [*const libc::c_char],
    env: &'a [*const libc::c_char],
    failure: Option<io::Error>,
}

const WORK: &std::ffi::CStr = c"/work";

/// The largest number a descriptor can have; gVisor takes no larger one as the end of a range.
const LAST_FD: libc::c_uint = i32::MAX as libc::c_uint;

/// Of the child, up to execve.
const STACK: usize = 64 * 1024;

impl<'c> Program<'c> {
    pub fn new(spawn: &Spawn, confinement: &'c Option<Confinement>, zygote: Option<&'c Zygote>) -> io::Result<Self> {
        let mut limits = vec![
            (libc::RLIMIT_NOFILE, spawn.open_files),
            (libc::RLIMIT_FSIZE, spawn.file_size_bytes),
            (libc::RLIMIT_STACK, spawn.stack_bytes),
            // A back-stop: the agent meters the whole tree and is quicker.
            (libc::RLIMIT_CPU, spawn.cpu_seconds.saturating_add(1)),
        ];
        if let Some(processes) = spawn.processes {
            // Counts all of the uid, which no other sandbox shares: the job's processes and PID 1.
            limits.push((libc::RLIMIT_NPROC, processes.saturating_add(1)));
        }
        let original = zygote.filter(|zygote| spawn.forked && zygote.is(spawn));
        Ok(Self { argv: strings(&spawn.argv)?, env: strings(&spawn.env)?, limits, confinement, original })
    }

    /// Starts the program with the descriptors that came with the order to do so.
    pub fn launch(&self, fds: Vec<OwnedFd>) -> io::Result<Running> {
        let fds: [OwnedFd; 4] = fds.try_into().map_err(|_| io::Error::from_raw_os_error(libc::EBADF))?;
        let [stdin, stdout, stderr, halt] = fds;
        let stdio = [stdin, stdout, stderr];
        let (main, note) = match self.original {
            Some(original) => {
                let note = Note::new()?;
                (self.copy(original, &stdio, &note)?, Some(note))
            }
            None => (self.start(&stdio)?, None),
        };
        Ok(Running { main, halt, note })
    }

    /// Starts a copy of what we are a copy of as well; returns its pid. By libc's own fork, which sees to it that the threads, locks
    /// and numbers that libc keeps are the new process's.
    fn copy(&self, original: &Zygote, stdio: &[OwnedFd; 3], note: &Note) -> io::Result<i32> {
        // SAFETY: this process has one thread.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                match self.give_up(stdio).and_then(|()| original.restore()) {
                    Ok(()) => {
                        note.part_from();
                        original.own_memory();
                        original.go_on();
                    }
                    Err(error) => note.leave(&error),
                }
                // SAFETY: ends the process, and runs nothing that PID 1 or the program would have run at its end.
                unsafe { libc::_exit(127) }
            }
            pid => Ok(pid),
        }
    }

    /// Starts the program in a process of its own; returns its pid. An error of `execve` itself is `Err` too.
    ///
    /// The child borrows our memory until it executes or ends, and we stand still for as long: nothing is copied, and what
    /// it writes there, we read.
    fn start(&self, stdio: &[OwnedFd; 3]) -> io::Result<i32> {
        let (argv, env) = (pointers(&self.argv), pointers(&self.env));
        let mut launch = Launch { program: self, stdio, argv: &argv, env: &env, failure: None };
        let mut stack: Vec<u128> = Vec::with_capacity(STACK / size_of::<u128>());
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
        // SAFETY: the stack grows down from its end, which is aligned as ever a stack must be; it and `launch` outlive the
        // child's use of them, because this call returns when the child has executed or ended. This process has one thread
        // and no signal handlers, so nothing else runs meanwhile.
        let pid = unsafe {
            let top = stack.as_mut_ptr().add(stack.capacity());
            libc::clone(become_program, top.cast(), flags, (&raw mut launch).cast())
        };
        if pid == -1 {
            return Err(io::Error::last_os_error());
        }
        match launch.failure {
            None => Ok(pid),
            Some(failure) => {
                // It may have ended between the two halves of `offer_to_oom_killer`.
                hide()?;
                Err(failure)
            }
        }
    }

    fn give_up(&self, stdio: &[OwnedFd; 3]) -> io::Result<()> {
        // SAFETY: plain system calls on numbers, strings and structures that outlive them.
        unsafe {
            check(libc::setsid())?;
            unblock_signals()?;
            offer_to_oom_killer()?;
            check(libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))?;
            // After the last write below /proc, before the descriptor of the rules is closed.
            if let Some(confinement) = self.confinement {
                confinement.enter()?;
            }
            for (target, fd) in (0..).zip(stdio) {
                check(libc::dup2(fd.as_raw_fd(), target))?;
            }
            check(libc::close_range(3, LAST_FD, 0))?;
            for (resource, value) in &self.limits {
                limit(*resource, *value)?;
            }
            // Takes nothing from the job, which competes with nobody but our agent inside its control group.
            check(libc::setpriority(libc::PRIO_PROCESS, 0, 19))?;
            check(libc::chdir(WORK.as_ptr()))?;
        }
        Ok(())
    }
}

impl Running {
    pub fn is_copy(&self) -> bool {
        self.note.is_some()
    }

    /// The error number for which a copy did not become the program.
    pub fn failure(&self) -> Option<i32> {
        self.note.as_ref().and_then(Note::read)
    }
}

impl Note {
    pub fn new() -> io::Result<Self> {
        let (protection, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: new memory, at a place of the kernel's choice.
        let place = unsafe { libc::mmap(std::ptr::null_mut(), size_of::<AtomicI32>(), protection, kind, -1, 0) };
        if place == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        NonNull::new(place.cast()).map(Self).ok_or_else(|| io::Error::from_raw_os_error(libc::ENOMEM))
    }

    pub fn leave(&self, error: &io::Error) {
        // SAFETY: mapped since `new`, zero at first, and as large as this.
        unsafe { self.0.as_ref() }.store(error.raw_os_error().unwrap_or(libc::EIO), Ordering::Relaxed);
    }

    pub fn read(&self) -> Option<i32> {
        // SAFETY: as in `leave`.
        let error = unsafe { self.0.as_ref() }.load(Ordering::Relaxed);
        (error != 0).then_some(error)
    }

    /// In the copy alone: what is the job's from here on must not write to it.
    fn part_from(&self) {
        // SAFETY: the copy goes on elsewhere and never comes back to anything that looks at it.
        unsafe { libc::munmap(self.0.as_ptr().cast(), size_of::<AtomicI32>()) };
    }
}

impl Drop for Note {
    fn drop(&mut self) {
        self.part_from();
    }
}

/// The child's life. Returns only when it failed, which ends the child.
extern "C" fn become_program(launch: *mut libc::c_void) -> libc::c_int {
    // SAFETY: what `start` passes, which waits.
    let launch = unsafe { &mut *launch.cast::<Launch<'_>>() };
    launch.failure = Some(match launch.program.give_up(launch.stdio) {
        // SAFETY: both arrays end with null and point into the program, which lives on.
        Ok(()) => unsafe {
            libc::execve(launch.argv[0], launch.argv.as_ptr(), launch.env.as_ptr());
            io::Error::last_os_error()
        },
        Err(error) => error,
    });
    127
}

/// What every program inherits and no step changes. Done once, by PID 1 or the nursery that it comes of, and for itself as
/// well: a call less between a job's arrival and its start.
pub fn settle() -> io::Result<()> {
    const FOR_GOOD: [(libc::__rlimit_resource_t, u64); 6] = [
        (libc::RLIMIT_CORE, 0),
        (libc::RLIMIT_MEMLOCK, 0),
        (libc::RLIMIT_MSGQUEUE, 0),
        (libc::RLIMIT_NICE, 0),
        (libc::RLIMIT_RTPRIO, 0),
        // Queued signals: more than any program needs, far less than would burden the kernel.
        (libc::RLIMIT_SIGPENDING, 256),
    ];
    for (resource, value) in FOR_GOOD {
        match limit(resource, value) {
            // Linux lets everybody lower his limits. A kernel that refuses has no such limit, and is the sandbox's own.
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {}
            other => other?,
        }
    }
    // Ignored signals stay ignored through execve, and Rust's start ignores SIGPIPE.
    for signal in 1..=64 {
        // SAFETY: default actions only. SIGKILL and SIGSTOP refuse, and so do the two that libc keeps for itself.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
    Ok(())
}

fn unblock_signals() -> io::Result<()> {
    // SAFETY: the set is initialised before use.
    unsafe {
        let mut none = std::mem::zeroed();
        check(libc::sigemptyset(&mut none))?;
        check(libc::sigprocmask(libc::SIG_SETMASK, &none, std::ptr::null_mut()))
    }
}

/// When memory runs out the kernel shall take the job and not the agent.
fn offer_to_oom_killer() -> io::Result<()> {
    use rustix::{
        fs::{Mode, OFlags, open},
        process::{DumpableBehavior, set_dumpable_behavior},
    };
    // A process that is not dumpable has its /proc files owned by root, and the write would fail.
    set_dumpable_behavior(DumpableBehavior::Dumpable)?;
    let score = open(c"/proc/self/oom_score_adj", OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&score, b"1000")?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Lowers a limit for good. One that is already lower stays.
fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `now` is a valid place for the answer.
    check(unsafe { libc::getrlimit(resource, &mut now) })?;
    let value = value.min(now.rlim_max);
    let wanted = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: reads `wanted` only.
    check(unsafe { libc::setrlimit(resource, &wanted) })
}

pub fn strings(words: &[String]) -> io::Result<Vec<CString>> {
    words.iter().map(|word| CString::new(word.as_str()).map_err(io::Error::other)).collect()
}

pub fn pointers(words: &[CString]) -> Vec<*const libc::c_char> {
    words.iter().map(|word| word.as_ptr()).chain([std::ptr::null()]).collect()
}

/// The error of a call of libc's that says -1.
pub fn check(result: libc::c_int) -> io::Result<()> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
