//! The fake engine behind a relay that does what a real agent does at the edge of its sandbox and the fake's does not:
//! it cuts output at the cap, ends who must not go on, keeps files for `Fetch`. It notes what reached the sandbox.
//!
//! A file whose content begins with `link` stands for a symbolic link.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex},
};

use caisson::engine::{
    Destroy, Engine, EngineError, EngineInfo, Link, Listed, SandboxId, SandboxSpec, Weight, fake::FakeEngine,
};
use caisson_protocol::{self as protocol, Ended, Exit, FromAgent, Overflow, Step, Stop, Stream, ToAgent};
use futures_util::future::BoxFuture;
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream},
    sync::watch,
};

#[derive(Debug, Clone)]
pub struct Relay {
    pub fake: FakeEngine,
    given: Arc<Mutex<Vec<Given>>>,
    /// How many steps have been begun, for those who wait for one.
    begun: watch::Sender<usize>,
    /// While it is false nothing is created.
    open: watch::Sender<bool>,
}

/// What a sandbox was handed for one step.
#[derive(Debug, Clone)]
pub struct Given {
    pub files: BTreeMap<String, Vec<u8>>,
    pub stdin: Vec<u8>,
    pub step: Step,
    pub work: protocol::Work,
}

impl Default for Relay {
    fn default() -> Self {
        Self {
            fake: FakeEngine::new(),
            given: Arc::default(),
            begun: watch::Sender::new(0),
            open: watch::Sender::new(true),
        }
    }
}

impl Relay {
    /// An engine on which boots take until [`Relay::open`].
    pub fn shut() -> Self {
        let relay = Self::default();
        relay.open.send_replace(false);
        relay
    }

    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Waits until that many steps have been begun in all.
    pub async fn begun(&self, steps: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= steps).await.expect("self holds the sender");
    }

    pub fn steps(&self) -> usize {
        *self.begun.borrow()
    }

    /// All that sandboxes were handed, one for each step.
    pub fn given(&self) -> Vec<Given> {
        self.given.lock().unwrap().clone()
    }

    pub fn last(&self) -> Given {
        self.given.lock().unwrap().last().expect("a step was begun").clone()
    }

    fn note(&self, given: Given) {
        self.given.lock().unwrap().push(given);
        self.begun.send_modify(|begun| *begun += 1);
    }
}

impl Engine for Relay {
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>> {
        Box::pin(async move {
            self.open.subscribe().wait_for(|open| *open).await.expect("self holds the sender");
            let Link { reader, writer, controls, proven } = self.fake.create(spec).await?;
            let agent = tokio::io::join(reader, writer);
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            let relay = self.clone();
            // Ends when either side hangs up; hanging up on the other is all there is to say then.
            tokio::spawn(async move { relay.carry(Wire::new(theirs), agent).await });
            let (reader, writer) = tokio::io::split(ours);
            Ok(Link { reader: Box::new(reader), writer: Box::new(writer), controls, proven })
        })
    }

    fn destroy<'a>(&'a self, id: &'a SandboxId, how: Destroy) -> BoxFuture<'a, Result<(), EngineError>> {
        self.fake.destroy(id, how)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>> {
        self.fake.list()
    }

    fn lay_ghosts(&self, uids: std::ops::Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>> {
        self.fake.lay_ghosts(uids)
    }

    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>> {
        self.fake.probe()
    }

    fn weight(&self) -> Weight {
        self.fake.weight()
    }

    fn has_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>> {
        self.fake.has_image(image)
    }
}

impl Relay {
    async fn carry(
        &self,
        mut server: Wire<DuplexStream>,
        agent: impl AsyncRead + AsyncWrite + Unpin,
    ) -> io::Result<()> {
        let mut agent = Wire::new(agent);
        let (hello, _) = agent.hear::<FromAgent>().await?;
        server.say(&hello, &[]).await?;
        let (mut files, mut stdin, mut current) = (BTreeMap::<String, Vec<u8>>::new(), Vec::new(), String::new());
        let mut work = protocol::Work::Originals;
        loop {
            let (message, payload) = server.hear::<ToAgent>().await?;
            match &message {
                ToAgent::File { path } => {
                    current.clone_from(path);
                    files.insert(path.clone(), payload.clone());
                }
                ToAgent::Prepare(prepared) => work = *prepared,
                ToAgent::TakeShortcut
                | ToAgent::Feed
                | ToAgent::FeedEnd
                | ToAgent::Stop
                | ToAgent::Export
                | ToAgent::Import { .. }
                | ToAgent::Arm { .. }
                | ToAgent::ArmSuccessor { .. }
                | ToAgent::Disarm => {}
                ToAgent::More => files.entry(current.clone()).or_default().extend(&payload),
                ToAgent::Stdin => stdin.extend(&payload),
                ToAgent::Fetch { path, .. } => {
                    bring_back(files.get(path), &mut server).await?;
                    continue;
                }
                ToAgent::Run(step) => {
                    // Run while the sandbox warms up, for nobody.
                    let is_rehearsal = step.argv.starts_with(&protocol::INSPECTION.map(str::to_owned));
                    if !is_rehearsal {
                        self.note(Given {
                            files: files.clone(),
                            stdin: std::mem::take(&mut stdin),
                            step: step.clone(),
                            work,
                        });
                    }
                    agent.say(&message, &payload).await?;
                    hear_out(step, &mut agent, &mut server).await?;
                    continue;
                }
            }
            agent.say(&message, &payload).await?;
            let is_answered = matches!(
                message,
                ToAgent::Prepare(_)
                    | ToAgent::Export
                    | ToAgent::Import { last: true }
                    | ToAgent::Arm { .. }
                    | ToAgent::ArmSuccessor { .. }
            );
            if is_answered {
                pass_on(&mut agent, &mut server).await?;
            }
        }
    }
}

/// Everything up to the end of a file or of an import.
async fn pass_on<A, S>(agent: &mut Wire<A>, server: &mut Wire<S>) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        let (message, payload) = agent.hear::<FromAgent>().await?;
        server.say(&message, &payload).await?;
        if !matches!(message, FromAgent::Artifact) {
            return Ok(());
        }
    }
}

async fn bring_back<S: AsyncRead + AsyncWrite + Unpin>(file: Option<&Vec<u8>>, server: &mut Wire<S>) -> io::Result<()> {
    let refused = |words: &str| FromAgent::Fetched(Err(words.to_owned()));
    match file {
        None => server.say(&refused("does not exist"), &[]).await,
        Some(content) if content.starts_with(b"link") => server.say(&refused("is or lies behind a link"), &[]).await,
        Some(content) => {
            server.say(&FromAgent::Artifact, content).await?;
            server.say(&FromAgent::Fetched(Ok(())), &[]).await
        }
    }
}

async fn hear_out<A, S>(step: &Step, agent: &mut Wire<A>, server: &mut Wire<S>) -> io::Result<()>
where
    A: AsyncRead + AsyncWrite + Unpin,
    S: AsyncRead + AsyncWrite + Unpin,
{
    let cap = usize::try_from(step.limits.output_bytes).unwrap_or(usize::MAX);
    let (mut stdout, mut stderr) = (0, 0);
    let (mut stdout_cut, mut stderr_cut) = (false, false);
    loop {
        let (message, mut payload) = agent.hear::<FromAgent>().await?;
        match message {
            FromAgent::Output(stream) => {
                let stream = if step.merge_stderr { Stream::Stdout } else { stream };
                let (written, cut) = match stream {
                    Stream::Stdout => (&mut stdout, &mut stdout_cut),
                    Stream::Stderr => (&mut stderr, &mut stderr_cut),
                };
                *cut |= payload.len() > cap - *written;
                payload.truncate(cap - *written);
                *written += payload.len();
                server.say(&FromAgent::Output(stream), &payload).await?;
            }
            FromAgent::Ended(ended) => {
                let ended = Ended { stdout_cut, stderr_cut, ..ended };
                let killed = (stdout_cut || stderr_cut) && step.overflow == Overflow::Kill;
                let ended =
                    if killed { Ended { exit: Exit::Signal(9), stopped: Some(Stop::Output), ..ended } } else { ended };
                return server.say(&FromAgent::Ended(ended), &[]).await;
            }
            FromAgent::Prepared | FromAgent::Running | FromAgent::OutputEnd => server.say(&message, &payload).await?,
            FromAgent::Hello(_)
            | FromAgent::TookShortcut
            | FromAgent::Artifact
            | FromAgent::Fetched(_)
            | FromAgent::Imported
            | FromAgent::Armed(_)
            | FromAgent::Failed(_) => {
                return server.say(&message, &payload).await;
            }
        }
    }
}

/// Whole frames over a stream.
struct Wire<S> {
    stream: S,
    received: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    fn new(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    async fn say<M: Serialize>(&mut self, message: &M, payload: &[u8]) -> io::Result<()> {
        let mut frame = Vec::new();
        protocol::encode(message, payload, &mut frame);
        self.stream.write_all(&frame).await
    }

    async fn hear<M: DeserializeOwned>(&mut self) -> io::Result<(M, Vec<u8>)> {
        loop {
            if let Some((body, length)) = protocol::split(&self.received).map_err(io::Error::other)? {
                let (message, payload) = protocol::decode(body).map_err(io::Error::other)?;
                let payload = payload.to_vec();
                self.received.drain(..length);
                return Ok((message, payload));
            }
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }
}
