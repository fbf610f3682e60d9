//! What comes from the agent, frame by frame.

use std::time::Duration;

use caisson_protocol as protocol;
use futures_util::FutureExt;
use protocol::{FromAgent, Stream};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream},
    time::{Instant, timeout_at},
};

use super::{lost::Lost, patience::CpuWatch};
use crate::job::{Captured, Step};

/// How long a program that closed its output is given to end, before whoever reads from it learns of the one without the
/// other. So the end of the first is known before the second can follow for want of a partner.
const CLOSE_PATIENCE: Duration = Duration::from_millis(100);

const READ: usize = 64 * 1024;

/// How much of what is no frame is told.
const WORDS: usize = 300;

/// What the agent says of a step that ended, and the output that came before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub ended: protocol::Ended,
    pub stdout: Captured,
    pub stderr: Captured,
}

/// What comes from the agent.
pub(super) struct Ear {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    received: Vec<u8>,
    pub answered: bool,
    /// Whether the agent sees what processor time is used. Otherwise we look, and tell it when there is none left.
    pub sees_cpu: bool,
}

/// A part of a step.
enum Heard {
    More,
    OutputEnd,
    Ended(protocol::Ended),
}

impl Ear {
    pub fn new(reader: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self { reader, received: Vec::new(), answered: false, sees_cpu: true }
    }

    /// Another stream, and behind it the one so far: that ends with the agent, and brings its last words.
    pub fn hear_first(&mut self, reader: impl AsyncRead + Send + Unpin + 'static) {
        let so_far = std::mem::replace(&mut self.reader, Box::new(tokio::io::empty()));
        self.reader = Box::new(reader.chain(so_far));
    }

    /// Whether nothing has come that was not taken. Does not wait.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        self.received.is_empty() && self.reader.read(&mut byte).now_or_never().is_none()
    }

    /// Who said what cannot be read: an agent of another version, or none.
    pub fn stranger(&self) -> Lost {
        let frame = protocol::split(&self.received).ok().flatten();
        match frame.and_then(|(body, _)| protocol::version_of(body)) {
            Some(version) if version != protocol::VERSION => Lost::Version(version),
            _ => Lost::NoAgent(self.words()),
        }
    }

    /// What was heard and not understood, as one line for the operator.
    fn words(&self) -> String {
        let heard = String::from_utf8_lossy(&self.received[..self.received.len().min(WORDS)]);
        heard.trim_end().replace(char::is_control, " ")
    }

    /// All of a step. What it writes to its standard output goes to `joined` as well, as it comes; `cpu` is looked at where
    /// the agent cannot.
    pub async fn hear_out(
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
                FromAgent::Hello(_)
                | FromAgent::TookShortcut
                | FromAgent::Prepared
                | FromAgent::Failed(_)
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

    pub async fn hear_file(&mut self, max_bytes: u64) -> Result<Result<Vec<u8>, String>, Lost> {
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
                    FromAgent::Hello(_)
                    | FromAgent::TookShortcut
                    | FromAgent::Prepared
                    | FromAgent::Failed(_)
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

    /// Waits for a frame and hands it to `take`; that the agent failed is an error whatever was waited for.
    pub async fn next<T>(&mut self, take: impl FnOnce(FromAgent, &[u8]) -> Result<T, Lost>) -> Result<T, Lost> {
        loop {
            if let Some((body, length)) = protocol::split(&self.received).map_err(Lost::Frame)? {
                let (message, payload) = protocol::decode(body).map_err(Lost::Frame)?;
                let taken = match message {
                    FromAgent::Failed(words) => Err(Lost::Failed(words)),
                    message => take(message, payload),
                };
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
