//! A hijacked stream, of an exec or of a container, as a plain reader and writer.

use std::{io, pin::Pin};

use bollard::{
    Docker,
    container::{AttachContainerResults, LogOutput},
    errors::Error,
    query_parameters::AttachContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt};
use tokio::io::AsyncWrite;
use tokio_util::io::StreamReader;
use tracing::warn;

use super::super::{Controls, Link, Proven, SandboxId};

type Output = Pin<Box<dyn Stream<Item = Result<LogOutput, Error>> + Send>>;
type Input = Pin<Box<dyn AsyncWrite + Send>>;
pub(super) type Attached = (Output, Input);

/// All that a container says from its start on.
pub(super) async fn before_start(docker: &Docker, name: &str) -> Result<Attached, Error> {
    let options = AttachContainerOptionsBuilder::new().stream(true).stdin(true).stdout(true).stderr(true).build();
    let AttachContainerResults { output, input } = docker.attach_container(name, Some(options)).await?;
    Ok((output, input))
}

/// The agent's stdout is the conversation. What it says on stderr are its last words, for the operator.
pub(super) fn link(output: Output, input: Input, id: &SandboxId, controls: impl Controls + 'static) -> Link {
    let id = id.clone();
    let frames = output.filter_map(move |piece| {
        let kept = match piece {
            Ok(LogOutput::StdOut { message }) => Some(Ok(message)),
            Ok(LogOutput::StdErr { message }) => {
                let words = String::from_utf8_lossy(&message[..message.len().min(LAST_WORDS)]);
                warn!(sandbox.id = %id, words = %words.trim_end(), "the agent complained");
                None
            }
            Ok(LogOutput::StdIn { .. } | LogOutput::Console { .. }) => None,
            Err(error) => Some(Err(io::Error::other(error))),
        };
        std::future::ready(kept)
    });
    Link {
        reader: Box::new(StreamReader::new(frames)),
        writer: Box::new(input),
        controls: Box::new(controls),
        proven: Proven::default(),
    }
}

/// How much of a complaint is logged.
const LAST_WORDS: usize = 500;
