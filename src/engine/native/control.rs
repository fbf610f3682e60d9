//! What can be done to a native sandbox from outside, and how its end is seen.

use std::{io, os::fd::OwnedFd, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use rustix::process::{Signal, pidfd_send_signal};
use tokio::{io::unix::AsyncFd, time::timeout};
use tracing::warn;

use super::{
    super::{Beside, Controls, SandboxId, group::Bounds},
    nursery::Nursery,
    slot::Slot,
};

/// A sandbox that is on the host: its PID 1, with which all of it ends.
#[derive(Debug)]
pub(super) struct Alive {
    pub pid: i32,
    pidfd: AsyncFd<OwnedFd>,
    /// Which must not end before it.
    _nursery: Arc<Nursery>,
    pub slot: Arc<Slot>,
    /// Of its groups' count, those that were there before.
    kills_before: u64,
}

impl Alive {
    pub fn new(
        pid: i32,
        pidfd: OwnedFd,
        nursery: Arc<Nursery>,
        slot: Arc<Slot>,
        kills_before: u64,
    ) -> io::Result<Self> {
        // SAFETY: it owns the descriptor, which is never taken out of it.
        let pidfd = unsafe { AsyncFd::register(pidfd) }?;
        Ok(Self { pid, pidfd, _nursery: nursery, slot, kills_before })
    }

    /// Until none of its processes is left: the kernel ends PID 1 last.
    pub async fn ended(&self) -> io::Result<()> {
        self.pidfd.readable().await.map(drop)
    }

    pub fn kill(&self) -> io::Result<()> {
        self.slot.group.lift()?;
        match pidfd_send_signal(self.pidfd.get_ref(), Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn has_killed(&self) -> bool {
        self.slot.group.kills() > self.kills_before
    }
}

#[derive(Debug)]
pub(super) struct Control {
    pub id: SandboxId,
    pub alive: Arc<Alive>,
    pub bounds: Bounds,
}

/// A sandbox whose agent is lost is on its way out: PID 1 follows the agent.
const END_PATIENCE: Duration = Duration::from_secs(2);

impl Controls for Control {
    fn allot<'a>(&'a mut self, memory_bytes: u64, beside: Beside) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            if let Err(error) = self.alive.slot.group.allot(&mut self.bounds, memory_bytes, beside).await {
                let error: &dyn std::error::Error = &error;
                warn!(sandbox.id = %self.id, error, "the memory of a sandbox could not be bounded from outside");
            }
        })
    }

    fn cpu_time(&self) -> Option<Duration> {
        self.alive.slot.group.cpu_time()
    }

    fn memory_in_use(&self) -> Option<u64> {
        self.alive.slot.group.usage().ok()
    }

    fn has_killed(&self) -> bool {
        self.alive.has_killed()
    }

    fn relieve(&self) {
        self.alive.slot.group.relieve(&self.id);
    }

    fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
        Box::pin(async move {
            let _ = timeout(END_PATIENCE, self.alive.ended()).await;
            self.alive.has_killed()
        })
    }
}
