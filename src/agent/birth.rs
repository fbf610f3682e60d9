//! How a sandbox is born of a nursery: a fork into namespaces of its own, which gives up everything that it has and becomes
//! PID 1, and a second one, which becomes the agent. The second half of that is a container's as well that is talked to from its
//! start.

use std::{
    io,
    mem::ManuallyDrop,
    os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd},
};

use caisson_protocol::{Groups, Make};
use rustix::{
    fs::{Mode, OFlags, open},
    io::fcntl_dupfd_cloexec,
    net::{AddressFamily, SocketFlags, SocketType, socketpair},
    process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit},
    thread::{
        CapabilitySet, CapabilitySets, Gid, LinkNameSpaceType, Uid, UnshareFlags, move_into_link_name_space,
        set_capabilities, set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe,
    },
};

use crate::{
    channel::Channel,
    child::{self, check},
    filter::{self, Program},
    hide, init, serve, template,
    zygote::Zygote,
};

/// As in the kernel's `sched.h`; libc's has too few bits.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

const NAMESPACES: libc::c_int = libc::CLONE_NEWPID | libc::CLONE_NEWNS | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;

/// What the server sent along.
struct Belongings {
    talk: OwnedFd,
    network: OwnedFd,
    entrances: Vec<OwnedFd>,
    group_mounts: Vec<OwnedFd>,
}

/// Returns the pid of the sandbox's PID 1 and its descriptor.
pub fn bear(
    groups: &Groups,
    filter: &Program,
    zygote: Option<&Zygote>,
    make: &Make,
    fds: Vec<OwnedFd>,
) -> io::Result<(i32, OwnedFd)> {
    let belongings = Belongings::sort(fds, groups.count())?;
    let born_into = match groups {
        Groups::Split(_) => None,
        Groups::Unified => belongings.entrances.first(),
    };
    match fork(born_into)? {
        Fork::Parent { pid, pidfd } => Ok((pid, pidfd)),
        // They are closed at once, and not when their owner goes.
        Fork::Child => end_with(live(groups, filter, zygote, make, &ManuallyDrop::new(belongings))),
    }
}

impl Belongings {
    fn sort(fds: Vec<OwnedFd>, groups: usize) -> io::Result<Self> {
        if fds.len() != 2 + 2 * groups {
            return Err(io::Error::other("the number of descriptors is not what it should be"));
        }
        let mut fds = fds.into_iter();
        let (Some(talk), Some(network)) = (fds.next(), fds.next()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let entrances = fds.by_ref().take(groups).collect();
        Ok(Self { talk, network, entrances, group_mounts: fds.collect() })
    }
}

/// The life of PID 1.
fn live(
    groups: &Groups,
    filter: &Program,
    zygote: Option<&Zygote>,
    make: &Make,
    belongings: &Belongings,
) -> io::Result<()> {
    let Belongings { talk, network, entrances, group_mounts } = belongings;
    if let Groups::Split(_) = groups {
        // Before anything else, so that all it takes is charged to it. By the thread itself: moving another one makes the
        // kernel wait for every processor.
        for entrance in entrances {
            rustix::io::write(entrance, b"0")?;
        }
    }
    // SAFETY: no thread shares anything with us. Only now, or the path of the group would begin at the host's root.
    unsafe { unshare_unsafe(UnshareFlags::NEWCGROUP) }?;
    move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?;
    template::furnish(make, groups, group_mounts)?;
    rustix::system::sethostname(b"box")?;
    bound(make)?;
    give_up_most(filter)?;
    part(Some(talk), make.agent_uid, make.job_uid, zygote, || {
        // The nursery's end is the sandbox's.
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The nursery does not look after its dead, PID 1 does.
        // SAFETY: a default action, and no code of ours.
        unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
        Ok(())
    })
}

/// The life of the first process of a container: as root, with no more of it than the way to two other users and to leave all
/// the rest behind. Its input and output are the conversation.
pub fn begin(agent_uid: u32, job_uid: u32) -> io::Result<()> {
    hide()?;
    child::settle()?;
    give_up_gaining()?;
    filter::enter()?;
    part(None, agent_uid, job_uid, None, || Ok(()))
}

/// Becomes two, PID 1 and the agent. `talk` is the agent's conversation, where it is not its input and output already; `settle`
/// is for PID 1, once it is the job's user.
fn part(
    talk: Option<&OwnedFd>,
    agent_uid: u32,
    job_uid: u32,
    zygote: Option<&Zygote>,
    settle: impl FnOnce() -> io::Result<()>,
) -> io::Result<()> {
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)?;
    if split()? {
        let theirs = hold(talk.map(AsRawFd::as_raw_fd), theirs)?;
        become_user(agent_uid)?;
        serve::run(|| Ok((Channel::new(theirs), job_uid)))
    } else {
        let null = ManuallyDrop::new(open(c"/dev/null", OFlags::RDWR, Mode::empty())?);
        let ours = hold(Some(null.as_raw_fd()), ours)?;
        become_user(job_uid)?;
        settle()?;
        init::run(|| Ok(Channel::new(ours)), zygote)
    }
}

fn bound(make: &Make) -> io::Result<()> {
    for (resource, most) in
        [(Resource::Core, 0), (Resource::Nofile, make.open_files), (Resource::Fsize, make.file_size_bytes)]
    {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    Ok(())
}

/// Input and output become `stream`, if there is one, and beside them and the errors, which stay, nothing is left but `channel`.
fn hold(stream: Option<i32>, channel: OwnedFd) -> io::Result<OwnedFd> {
    const CHANNEL: i32 = 3;
    // Past all the places that are about to be filled.
    let high = fcntl_dupfd_cloexec(&channel, 64)?;
    // SAFETY: plain calls on numbers. What is closed behind its owner's back is never used again, nor closed again.
    unsafe {
        for (target, stream) in [0, 1].into_iter().zip(stream.into_iter().cycle()) {
            check(libc::dup2(stream, target))?;
        }
        std::mem::forget(channel);
        check(libc::dup2(high.as_raw_fd(), CHANNEL))?;
        std::mem::forget(high);
        check(libc::fcntl(CHANNEL, libc::F_SETFD, libc::FD_CLOEXEC))?;
        check(libc::close_range(CHANNEL as u32 + 1, i32::MAX as u32, 0))?;
        Ok(OwnedFd::from_raw_fd(CHANNEL))
    }
}

/// All of root but what it takes to become somebody else, and what made this sandbox, for good.
fn give_up_most(filter: &Program) -> io::Result<()> {
    let left = CapabilitySet::SETUID | CapabilitySet::SETGID;
    set_capabilities(None, CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() })?;
    filter::install(filter)
}

/// What is left of root goes with its uid: the kernel clears the capabilities of whoever has no uid of root's any more.
fn become_user(uid: u32) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
    set_thread_groups(&[])?;
    set_thread_res_gid(group, group, group)?;
    Ok(set_thread_res_uid(user, user, user)?)
}

/// What a process may get back by executing a file: nothing, from here on, for it and all that come of it.
pub fn give_up_gaining() -> io::Result<()> {
    // SAFETY: numbers only.
    let drop = |capability: libc::c_ulong| unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
    // The kernel says where its list ends.
    for capability in 0.. {
        if let Err(error) = check(drop(capability)) {
            return if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) };
        }
    }
    Ok(())
}

enum Fork {
    Parent { pid: i32, pidfd: OwnedFd },
    Child,
}

/// As `fork(2)`, but into new namespaces and a control group. The child has this process's memory as it was, and one thread as
/// it has.
fn fork(group: Option<&OwnedFd>) -> io::Result<Fork> {
    // SAFETY: all zero is a valid value.
    let mut how: libc::clone_args = unsafe { std::mem::zeroed() };
    let mut pidfd: libc::c_int = -1;
    how.flags = (NAMESPACES | libc::CLONE_PIDFD) as u64;
    how.pidfd = (&raw mut pidfd) as u64;
    how.exit_signal = libc::SIGCHLD as u64;
    if let Some(group) = group {
        how.flags |= CLONE_INTO_CGROUP;
        how.cgroup = group.as_raw_fd() as u64;
    }
    // SAFETY: the structure is of the size told, and without a stack of its own the child goes on on a copy of ours. What
    // libc remembers of its thread's number becomes wrong there, which nothing that we call asks for.
    match unsafe { libc::syscall(libc::SYS_clone3, &raw const how, size_of::<libc::clone_args>()) } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        pid => {
            let pid = i32::try_from(pid).map_err(io::Error::other)?;
            // SAFETY: the kernel just made it for us.
            Ok(Fork::Parent { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } })
        }
    }
}

/// True in the child. Without a signal at its end it is none of the children that PID 1 waits for: those are the job's. By
/// `clone`, since the filter that is in force by now knows no `clone3`.
fn split() -> io::Result<bool> {
    // SAFETY: without flags and a stack of its own the child goes on on a copy of everything, as in [`fork`].
    match unsafe { libc::syscall(libc::SYS_clone, 0_u64, 0_u64, 0_u64, 0_u64, 0_u64) } {
        -1 => Err(io::Error::last_os_error()),
        pid => Ok(pid == 0),
    }
}

/// The end of a fork: it never goes back to what the nursery was doing.
fn end_with(result: io::Result<()>) -> ! {
    let status = match result {
        Ok(()) => 0,
        Err(error) => {
            // The server reads it, and logs it.
            eprintln!("caisson-agent: {error}");
            1
        }
    };
    // SAFETY: ends the process, and runs nothing of what the nursery would have run at its end.
    unsafe { libc::_exit(status) }
}
