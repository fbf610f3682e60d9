//! A socket between an agent and us, where the daemon shares this host. Its stream takes every byte through three programs; so an
//! agent makes a pair of sockets, keeps both ends, and we take one of them out of it, as root may (`pidfd_getfd(2)`, Linux 5.6).
//! Nothing of that is in the container's description, or where a job could come across it.

use std::{io, os::unix::net};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use tokio::net::UnixStream;

use super::ghosts::uid_of;

/// What `descriptor` is to the one of these processes that has this uid.
///
/// # Errors
/// When there is not exactly one, when we may not take it, and when it is no socket.
pub(super) fn take(processes: &[i32], uid: u32, descriptor: i32) -> io::Result<UnixStream> {
    let mut agents = processes.iter().filter(|pid| uid_of(**pid) == Some(uid));
    let (Some(pid), None) = (agents.next(), agents.next()) else {
        return Err(io::Error::other("the agent is not to be seen among the processes of this host"));
    };
    let process = pidfd_open(Pid::from_raw(*pid).ok_or(io::ErrorKind::InvalidInput)?, PidfdFlags::empty())?;
    // What is looked at by its number only now is what the descriptor is of, or gone.
    if uid_of(*pid) != Some(uid) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let socket = net::UnixStream::from(pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty())?);
    socket.local_addr()?;
    socket.set_nonblocking(true)?;
    UnixStream::from_std(socket)
}
