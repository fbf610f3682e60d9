//! The conversation between `serve` and `init`, and between a nursery and the server: one message a packet, descriptors
//! beside it.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage, SendFlags,
        SocketAddrUnix, UCred, recvmsg, sendmsg, sockopt::set_socket_passcred,
    },
    process::{getgid, getpid, getuid},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// `serve` to `init`.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Make the work directory ready for a program.
    Prepare(caisson_protocol::Work),
    /// Start a program; with it come its stdin, stdout and stderr, and the event that ends it and every process of the job.
    /// An order would need memory, which a job may have taken all of; an event needs none.
    Spawn(Spawn),
    /// Start a program whose source comes later, under the name of `entry`; with it come the same four.
    Arm { entry: String, spawn: Spawn },
    /// Let one of them go on, and watch it as one that was spawned. The source of the first is in its place by now.
    Resume { turn: Turn, keep: bool },
    /// Start a program for the step after the first, see [`caisson_protocol::ToAgent::ArmSuccessor`]; with it come the same four.
    ArmSuccessor { entry: String, spawn: Spawn },
    /// End both.
    Disarm,
    /// Open a regular file below the work directory.
    Open { path: String },
    /// Let what is kept be read.
    Export,
    /// Keep what can be read from the pipe that comes with it.
    Import,
}

/// For which of a job's steps a program was armed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    First,
    Second,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Spawn {
    pub argv: Vec<String>,
    pub env: Vec<String>,
    /// Rather a copy of what the nursery has started, if that is the same.
    pub forked: bool,
    pub keep: bool,
    pub cpu_seconds: u64,
    /// Absent where the control group has the same bound: it counts what it refuses, and a limit of the process does not.
    pub processes: Option<u64>,
    pub file_size_bytes: u64,
    pub open_files: u64,
    pub stack_bytes: u64,
}

/// `init` to `serve`.
#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    /// The main process ended and no process of the job is left, but for a successor that waits.
    Ended(Death),
    /// With it comes the file.
    Opened,
    Imported,
    Prepared,
    /// It waits.
    Armed,
    /// It does not any more.
    Resumed,
    Disarmed,
    Refused(String),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Death {
    pub exit: caisson_protocol::Exit,
    /// Of the largest process, from its own accounting.
    pub max_rss_bytes: u64,
    pub not_kept: bool,
    pub kept_bytes: u64,
    /// It was a copy.
    pub forked: bool,
}

impl Death {
    /// Of a program that is about to be killed, until more is known.
    pub fn unknown() -> Self {
        let exit = caisson_protocol::Exit::Signal(libc::SIGKILL);
        Self { exit, max_rss_bytes: 0, not_kept: false, kept_bytes: 0, forked: false }
    }
}

/// In the sandbox's own network namespace, so that one name serves all.
pub fn address() -> io::Result<SocketAddrUnix> {
    Ok(SocketAddrUnix::new_abstract_name(b"caisson-init")?)
}

pub struct Channel {
    socket: OwnedFd,
    buffer: Vec<u8>,
}

/// The largest packet: a `Spawn` with its arguments and environment. A unix socket takes about 200 KiB.
const PACKET: usize = 192 * 1024;
/// A program's three streams and its event; of a sandbox to be made a stream, a namespace, and two for each of four control groups.
const FDS: usize = 10;

/// A packet without a byte could not be told from the end.
const GREETING: &[u8] = b"!";

impl Channel {
    pub fn new(socket: OwnedFd) -> Self {
        Self { socket, buffer: vec![0; PACKET] }
    }

    /// Who is at the other end, by the kernel's word: each side sends an empty greeting, and its credentials with it.
    /// `SO_PEERCRED` would need no greeting, but gVisor answers it with the credentials of whoever asks.
    pub fn meet(&self) -> io::Result<UCred> {
        let me = UCred { pid: getpid(), uid: getuid(), gid: getgid() };
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        control.push(SendAncillaryMessage::ScmCredentials(me));
        sendmsg(&self.socket, &[IoSlice::new(GREETING)], &mut control, SendFlags::NOSIGNAL)?;

        set_socket_passcred(&self.socket, true)?;
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmCredentials(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut greeting = [0; GREETING.len()];
        recvmsg(&self.socket, &mut [IoSliceMut::new(&mut greeting)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
        // What follows brings descriptors, and they need the room.
        set_socket_passcred(&self.socket, false)?;
        let peer = control.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmCredentials(peer) => Some(peer),
            _ => None,
        });
        peer.ok_or_else(|| io::Error::other("the other side did not say who it is"))
    }

    pub fn send<M: Serialize>(&self, message: &M, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let packet = postcard::to_stdvec(message).map_err(io::Error::other)?;
        if packet.len() > PACKET {
            return Err(io::Error::other("the arguments and the environment are too large"));
        }
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !fds.is_empty() {
            control.push(SendAncillaryMessage::ScmRights(fds));
        }
        sendmsg(&self.socket, &[IoSlice::new(&packet)], &mut control, SendFlags::NOSIGNAL)?;
        Ok(())
    }

    /// Waits for a message; `None` when the other side has left.
    pub fn receive<M: DeserializeOwned>(&mut self) -> io::Result<Option<(M, Vec<OwnedFd>)>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FDS))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = loop {
            let mut into = [IoSliceMut::new(&mut self.buffer)];
            match recvmsg(&self.socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC) {
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::CONNRESET) => return Ok(None),
                other => break other?,
            }
        };
        let mut fds = Vec::new();
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                fds.extend(rights);
            }
        }
        if received.bytes == 0 {
            return Ok(None);
        }
        let message = postcard::from_bytes(&self.buffer[..received.bytes]).map_err(io::Error::other)?;
        Ok(Some((message, fds)))
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
