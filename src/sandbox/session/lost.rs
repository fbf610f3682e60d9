//! How an agent can be lost.

use std::io;

use caisson_protocol as protocol;

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

impl Lost {
    /// Whether it left without a word, as one does who is killed.
    pub(super) fn is_sudden(&self) -> bool {
        matches!(self, Self::HungUp | Self::Broken(_))
    }

    /// Whether it may be nobody's doing, before the program began.
    pub fn is_nobodys_verdict(&self) -> bool {
        !matches!(self, Self::Silent | Self::Frozen | Self::OutOfMemory)
    }
}
