//! How long an agent is waited for, and what is looked at meanwhile.

use std::{pin::pin, time::Duration};

use caisson_protocol as protocol;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{lost::Lost, wire::nanoseconds};
use crate::engine::Controls;

/// How long past the wall limit the agent's own verdict is waited for. Too small and a loaded host takes verdicts from
/// the agent, too large and a lost agent holds up its request.
const VERDICT_PATIENCE: Duration = Duration::from_secs(1);

/// How often a [`CpuWatch`] is looked at: as often as an agent that sees for itself does.
const CPU_PERIOD: Duration = Duration::from_millis(5);

/// How often a sandbox is looked at for processes that the kernel has killed for want of memory. Seldom enough to cost nothing.
pub(super) const MEMORY_PERIOD: Duration = Duration::from_millis(50);

/// The processor time of a step whose agent does not see it, from outside: all that the sandbox has had since the step
/// was sent to it. What its own kernel does for the program is in it, as it is in everybody's.
pub(super) struct CpuWatch<'c> {
    controls: &'c dyn Controls,
    had_before: Duration,
    limit: Duration,
    looked: Instant,
    /// Cancelled when the limit is passed, which ends the program.
    is_past: CancellationToken,
}

impl<'c> CpuWatch<'c> {
    pub fn new(controls: &'c dyn Controls, had_before: Duration, limit: Duration, is_past: CancellationToken) -> Self {
        Self { controls, had_before, limit, looked: Instant::now(), is_past }
    }

    fn used(&self) -> Duration {
        self.controls.cpu_time().unwrap_or_default().saturating_sub(self.had_before)
    }

    pub fn next_look(&self) -> Instant {
        self.looked + CPU_PERIOD
    }

    pub fn look(&mut self) -> Result<(), Lost> {
        self.looked = Instant::now();
        // A sandbox that is a process of the host's, and was killed by it, may not even hang up.
        if self.controls.has_killed() {
            return Err(Lost::OutOfMemory);
        }
        if self.used() > self.limit {
            self.is_past.cancel();
        }
        Ok(())
    }

    /// What the agent could not know.
    pub fn complete(&self, ended: &mut protocol::Ended) {
        let used = self.used();
        ended.cpu_ns = nanoseconds(used);
        if ended.stopped == Some(protocol::Stop::Asked) && used > self.limit {
            ended.stopped = Some(protocol::Stop::CpuTime);
        }
    }
}

/// An agent that is still silent so long after the limit is lost. Whose doing that is the sandbox's processor time tells:
/// who keeps the agent from its work is at work himself.
pub(super) async fn patiently<T>(
    limit: Duration,
    controls: &dyn Controls,
    hear: impl Future<Output = Result<T, Lost>>,
) -> Result<T, Lost> {
    let mut hear = pin!(hear);
    if let Ok(heard) = timeout(limit, relieved(controls, &mut hear)).await {
        return heard;
    }
    let had = controls.cpu_time();
    match timeout(VERDICT_PATIENCE, hear).await {
        Ok(heard) => heard,
        Err(_) if had.is_some() && controls.cpu_time() == had => Err(Lost::Frozen),
        Err(_) => Err(Lost::Silent),
    }
}

/// Sees to it that an agent can end a job that has taken all memory: once the kernel kills for want of it, the sandbox is bound
/// by no quota of processor time any more. Its job has a few moments left, and then it is gone.
async fn relieved<T>(controls: &dyn Controls, mut hear: impl Future<Output = T> + Unpin) -> T {
    loop {
        match timeout(MEMORY_PERIOD, &mut hear).await {
            Ok(heard) => return heard,
            Err(_) if controls.has_killed() => break,
            Err(_) => {}
        }
    }
    controls.relieve();
    hear.await
}
