//! A program that talks with another while it runs.

use std::io;

use caisson_protocol::{self as protocol, ToAgent};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio_util::sync::CancellationToken;

/// Where the standard streams of a joined program come from and go to, while it runs.
pub struct Joint {
    pub input: DuplexStream,
    /// Large enough for all that the program may write: nobody waits here for a reader.
    pub output: DuplexStream,
    /// Ends the program.
    pub stop: CancellationToken,
}

/// Passes on what comes, until the step is over.
pub(super) async fn feed(
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
