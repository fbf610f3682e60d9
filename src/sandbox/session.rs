//! The conversation with one agent. What it says is untrusted: every frame is bounded, every stream is capped here as
//! well, every wait has an end, and anything out of turn loses the sandbox.

use std::{io, pin::pin, time::Duration};

use caisson_protocol as protocol;
use futures_util::FutureExt;
use protocol::{FromAgent, Hello, Stream, ToAgent};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    net::UnixStream,
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::{
    engine::{Beside, Controls, Link},
    job::{Arming, Captured, Limits, MOST_KEPT_BYTES, Output, Overflow, SourceFile, Step, Work, WorkPath},
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
    /// What waits there for its source.
    armed: Option<Arming>,
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
        let mut session = Self { ear, writer, controls, has_run: false, keeps: false, armed: None };
        let first = match session.ear.next(|message, _| Ok(message)).await {
            Err(Lost::Frame(_)) => return Err(Lost::NoAgent(session.words())),
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
        let armed = self.armed.take();
        let feeds = joint.is_none() && armed.as_ref().is_some_and(|armed| armed.fits(files, step, work));
        let mut request = Vec::new();
        let disarms = armed.is_some() && !feeds;
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
        let beside = match (self.keeps || work == Work::Kept, has_run) {
            (true, _) => Beside::Kept,
            (false, true) => Beside::Used,
            // What is armed is the step's.
            (false, false) => Beside::Agent,
        };
        self.controls.allot(step.limits.memory_bytes, beside).await;
        self.keeps |= matches!(work, Work::OriginalsToKeep | Work::OriginalsToCache);
        order(step, wire_step(step, work, joint.is_some(), feeds), &mut request);
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
        order(step, wire_step(step, Work::Originals, false, false), &mut request);
        let had_before = self.cpu_time();
        self.deliver(&request).await?;
        self.prepared().await?;
        let result = self.hear(step, had_before, None).await;
        self.ear.answered = false;
        result
    }

    /// Has a program started that waits for its source. Where it does not come to that, jobs have theirs started late.
    pub async fn arm(&mut self, arming: &Arming) -> Result<(), Lost> {
        // It may look at how much memory there is, and is to see what a job's program sees.
        self.controls.allot(arming.step.limits.memory_bytes, Beside::Agent).await;
        let mut request = Vec::new();
        let step = wire_step(&arming.step, Work::Originals, false, false);
        protocol::encode(&ToAgent::Arm { entry: arming.entry.to_string(), step }, &[], &mut request);
        self.deliver(&request).await?;
        let armed = self.ear.next(|message, _| match message {
            FromAgent::Armed(armed) => Ok(armed),
            FromAgent::Failed(words) => Err(Lost::Failed(words)),
            _ => Err(Lost::OutOfTurn("no answer to an arming")),
        });
        match armed.await? {
            Ok(()) => self.armed = Some(arming.clone()),
            Err(reason) => debug!(reason, "a program could not be armed"),
        }
        self.ear.answered = false;
        Ok(())
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

fn wire_step(step: &Step, work: Work, joined: bool, feed: bool) -> protocol::Step {
    let Step { argv, env, stdin: _, limits, overflow, output, arm: _ } = step;
    protocol::Step {
        argv: argv.to_vec(),
        env: env.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        keep: matches!(work, Work::OriginalsToKeep | Work::OriginalsToCache),
        feed,
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
mod tests {
    use std::sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    };

    use futures_util::future::BoxFuture;
    use tokio::io::DuplexStream;

    use super::*;
    use crate::engine::Proven;

    #[derive(Debug, Default)]
    struct Host {
        /// What it sees, in milliseconds; nothing when absent.
        cpu: Option<Arc<AtomicU64>>,
        shortcut: Mutex<Option<UnixStream>>,
        has_killed: bool,
        relieved: Arc<AtomicU64>,
    }

    impl Host {
        fn that_sees(cpu: Option<&Arc<AtomicU64>>) -> Self {
            Self { cpu: cpu.map(Arc::clone), ..Self::default() }
        }
    }

    impl Controls for Host {
        fn allot<'a>(&'a mut self, _: u64, _: Beside) -> BoxFuture<'a, ()> {
            Box::pin(async {})
        }

        fn shortcut(&self, agent_uid: u32, descriptor: i32) -> Option<UnixStream> {
            assert_eq!((agent_uid, descriptor), (2, 7));
            self.shortcut.lock().unwrap().take()
        }

        fn cpu_time(&self) -> Option<Duration> {
            self.cpu.as_ref().map(|cpu| Duration::from_millis(cpu.load(Ordering::Relaxed)))
        }

        fn memory_in_use(&self) -> Option<u64> {
            None
        }

        fn has_killed(&self) -> bool {
            self.has_killed
        }

        fn relieve(&self) {
            self.relieved.fetch_add(1, Ordering::Relaxed);
        }

        fn ran_out_of_memory(&self) -> BoxFuture<'_, bool> {
            Box::pin(async { false })
        }
    }

    /// A conversation, and the agent's end of it.
    fn link(host: Host) -> (Link, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let (reader, writer) = tokio::io::split(ours);
        (
            Link {
                reader: Box::new(reader),
                writer: Box::new(writer),
                controls: Box::new(host),
                proven: Proven::default(),
            },
            theirs,
        )
    }

    async fn say(agent: &mut (impl AsyncWrite + Unpin), message: &FromAgent) {
        let mut bytes = Vec::new();
        protocol::encode(message, &[], &mut bytes);
        agent.write_all(&bytes).await.unwrap();
    }

    async fn hear(agent: &mut (impl AsyncRead + Unpin)) -> ToAgent {
        let mut bytes = Vec::new();
        loop {
            if let Some((body, _)) = protocol::split(&bytes).unwrap() {
                return protocol::decode::<ToAgent>(body).unwrap().0;
            }
            bytes.push(agent.read_u8().await.unwrap());
        }
    }

    fn step() -> Step {
        let limits = Limits {
            cpu_time: Duration::from_millis(100),
            wall_time: Duration::from_secs(5),
            memory_bytes: 1 << 20,
            output_bytes: 100,
            processes: 1,
            file_size_bytes: 1,
            open_files: 1,
            stack_bytes: 1,
        };
        Step {
            argv: ["./main".to_owned()].into(),
            env: [].into(),
            stdin: Vec::new(),
            limits,
            overflow: Overflow::Cut,
            output: Output::Apart,
            arm: crate::job::Arm::Auto,
        }
    }

    fn hello(sees_cpu: bool, shortcut: Option<i32>) -> FromAgent {
        FromAgent::Hello(Hello { protocol: protocol::VERSION, agent_uid: 2, job_uid: 1, sees_cpu, shortcut })
    }

    #[tokio::test]
    async fn a_conversation_goes_on_over_a_shortcut_and_ends_with_the_engines_stream() {
        let (ours, mut shortcut) = UnixStream::pair().unwrap();
        let (link, mut agent) = link(Host { shortcut: Mutex::new(Some(ours)), ..Host::default() });
        say(&mut agent, &hello(true, Some(7))).await;
        let moves = async {
            assert_eq!(hear(&mut agent).await, ToAgent::TakeShortcut);
            say(&mut shortcut, &FromAgent::TookShortcut).await;
        };
        let (session, ()) = tokio::join!(Session::greet(link, 2, 1), moves);
        let mut session = session.unwrap();
        let fetch = async {
            assert!(matches!(hear(&mut shortcut).await, ToAgent::Export));
            say(&mut shortcut, &FromAgent::Fetched(Ok(()))).await;
        };
        let (exported, ()) = tokio::join!(session.export(), fetch);
        assert_eq!(exported.unwrap(), Ok(Vec::new()));
        assert!(session.is_quiet());
        drop(shortcut);
        drop(agent);
        assert!(session.export().await.unwrap_err().is_sudden());
    }

    #[tokio::test]
    async fn without_a_shortcut_the_engines_stream_is_as_good() {
        let (link, mut agent) = link(Host::that_sees(None));
        say(&mut agent, &hello(true, Some(7))).await;
        let mut session = Session::greet(link, 2, 1).await.unwrap();
        let fetch = async {
            assert!(matches!(hear(&mut agent).await, ToAgent::Export));
            say(&mut agent, &FromAgent::Fetched(Ok(()))).await;
        };
        let (exported, ()) = tokio::join!(session.export(), fetch);
        assert_eq!(exported.unwrap(), Ok(Vec::new()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_sees_no_processor_time_is_told_when_it_is_used_up() {
        let cpu = Arc::new(AtomicU64::new(70));
        let (link, mut agent) = link(Host::that_sees(Some(&cpu)));
        say(&mut agent, &hello(false, None)).await;
        let mut session = Session::greet(link, 2, 1).await.unwrap();
        let step = step();
        let program = async {
            assert!(matches!(hear(&mut agent).await, ToAgent::Prepare(_)));
            say(&mut agent, &FromAgent::Prepared).await;
            assert!(matches!(hear(&mut agent).await, ToAgent::Run(_)));
            // All of its time and no more is fine.
            cpu.store(170, Ordering::Relaxed);
            assert!(timeout(Duration::from_millis(50), agent.read_u8()).await.is_err());
            cpu.store(171, Ordering::Relaxed);
            assert_eq!(hear(&mut agent).await, ToAgent::Stop);
            cpu.store(173, Ordering::Relaxed);
            let ended = protocol::Ended {
                exit: protocol::Exit::Signal(9),
                stopped: Some(protocol::Stop::Asked),
                cpu_ns: 0,
                wall_ns: 1,
                memory_peak_bytes: 1,
                oom_kills: 0,
                forks_refused: 0,
                stdout_cut: false,
                stderr_cut: false,
                not_kept: false,
                kept_bytes: 0,
                armed: false,
            };
            say(&mut agent, &FromAgent::Ended(ended)).await;
        };
        let (raw, ()) = tokio::join!(session.run(&[], &step, Work::Originals, None), program);
        let ended = raw.unwrap().ended;
        assert_eq!((ended.cpu_ns, ended.stopped), (103_000_000, Some(protocol::Stop::CpuTime)));
    }

    /// What becomes of a step whose agent falls silent, while its sandbox uses processor time or not.
    async fn of_silence(is_busy: bool) -> Lost {
        let cpu = Arc::new(AtomicU64::new(70));
        let (link, mut agent) = link(Host::that_sees(Some(&cpu)));
        say(&mut agent, &hello(true, None)).await;
        let mut session = Session::greet(link, 2, 1).await.unwrap();
        let program = async {
            say(&mut agent, &FromAgent::Prepared).await;
            loop {
                tokio::time::sleep(Duration::from_millis(100)).await;
                cpu.fetch_add(u64::from(is_busy), Ordering::Relaxed);
            }
        };
        let step = step();
        tokio::select! {
            result = session.run(&[], &step, Work::Originals, None) => result.unwrap_err(),
            () = program => unreachable!("it has no end"),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_silence_is_the_programs_doing_only_where_something_is_done() {
        assert!(matches!(of_silence(true).await, Lost::Silent));
        assert!(matches!(of_silence(false).await, Lost::Frozen));
    }

    /// How often a sandbox was relieved whose program ran for a while.
    async fn relieved(has_killed: bool) -> u64 {
        let relieved = Arc::default();
        let host = Host { has_killed, relieved: Arc::clone(&relieved), ..Host::default() };
        let (link, mut agent) = link(host);
        say(&mut agent, &hello(true, None)).await;
        let mut session = Session::greet(link, 2, 1).await.unwrap();
        let program = async {
            say(&mut agent, &FromAgent::Prepared).await;
            tokio::time::sleep(4 * MEMORY_PERIOD).await;
            say(&mut agent, &FromAgent::Failed(String::new())).await;
        };
        let step = step();
        let (raw, ()) = tokio::join!(session.run(&[], &step, Work::Originals, None), program);
        assert!(matches!(raw, Err(Lost::Failed(_))));
        relieved.load(Ordering::Relaxed)
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_no_memory_left_waits_for_no_processor() {
        assert_eq!((relieved(true).await, relieved(false).await), (1, 0));
    }

    #[tokio::test]
    async fn a_sandbox_whose_processor_time_nobody_sees_is_not_used() {
        let (link, mut agent) = link(Host::that_sees(None));
        say(&mut agent, &hello(false, None)).await;
        assert!(matches!(Session::greet(link, 2, 1).await, Err(Lost::Unmetered)));
    }

    #[tokio::test]
    async fn what_an_engine_says_in_place_of_the_agent_is_told() {
        let (link, mut theirs) = link(Host::that_sees(None));
        theirs.write_all(b"OCI runtime exec failed:\tno such file\r\n").await.unwrap();
        let lost = Session::greet(link, 2, 1).await.unwrap_err();
        assert_eq!(lost.to_string(), "in place of the agent came: OCI runtime exec failed: no such file");
    }
}
