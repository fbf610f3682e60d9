//! One end of a packet socket: messages with descriptors beside them.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::unix::AsyncFd;

#[derive(Debug)]
pub(super) struct Packets(AsyncFd<OwnedFd>);

/// Answers are short; the longest is the reason of a failure.
const ANSWER: usize = 4096;

/// A stream, a namespace, and two for each of four control groups.
const MOST_SENT: usize = 10;

impl Packets {
    /// This end, and the other one for somebody else.
    pub fn pair() -> io::Result<(Self, OwnedFd)> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        // Who is at the other end waits.
        rustix::io::ioctl_fionbio(&theirs, false)?;
        // SAFETY: it owns the descriptor, which is never taken out of it.
        Ok((Self(unsafe { AsyncFd::register(ours) }?), theirs))
    }

    pub async fn send<M: Serialize>(&self, message: &M, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        let packet = caisson_protocol::pack(message);
        loop {
            let mut ready = self.0.writable().await?;
            let sent = ready.try_io(|socket| {
                let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_SENT))];
                let mut control = SendAncillaryBuffer::new(&mut space);
                if !fds.is_empty() && !control.push(SendAncillaryMessage::ScmRights(fds)) {
                    return Err(io::Error::other("too many descriptors for one message"));
                }
                Ok(sendmsg(socket, &[IoSlice::new(&packet)], &mut control, SendFlags::NOSIGNAL)?)
            });
            if let Ok(result) = sent {
                return result.map(drop);
            }
        }
    }

    /// An error when the other side has left.
    pub async fn receive<M: DeserializeOwned>(&self) -> io::Result<(M, Option<OwnedFd>)> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut packet = [0; ANSWER];
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let received = ready.try_io(|socket| {
                let mut control = RecvAncillaryBuffer::new(&mut space);
                let mut into = [IoSliceMut::new(&mut packet)];
                let received = recvmsg(socket, &mut into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
                let fd = control.drain().find_map(|message| match message {
                    RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
                    _ => None,
                });
                Ok((received.bytes, fd))
            });
            match received {
                Err(_) => {}
                Ok(Ok((0, _))) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(Ok((bytes, fd))) => {
                    let (message, _) = caisson_protocol::decode(&packet[..bytes]).map_err(io::Error::other)?;
                    return Ok((message, fd));
                }
                Ok(Err(error)) => return Err(error),
            }
        }
    }
}
