//! The dead: who has ended, and how. PID 1 buries them all, its own children and every orphan.

use std::{io, os::fd::OwnedFd};

use caisson_protocol::Exit;

use crate::{channel::Death, child};

pub struct Reaped {
    pid: i32,
    status: i32,
    max_rss_bytes: u64,
}

impl Reaped {
    /// Takes what it tells; true when it was the main process.
    pub fn note(&self, main: i32, death: &mut Death) -> bool {
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
pub fn reap(flags: i32) -> Option<Reaped> {
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

/// Of those that we wait for: a job's process can be no other, since the kernel makes every orphan an ordinary child again.
pub fn has_children() -> bool {
    !matches!(peek(libc::P_ALL, 0), Err(error) if error.raw_os_error() == Some(libc::ECHILD))
}

/// Whether a child has ended. It is buried by whoever ends the others.
pub fn has_died(pid: i32) -> bool {
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

/// Deaths of children as a descriptor: a hint to look, never counted on.
pub fn child_events() -> io::Result<OwnedFd> {
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

pub fn forget_event(children: &OwnedFd) {
    let mut info = [0; size_of::<libc::signalfd_siginfo>()];
    let _ = rustix::io::read(children, &mut info);
}
