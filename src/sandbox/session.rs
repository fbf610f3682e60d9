//! The conversation with one agent. What it says is untrusted: every frame is bounded, every stream is capped here as
//! well, every wait has an end, and anything out of turn loses the sandbox.

use std::{io, pin::pin, time::Duration};

use caisson_protocol as protocol;
use futures_util::FutureExt;
use protocol::{FromAgent, Hello, Start, Stream, ToAgent};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::UnixStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    engine::{Beside, Controls, Link},
    job::{Arming, Captured, Limits, MOST_KEPT_BYTES, Output, Overflow, SourceFile, Step, Successor, Work, WorkPath},
};

/// The processor time of a step whose agent does not see it, from outside: all that the sandbox has had since the step
/// was sent to it. What its own kernel does for the program is in it, as it is in everybody's.
struct CpuWatch<'c> {
    controls: &'c dyn Controls,
    had_before: Duration,
    limit: Duration,
    looked: Instant,
    /// Cancelled when the limit is passed, which ends the program.
    is_past: CancellationToken,
}

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

/// What comes from the agent.
struct Ear {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    received: Vec<u8>,
    answered: bool,
    /// Whether the agent sees what processor time is used. Otherwise we look, and tell it when there is none left.
    sees_cpu: bool,
}

/// Where the standard streams of a joined program come from and go to, while it runs.
pub struct Joint {
    pub input: DuplexStream,
    /// Large enough for all that the program may write: nobody waits here for a reader.
    pub output: DuplexStream,
    /// Ends the program.
    pub stop: CancellationToken,
}

/// What the agent says of a step that ended, and the output that came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub ended: protocol::Ended,
    pub stdout: Captured,
    pub stderr: Captured,
}

/// The agent is lost, and with it its sandbox.
#[derive(Debug, thiserror::Error)]
pub enum Lost {
    #[error("the agent hung up")]
    HungUp,
    #[error("the stream to the agent broke")]
    Broken(#[source] io::Error),
    #[error("the agent sent what is no frame")]
    Frame(#[source] protocol::Fault),
    /// An engine that cannot start the agent says why on the stream that was to be the agent's.
    #[error("in place of the agent came: {0}")]
    NoAgent(String),
    #[error("the agent speaks out of turn: {0}")]
    OutOfTurn(&'static str),
    #[error("the agent speaks protocol {0}, this server {ours}; build the images again", ours = protocol::VERSION)]
    Version(u16),
    #[error("the agent has uid {agent_uid} and its job {job_uid}, which is not what was asked for")]
    Uids { agent_uid: u32, job_uid: u32 },
    /// A limit that nobody could enforce.
    #[error("nobody sees its processor time: its runtime shows it no control group, and the engine's host is another")]
    Unmetered,
    #[error("the agent failed: {0}")]
    Failed(String),
    /// It did not take what it was sent, or do what had to be done before.
    #[error("the agent does not get on with its work")]
    Deaf,
    #[error("the agent is gone, and the kernel had killed for want of memory")]
    OutOfMemory,
    /// Nothing came in time, though the time limit had passed.
    #[error("the agent went silent")]
    Silent,
    /// The same, and nothing in its sandbox had a moment of processor time meanwhile: it was frozen from outside, or the host
    /// had none for it.
    #[error("nothing in the sandbox gets on any more")]
    Frozen,
}

/// How long the agent may take to accept what a job sends: at most some megabytes into memory.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

/// How long past the wall limit the agent's own verdict is waited for. Too small and a loaded host takes verdicts from
/// the agent, too large and a lost agent holds up its request.
const VERDICT_PATIENCE: Duration = Duration::from_secs(1);

/// How long the work directory may take: thousands of files to remove, some ten megabytes to write.
const PREPARE_PATIENCE: Duration = Duration::from_secs(10);

/// How often a [`CpuWatch`] is looked at: as often as an agent that sees for itself does.
const CPU_PERIOD: Duration = Duration::from_millis(5);

/// How often a sandbox is looked at for processes that the kernel has killed for want of memory. Seldom enough to cost nothing.
const MEMORY_PERIOD: Duration = Duration::from_millis(50);

/// What a successor is taken to need, in bytes, where its sandbox's memory cannot be seen from here: a virtual machine that waits
/// has 16 MiB.
const UNSEEN_SUCCESSOR: u64 = 32 << 20;
const FETCH_PATIENCE: Duration = Duration::from_secs(5);

/// How long a program that closed its output is given to end, before whoever reads from it learns of the one without the
/// other. So the end of the first is known before the second can follow for want of a partner.
const CLOSE_PATIENCE: Duration = Duration::from_millis(100);

const READ: usize = 64 * 1024;

/// How much of what is no frame is told.
const WORDS: usize = 300;

impl CpuWatch<'_> {
    fn used(&self) -> Duration {
        self.controls.cpu_time().unwrap_or_default().saturating_sub(self.had_before)
    }

    fn next_look(&self) -> Instant {
        self.looked + CPU_PERIOD
    }

    fn look(&mut self) -> Result<(), Lost> {
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
    fn complete(&self, ended: &mut protocol::Ended) {
        let used = self.used();
        ended.cpu_ns = nanoseconds(used);
        if ended.stopped == Some(protocol::Stop::Asked) && used > self.limit {
            ended.stopped = Some(protocol::Stop::CpuTime);
        }
    }
}

impl Lost {
    /// Whether it left without a word, as one does who is killed.
    fn is_sudden(&self) -> bool {
        matches!(self, Self::HungUp | Self::Broken(_))
    }

    /// Whether it may be nobody's doing, before the program began.
    pub fn is_nobodys_verdict(&self) -> bool {
        !matches!(self, Self::Silent | Self::Frozen | Self::OutOfMemory)
    }
}

impl Session {
    /// Hears the agent's hello and checks that it is the one that was asked for.
    pub async fn greet(link: Link, agent_uid: u32, job_uid: u32) -> Result<Self, Lost> {
        let Link { reader, writer, controls, proven: _ } = link;
        let ear = Ear { reader, received: Vec::new(), answered: false, sees_cpu: true };
        let mut session = Self {
            ear,
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
            Err(Lost::Frame(_)) => return Err(session.stranger()),
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
            FromAgent::Failed(words) => Err(Lost::Failed(words)),
            _ => Err(Lost::OutOfTurn("no hello")),
        }
    }

    /// Who said what cannot be read: an agent of another version, or none.
    fn stranger(&self) -> Lost {
        let frame = protocol::split(&self.ear.received).ok().flatten();
        match frame.and_then(|(body, _)| protocol::version_of(body)) {
            Some(version) if version != protocol::VERSION => Lost::Version(version),
            _ => Lost::NoAgent(self.words()),
        }
    }

    /// Goes on over a socket, without the engine's stream between.
    async fn take_shortcut(&mut self, socket: UnixStream) -> Result<(), Lost> {
        let mut request = Vec::new();
        protocol::encode(&ToAgent::TakeShortcut, &[], &mut request);
        self.deliver(&request).await?;
        let (reader, writer) = socket.into_split();
        self.writer = Box::new(writer);
        // The engine's stream stays behind it: it ends with the agent, and brings its last words.
        let engines = std::mem::replace(&mut self.ear.reader, Box::new(tokio::io::empty()));
        self.ear.reader = Box::new(reader.chain(engines));
        let taken = self.ear.next(|message, _| match message {
            FromAgent::TookShortcut => Ok(()),
            FromAgent::Failed(words) => Err(Lost::Failed(words)),
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
        let mut byte = [0];
        self.ear.received.is_empty() && self.ear.reader.read(&mut byte).now_or_never().is_none()
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
            FromAgent::Failed(words) => Err(Lost::Failed(words)),
            _ => Err(Lost::OutOfTurn("no answer to an arming")),
        });
        let armed = armed.await?;
        if let Err(reason) = &armed {
            warn!(reason, "a program could not be armed");
        }
        Ok(armed.is_ok())
    }

    /// What was heard and not understood, as one line for the operator.
    fn words(&self) -> String {
        let heard = String::from_utf8_lossy(&self.ear.received[..self.ear.received.len().min(WORDS)]);
        heard.trim_end().replace(char::is_control, " ")
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
        let cpu = (!self.ear.sees_cpu).then(|| CpuWatch {
            controls: &*self.controls,
            had_before,
            limit: step.limits.cpu_time,
            looked: Instant::now(),
            is_past: stop.clone(),
        });
        let over = CancellationToken::new();
        // Both to their end: half a frame must not be left on the stream.
        let both = async {
            let hear = async {
                let _over = over.clone().drop_guard();
                self.ear.hear_out(step, output, cpu).await
            };
            let (heard, fed) = tokio::join!(hear, feed(&mut self.writer, input, &stop, &over));
            fed.map_err(Lost::Broken).and(heard)
        };
        patiently(limit, &*self.controls, both).await
    }

    /// The work directory is ready. This is no word about the job: nothing of it has run for it.
    async fn prepared(&mut self) -> Result<(), Lost> {
        let prepared = self.ear.next(|message, _| match message {
            FromAgent::Prepared => Ok(()),
            FromAgent::Failed(words) => Err(Lost::Failed(words)),
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
                FromAgent::Failed(words) => Err(Lost::Failed(words)),
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

/// A part of a step.
enum Heard {
    More,
    OutputEnd,
    Ended(protocol::Ended),
}

impl Ear {
    /// All of a step. What it writes to its standard output goes to `joined` as well, as it comes; `cpu` is looked at where
    /// the agent cannot.
    async fn hear_out(
        &mut self,
        step: &Step,
        mut joined: Option<DuplexStream>,
        mut cpu: Option<CpuWatch<'_>>,
    ) -> Result<Raw, Lost> {
        let (mut stdout, mut stderr) = (Captured::default(), Captured::default());
        let cap = usize::try_from(step.limits.output_bytes).unwrap_or(usize::MAX);
        let mut closes_at = None;
        loop {
            let passed_on = stdout.bytes.len();
            let next = self.next(|message, payload| match message {
                FromAgent::Output(stream) => {
                    let captured = match stream {
                        Stream::Stdout => &mut stdout,
                        Stream::Stderr => &mut stderr,
                    };
                    if captured.bytes.len() + payload.len() > cap {
                        return Err(Lost::OutOfTurn("more output than was allowed"));
                    }
                    captured.bytes.extend_from_slice(payload);
                    Ok(Heard::More)
                }
                FromAgent::OutputEnd => Ok(Heard::OutputEnd),
                FromAgent::Running => Ok(Heard::More),
                FromAgent::Ended(ended) => Ok(Heard::Ended(ended)),
                FromAgent::Failed(words) => Err(Lost::Failed(words)),
                FromAgent::Hello(_)
                | FromAgent::TookShortcut
                | FromAgent::Prepared
                | FromAgent::Artifact
                | FromAgent::Fetched(_)
                | FromAgent::Imported
                | FromAgent::Armed(_) => Err(Lost::OutOfTurn("no part of a run")),
            });
            // A message that is half here stays here.
            let wakes_at = [closes_at.filter(|_| joined.is_some()), cpu.as_ref().map(CpuWatch::next_look)];
            let heard = match wakes_at.into_iter().flatten().min() {
                Some(at) => timeout_at(at, next).await.unwrap_or(Ok(Heard::More))?,
                None => next.await?,
            };
            if closes_at.is_some_and(|at| at <= Instant::now()) {
                joined = None;
            }
            if let Some(cpu) = cpu.as_mut().filter(|cpu| cpu.next_look() <= Instant::now()) {
                cpu.look()?;
            }
            if let (Some(other), true) = (&mut joined, stdout.bytes.len() > passed_on) {
                // Who is not there to read it any more is no fault of the program.
                let _ = other.write_all(&stdout.bytes[passed_on..]).await;
            }
            match heard {
                Heard::More => {}
                Heard::OutputEnd => closes_at = closes_at.or(Some(Instant::now() + CLOSE_PATIENCE)),
                Heard::Ended(mut ended) => {
                    if let Some(cpu) = &cpu {
                        cpu.complete(&mut ended);
                    }
                    stdout.truncated = ended.stdout_cut;
                    stderr.truncated = ended.stderr_cut;
                    return Ok(Raw { ended, stdout, stderr });
                }
            }
        }
    }

    async fn hear_file(&mut self, max_bytes: u64) -> Result<Result<Vec<u8>, String>, Lost> {
        let mut content = Vec::new();
        loop {
            let end = self
                .next(|message, payload| match message {
                    FromAgent::Artifact if (content.len() + payload.len()) as u64 <= max_bytes => {
                        content.extend_from_slice(payload);
                        Ok(None)
                    }
                    FromAgent::Artifact => Err(Lost::OutOfTurn("more of a file than was allowed")),
                    FromAgent::Fetched(result) => Ok(Some(result)),
                    FromAgent::Failed(words) => Err(Lost::Failed(words)),
                    FromAgent::Hello(_)
                    | FromAgent::TookShortcut
                    | FromAgent::Prepared
                    | FromAgent::Running
                    | FromAgent::Output(_)
                    | FromAgent::OutputEnd
                    | FromAgent::Ended(_)
                    | FromAgent::Imported
                    | FromAgent::Armed(_) => Err(Lost::OutOfTurn("no part of a file")),
                })
                .await?;
            if let Some(result) = end {
                return Ok(result.map(|()| content));
            }
        }
    }

    /// Waits for a frame and hands it to `take`.
    async fn next<T>(&mut self, take: impl FnOnce(FromAgent, &[u8]) -> Result<T, Lost>) -> Result<T, Lost> {
        loop {
            if let Some((body, length)) = protocol::split(&self.received).map_err(Lost::Frame)? {
                let (message, payload) = protocol::decode(body).map_err(Lost::Frame)?;
                let taken = take(message, payload);
                self.received.drain(..length);
                self.answered = true;
                return taken;
            }
            self.received.reserve(READ);
            if self.reader.read_buf(&mut self.received).await.map_err(Lost::Broken)? == 0 {
                return Err(Lost::HungUp);
            }
        }
    }
}

/// An agent that is still silent so long after the limit is lost. Whose doing that is the sandbox's processor time tells:
/// who keeps the agent from its work is at work himself.
async fn patiently<T>(
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

/// Passes on what comes, until the step is over.
async fn feed(
    writer: &mut (impl AsyncWrite + Unpin),
    mut input: Option<DuplexStream>,
    stop: &CancellationToken,
    over: &CancellationToken,
) -> io::Result<()> {
    let mut piece = vec![0; protocol::PIECE];
    let mut frame = Vec::new();
    let mut may_go_on = true;
    loop {
        frame.clear();
        tokio::select! {
            biased;
            () = over.cancelled() => return Ok(()),
            () = stop.cancelled(), if may_go_on => {
                may_go_on = false;
                protocol::encode(&ToAgent::Stop, &[], &mut frame);
            }
            read = read_from(&mut input, &mut piece) => match read? {
                0 => {
                    input = None;
                    protocol::encode(&ToAgent::FeedEnd, &[], &mut frame);
                }
                read => protocol::encode(&ToAgent::Feed, &piece[..read], &mut frame),
            }
        }
        writer.write_all(&frame).await?;
        writer.flush().await?;
    }
}

/// Waits for ever where there is nothing to read from.
async fn read_from(input: &mut Option<DuplexStream>, piece: &mut [u8]) -> io::Result<usize> {
    match input {
        Some(input) => input.read(piece).await,
        None => std::future::pending().await,
    }
}

/// What comes before a step.
fn prepare(files: &[SourceFile], step: &Step, work: Work, bytes: &mut Vec<u8>) {
    let bulk: usize = files.iter().map(|file| file.content.len()).sum::<usize>() + step.stdin.len();
    bytes.reserve(bulk + 4096);
    for file in files {
        let begin = ToAgent::File { path: file.path.to_string() };
        protocol::encode_pieces(&begin, &ToAgent::More, &file.content, bytes);
    }
    let work = match work {
        Work::Originals | Work::OriginalsToKeep | Work::OriginalsToCache => protocol::Work::Originals,
        Work::Left => protocol::Work::Left,
        Work::Kept => protocol::Work::Kept,
    };
    protocol::encode(&ToAgent::Prepare(work), &[], bytes);
}

/// The step itself, with its input.
fn order(step: &Step, wired: protocol::Step, bytes: &mut Vec<u8>) {
    if !step.stdin.is_empty() {
        protocol::encode_pieces(&ToAgent::Stdin, &ToAgent::Stdin, &step.stdin, bytes);
    }
    protocol::encode(&ToAgent::Run(wired), &[], bytes);
}

fn wire_step(step: &Step, work: Work, joined: bool, start: Start) -> protocol::Step {
    let Step { argv, env: _, stdin: _, limits, overflow, output, arm: _ } = step;
    protocol::Step {
        argv: argv.to_vec(),
        env: step.environment(),
        keep: work.keeps(),
        start,
        joined,
        merge_stderr: *output == Output::Merged,
        overflow: match overflow {
            Overflow::Cut => protocol::Overflow::Cut,
            Overflow::Kill => protocol::Overflow::Kill,
        },
        limits: wire_limits(limits),
    }
}

fn wire_limits(limits: &Limits) -> protocol::Limits {
    let Limits { cpu_time, wall_time, memory_bytes, output_bytes, processes, file_size_bytes, open_files, stack_bytes } =
        *limits;
    protocol::Limits {
        cpu_ns: nanoseconds(cpu_time),
        wall_ns: nanoseconds(wall_time),
        memory_bytes,
        output_bytes,
        processes: u32::try_from(processes).unwrap_or(u32::MAX),
        file_size_bytes,
        open_files,
        stack_bytes,
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
