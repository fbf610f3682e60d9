//! The process from which the sandboxes of one image are forked, as its server sees it.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
    path::Path,
    process::Stdio,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::Duration,
};

use caisson_protocol::{Begin, FromNursery, Make, NURSERY, ToNursery, VERSION};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};
use tracing::warn;

use super::{super::Proven, packets::Packets};

#[derive(Debug)]
pub(super) struct Nursery {
    /// One question at a time. Killed when it is dropped.
    conversation: Mutex<Conversation>,
    /// It has left, or nobody knows what it would say next.
    is_lost: AtomicBool,
    /// Whether a sandbox of it has been looked at.
    pub proven: Proven,
    /// How many sandboxes more it may be asked for.
    left: AtomicU32,
}

#[derive(Debug)]
struct Conversation {
    packets: Packets,
    child: Child,
    /// A question was sent and its answer not taken: the next would be taken for it.
    is_open: bool,
}

/// The program, in the image's root.
pub(super) const AGENT: &str = "caisson/agent";

/// Sandboxes of one zygote, or of what stands in for one that could not be made. They share the secret of their interpreter's hashes,
/// libc's guards, and where its memory lies, which each can read: fewer leave less time to make use of that against another, more
/// spare the start of an interpreter, some 15 ms, more often.
pub(super) const FROM_A_ZYGOTE: u32 = 256;

/// How much of a complaint is logged, in lines of so many bytes.
const LAST_WORDS: u64 = 500;

impl Nursery {
    /// `left`: how many sandboxes it may be asked for.
    pub async fn start(root: &Path, begin: Begin, left: u32, patience: Duration) -> io::Result<Self> {
        let (packets, theirs) = Packets::pair()?;
        let root = std::path::absolute(root)?;
        let mut child = Command::new(root.join(AGENT))
            // Every sandbox can read how its PID 1 was started, which need not tell where things are on the host.
            .arg0("caisson")
            .arg(NURSERY)
            .current_dir(&root)
            // Nothing of the server's own, which may be secret, and of which sandboxes would have a copy.
            .env_clear()
            .stdin(Stdio::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            // It ends when the server hangs up, and not by what a terminal sends to all.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        if let Some(words) = child.stderr.take() {
            tokio::spawn(log(words, root.display().to_string()));
        }
        let nursery = Self {
            conversation: Mutex::new(Conversation { packets, child, is_open: false }),
            is_lost: AtomicBool::new(false),
            proven: Proven::default(),
            left: AtomicU32::new(left),
        };
        match nursery.ask(&ToNursery::Begin(begin), &[], patience).await? {
            (FromNursery::Ready { protocol: VERSION }, _) => Ok(nursery),
            (FromNursery::Ready { protocol }, _) => Err(io::Error::other(format!(
                "its agent speaks version {protocol} of the protocol and this server version {VERSION}: make the root anew"
            ))),
            (FromNursery::Made { .. } | FromNursery::Failed(_), _) => {
                Err(io::Error::other("the nursery answered amiss"))
            }
        }
    }

    /// Another should take its place.
    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// Its sandboxes end with it.
    pub async fn end(&self) {
        // Who holds the conversation waits for an answer, with an end to its patience.
        let _ = self.conversation.lock().await.child.start_kill();
    }

    /// The pid of the new sandbox's PID 1, and its descriptor.
    pub async fn make(&self, make: Make, fds: &[BorrowedFd<'_>], patience: Duration) -> io::Result<(i32, OwnedFd)> {
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        match self.ask(&ToNursery::Make(make), fds, patience).await? {
            (FromNursery::Made { pid }, Some(pidfd)) => Ok((pid, pidfd)),
            (FromNursery::Failed(reason), _) => Err(io::Error::other(reason)),
            (FromNursery::Made { .. } | FromNursery::Ready { .. }, _) => {
                self.is_lost.store(true, Ordering::Relaxed);
                Err(io::Error::other("the nursery answered amiss"))
            }
        }
    }

    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    async fn ask(
        &self,
        message: &ToNursery,
        fds: &[BorrowedFd<'_>],
        patience: Duration,
    ) -> io::Result<(FromNursery, Option<OwnedFd>)> {
        let asked = async {
            let mut conversation = self.conversation.lock().await;
            if std::mem::replace(&mut conversation.is_open, true) {
                return Err(io::Error::other("an answer of the nursery was never taken"));
            }
            conversation.packets.send(message, fds).await?;
            let answer = conversation.packets.receive().await?;
            conversation.is_open = false;
            Ok(answer)
        };
        let answer = timeout(patience, asked).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        if answer.is_err() {
            self.is_lost.store(true, Ordering::Relaxed);
        }
        answer
    }
}

/// Last words of the nursery, and of all its sandboxes' agents.
async fn log(words: impl AsyncRead + Unpin, root: String) {
    use tokio::io::AsyncReadExt;
    let mut words = BufReader::new(words);
    loop {
        let mut line = Vec::new();
        match (&mut words).take(LAST_WORDS).read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => warn!(root, words = %String::from_utf8_lossy(&line).trim_end(), "the agent complained"),
        }
    }
}
