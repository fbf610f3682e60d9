//! The conversation with one agent. What it says is untrusted: every frame is bounded, every stream is capped here as
//! well, every wait has an end, and anything out of turn loses the sandbox.

mod ear;
mod joint;
mod lost;
mod patience;
mod wire;

use std::time::Duration;

use caisson_protocol as protocol;
use protocol::{FromAgent, Hello, Start, ToAgent};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::{
    ear::Ear,
    patience::{CpuWatch, patiently},
    wire::{order, prepare, wire_step},
};
pub use self::{ear::Raw, joint::Joint, lost::Lost};
use crate::{
    engine::{Beside, Controls, Link},
    job::{Arming, MOST_KEPT_BYTES, SourceFile, Step, Successor, Work, WorkPath},
};

pub struct Session {
    ear: Ear,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    controls: Box<dyn Controls>,
    /// A step of the job's.
    has_run: bool,
    /// PID 1 keeps what a compile made.
    keeps: bool,
    /// What was to be started there, and waits for its source or is copied.
    arming: Option<Arming>,
    /// It waits.
    is_armed: bool,
    /// As does its successor, which takes so many bytes.
    successor: Option<u64>,
    /// The job's files are such as it takes.
    is_taken: bool,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("answered", &self.ear.answered).finish_non_exhaustive()
    }
}

/// How long the agent may take to accept what a job sends: at most some megabytes into memory.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// How long the work directory may take: thousands of files to remove, some ten megabytes to write.
const PREPARE_PATIENCE: Duration = Duration::from_secs(10);

/// What a successor is taken to need, in bytes, where its sandbox's memory cannot be seen from here: a virtual machine that waits
/// has 16 MiB.
const UNSEEN_SUCCESSOR: u64 = 32 << 20;

const FETCH_PATIENCE: Duration = Duration::from_secs(5);

impl Session {
    /// Hears the agent's hello and checks that it is the one that was asked for.
    pub async fn greet(link: Link, agent_uid: u32, job_uid: u32) -> Result<Self, Lost> {
        let Link { reader, writer, controls, proven: _ } = link;
        let mut session = Self {
            ear: Ear::new(reader),
            writer,
            controls,
            has_run: false,
            keeps: false,
            arming: None,
            is_armed: false,
            successor: None,
            is_taken: false,
        };
        let first = match session.ear.next(|message, _| Ok(message)).await {
            Err(Lost::Frame(_)) => return Err(session.ear.stranger()),
            first => first?,
        };
        match first {
            FromAgent::Hello(Hello { protocol, .. }) if protocol != protocol::VERSION => Err(Lost::Version(protocol)),
            FromAgent::Hello(hello) if (hello.agent_uid, hello.job_uid) != (agent_uid, job_uid) => {
                Err(Lost::Uids { agent_uid: hello.agent_uid, job_uid: hello.job_uid })
            }
            FromAgent::Hello(Hello { sees_cpu: false, .. }) if session.controls.cpu_time().is_none() => {
                Err(Lost::Unmetered)
            }
            FromAgent::Hello(hello) => {
                session.ear.sees_cpu = hello.sees_cpu;
                let offered = hello.shortcut;
                if let Some(socket) = offered.and_then(|offered| session.controls.shortcut(agent_uid, offered)) {
                    session.take_shortcut(socket).await?;
                }
                Ok(session)
            }
            _ => Err(Lost::OutOfTurn("no hello")),
        }
    }

    /// Goes on over a socket, without the engine's stream between.
    async fn take_shortcut(&mut self, socket: UnixStream) -> Result<(), Lost> {
        let mut request = Vec::new();
        protocol::encode(&ToAgent::TakeShortcut, &[], &mut request);
        self.deliver(&request).await?;
        let (reader, writer) = socket.into_split();
        self.writer = Box::new(writer);
        self.ear.hear_first(reader);
        let taken = self.ear.next(|message, _| match message {
            FromAgent::TookShortcut => Ok(()),
            _ => Err(Lost::OutOfTurn("it did not take the shortcut")),
        });
        taken.await?;
        self.ear.answered = false;
        Ok(())
    }

    /// Whether the sandbox is on this host.
    pub fn is_here(&self) -> bool {
        self.controls.cpu_time().is_some()
    }

    pub fn memory_in_use(&self) -> Option<u64> {
        self.controls.memory_in_use()
    }

    /// Whether nothing has been heard since the hello. Does not wait.
    pub fn is_quiet(&mut self) -> bool {
        self.ear.is_quiet()
    }

    pub fn has_answered(&self) -> bool {
        self.ear.answered
    }

    /// One step from its first byte to its last. `files` are the job's, before its first step; `joint` is for a program that
    /// talks with another while it runs.
    pub async fn run(
        &mut self,
        files: &[SourceFile],
        step: &Step,
        work: Work,
        joint: Option<Joint>,
    ) -> Result<Raw, Lost> {
        let result = self.run_step(files, step, work, joint).await;
        self.explained(result).await
    }

    async fn run_step(
        &mut self,
        files: &[SourceFile],
        step: &Step,
        work: Work,
        joint: Option<Joint>,
    ) -> Result<Raw, Lost> {
        let was_armed = std::mem::take(&mut self.is_armed);
        let successor = self.successor.take();
        let arming = self.arming.as_ref();
        if !files.is_empty() {
            self.is_taken = arming.is_some_and(|arming| arming.takes(files));
        }
        let feeds = was_armed && joint.is_none() && arming.is_some_and(|arming| arming.fits(files, step, work));
        let waiting = successor.filter(|_| feeds);
        // For the step after, if there is but one.
        self.successor = waiting.filter(|_| !work.keeps());
        let succeeds = successor.is_some() && !was_armed && joint.is_none();
        let start = match arming {
            Some(_) if feeds => Start::Fed,
            Some(Arming { successor: Some(next), .. }) if succeeds && next.fits(step, work) => Start::Successor,
            Some(arming) if arming.fits_copy(self.is_taken, step) => Start::Copy,
            _ => Start::Afresh,
        };
        let mut request = Vec::new();
        let disarms = (was_armed || successor.is_some()) && !matches!(start, Start::Fed | Start::Successor);
        if disarms {
            protocol::encode(&ToAgent::Disarm, &[], &mut request);
        }
        prepare(files, step, work, &mut request);
        let has_run = std::mem::replace(&mut self.has_run, true);
        let clears = has_run || disarms;
        if clears {
            // What was there before is gone before limits are set and clocks run.
            self.deliver(&request).await?;
            self.prepared().await?;
            request.clear();
        }
        let beside = match (self.keeps || work == Work::Kept, has_run, waiting) {
            (true, ..) => Beside::Kept,
            (false, true, _) => Beside::Used { own: successor.filter(|_| start == Start::Successor).unwrap_or(0) },
            (false, false, Some(bytes)) => Beside::Waiting(bytes),
            (false, false, None) => Beside::Agent,
        };
        self.controls.allot(step.limits.memory_bytes, beside).await;
        self.keeps |= work.keeps();
        order(step, wire_step(step, work, joint.is_some(), start), &mut request);
        let had_before = self.cpu_time();
        self.deliver(&request).await?;
        if !clears {
            self.prepared().await?;
        }
        self.hear(step, had_before, joint).await
    }

    /// What was killed for want of memory may have been the agent.
    async fn explained(&mut self, result: Result<Raw, Lost>) -> Result<Raw, Lost> {
        match result {
            Err(lost) if lost.is_sudden() && self.controls.ran_out_of_memory().await => Err(Lost::OutOfMemory),
            result => result,
        }
    }

    /// A step that is nobody's: the next one begins with a clean sandbox again.
    pub async fn rehearse(&mut self, step: &Step) -> Result<Raw, Lost> {
        let mut request = Vec::new();
        prepare(&[], step, Work::Originals, &mut request);
        order(step, wire_step(step, Work::Originals, false, Start::Afresh), &mut request);
        let had_before = self.cpu_time();
        self.deliver(&request).await?;
        self.prepared().await?;
        let result = self.hear(step, had_before, None).await;
        self.ear.answered = false;
        result
    }

    /// Has a program started that waits for its source. Where it does not come to that, jobs have theirs started late.
    pub async fn arm(&mut self, arming: &Arming) -> Result<(), Lost> {
        let successor = match &arming.successor {
            Some(Successor { step, entry }) => {
                let wired = wire_step(step, Work::Left, false, Start::Afresh);
                let order = ToAgent::ArmSuccessor { entry: entry.to_string(), step: wired };
                let before = self.controls.memory_in_use();
                let armed = self.arm_one(step, &order, Beside::Agent).await?;
                let taken = before.zip(self.controls.memory_in_use()).map(|(before, now)| now.saturating_sub(before));
                armed.then(|| taken.unwrap_or(UNSEEN_SUCCESSOR))
            }
            None => None,
        };
        let start = if arming.rules.forks { Start::Copy } else { Start::Afresh };
        let step = wire_step(&arming.started(), Work::Originals, false, start);
        let order = ToAgent::Arm { entry: arming.entry.to_string(), step };
        let beside = successor.map_or(Beside::Agent, Beside::Waiting);
        self.is_armed = self.arm_one(&arming.step, &order, beside).await?;
        // The one does not outlive that the other could not be started.
        self.successor = successor.filter(|_| self.is_armed);
        self.arming = Some(arming.clone());
        self.ear.answered = false;
        Ok(())
    }

    async fn arm_one(&mut self, step: &Step, order: &ToAgent, beside: Beside) -> Result<bool, Lost> {
        // It may look at how much memory there is, and is to see what a job's program sees.
        self.controls.allot(step.limits.memory_bytes, beside).await;
        let mut request = Vec::new();
        protocol::encode(order, &[], &mut request);
        self.deliver(&request).await?;
        let armed = self.ear.next(|message, _| match message {
            FromAgent::Armed(armed) => Ok(armed),
            _ => Err(Lost::OutOfTurn("no answer to an arming")),
        });
        let armed = armed.await?;
        if let Err(reason) = &armed {
            warn!(reason, "a program could not be armed");
        }
        Ok(armed.is_ok())
    }

    /// So far, where it is for us to look.
    fn cpu_time(&self) -> Duration {
        if self.ear.sees_cpu { Duration::ZERO } else { self.controls.cpu_time().unwrap_or_default() }
    }

    async fn hear(&mut self, step: &Step, had_before: Duration, joint: Option<Joint>) -> Result<Raw, Lost> {
        let limit = step.limits.wall_time;
        if joint.is_none() && self.ear.sees_cpu {
            return patiently(limit, &*self.controls, self.ear.hear_out(step, None, None)).await;
        }
        let (input, output, stop) = match joint {
            Some(Joint { input, output, stop }) => (Some(input), Some(output), stop),
            None => (None, None, CancellationToken::new()),
        };
        let cpu = (!self.ear.sees_cpu)
            .then(|| CpuWatch::new(&*self.controls, had_before, step.limits.cpu_time, stop.clone()));
        let over = CancellationToken::new();
        // Both to their end: half a frame must not be left on the stream.
        let both = async {
            let hear = async {
                let _over = over.clone().drop_guard();
                self.ear.hear_out(step, output, cpu).await
            };
            let (heard, fed) = tokio::join!(hear, joint::feed(&mut self.writer, input, &stop, &over));
            fed.map_err(Lost::Broken).and(heard)
        };
        patiently(limit, &*self.controls, both).await
    }

    /// The work directory is ready. This is no word about the job: nothing of it has run for it.
    async fn prepared(&mut self) -> Result<(), Lost> {
        let prepared = self.ear.next(|message, _| match message {
            FromAgent::Prepared => Ok(()),
            _ => Err(Lost::OutOfTurn("no part of a preparation")),
        });
        let result = timeout(PREPARE_PATIENCE, prepared).await.map_err(|_| Lost::Deaf)?;
        self.ear.answered = false;
        result
    }

    /// A regular file from the work directory, at most `max_bytes` of it, or the agent's reason why not.
    pub async fn fetch(&mut self, path: &WorkPath, max_bytes: u64) -> Result<Result<Vec<u8>, String>, Lost> {
        let mut request = Vec::new();
        protocol::encode(&ToAgent::Fetch { path: path.to_string(), max_bytes }, &[], &mut request);
        self.bring(request, max_bytes).await
    }

    /// What the agent keeps, to be kept in another sandbox as well.
    pub async fn export(&mut self) -> Result<Result<Vec<u8>, String>, Lost> {
        let mut request = Vec::new();
        protocol::encode(&ToAgent::Export, &[], &mut request);
        self.bring(request, MOST_KEPT_BYTES).await
    }

    async fn bring(&mut self, request: Vec<u8>, max_bytes: u64) -> Result<Result<Vec<u8>, String>, Lost> {
        timeout(FETCH_PATIENCE, async {
            self.send(&request).await?;
            self.ear.hear_file(max_bytes).await
        })
        .await
        .map_err(|_| Lost::Silent)?
    }

    /// Has the agent keep what another exported.
    pub async fn import(&mut self, kept: &[u8]) -> Result<(), Lost> {
        timeout(SEND_PATIENCE, async {
            let mut frame = Vec::new();
            // The last piece may have no byte: so has everything where nothing was kept.
            let pieces = kept.chunks(protocol::PIECE).map(|piece| (false, piece)).chain([(true, &[][..])]);
            for (last, piece) in pieces {
                frame.clear();
                protocol::encode(&ToAgent::Import { last }, piece, &mut frame);
                self.send(&frame).await?;
            }
            let imported = self.ear.next(|message, _| match message {
                FromAgent::Imported => Ok(()),
                _ => Err(Lost::OutOfTurn("no part of an import")),
            });
            imported.await
        })
        .await
        .map_err(|_| Lost::Deaf)??;
        // Nothing of the job's has run for it.
        self.ear.answered = false;
        Ok(())
    }

    async fn deliver(&mut self, request: &[u8]) -> Result<(), Lost> {
        timeout(SEND_PATIENCE, self.send(request)).await.map_err(|_| Lost::Deaf)?
    }

    async fn send(&mut self, request: &[u8]) -> Result<(), Lost> {
        self.ear.answered = false;
        self.writer.write_all(request).await.map_err(Lost::Broken)?;
        self.writer.flush().await.map_err(Lost::Broken)
    }
}

#[cfg(test)]
mod tests;
