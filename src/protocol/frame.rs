//! Frames: how a message and its bytes lie on a stream.

use std::fmt;

use serde::{Serialize, de::DeserializeOwned};

/// The largest frame that either side accepts. Heads are small; the largest is a `Run` with its arguments and
/// environment, which the API keeps far below this.
pub const MAX_FRAME: usize = 1024 * 1024;

/// Bulk is cut into pieces of this size: large enough that a piece's cost is its bytes, small enough that the receiver's
/// buffer is.
pub const PIECE: usize = 128 * 1024;

const LENGTH: usize = 4;

/// The number of [`crate::FromAgent::Hello`] among the messages: the first, for ever.
const HELLO: u32 = 0;

/// Why bytes are no frame. The stream is of no use after one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    TooLong(usize),
    Malformed,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(f, "frame of {length} bytes is over the limit of {MAX_FRAME}"),
            Self::Malformed => f.write_str("frame does not hold a message"),
        }
    }
}

impl std::error::Error for Fault {}

/// Appends one frame to `out`. A message too large for a frame is a mistake of the caller, answered by the receiver.
pub fn encode<M: Serialize>(message: &M, payload: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    let taken = std::mem::take(out);
    *out = postcard::to_extend(message, taken).expect("a Vec takes any message");
    out.extend_from_slice(payload);
    let length = u32::try_from(out.len() - start - LENGTH).unwrap_or(u32::MAX);
    out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
}

/// A message alone, where what carries it keeps messages apart. [`decode`] takes it.
pub fn pack<M: Serialize>(message: &M) -> Vec<u8> {
    postcard::to_stdvec(message).expect("a Vec takes any message")
}

/// Appends `bytes` as frames of at most [`PIECE`] each: the first under `first`, the others under `next`. No bytes still
/// make one frame, so that an empty file exists.
pub fn encode_pieces<M: Serialize>(first: &M, next: &M, bytes: &[u8], out: &mut Vec<u8>) {
    let (head, rest) = bytes.split_at(bytes.len().min(PIECE));
    encode(first, head, out);
    for piece in rest.chunks(PIECE) {
        encode(next, piece, out);
    }
}

/// The first whole frame's body in `bytes`, and how many bytes it takes; `None` while it is incomplete.
pub fn split(bytes: &[u8]) -> Result<Option<(&[u8], usize)>, Fault> {
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH>() else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(*length) as usize;
    if length > MAX_FRAME {
        return Err(Fault::TooLong(length));
    }
    Ok(rest.get(..length).map(|body| (body, LENGTH + length)))
}

/// The message and the payload of a frame's body.
pub fn decode<M: DeserializeOwned>(body: &[u8]) -> Result<(M, &[u8]), Fault> {
    postcard::take_from_bytes(body).map_err(|_| Fault::Malformed)
}

/// The protocol of whoever sent this as its first frame's body, if that is a hello: it begins alike in all versions, whatever
/// follows.
pub fn version_of(body: &[u8]) -> Option<u16> {
    match postcard::take_from_bytes(body) {
        Ok(((HELLO, version), _)) => Some(version),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FromAgent, Hello, Stream, ToAgent};

    #[test]
    fn a_frame_comes_back_as_it_went() {
        let mut bytes = Vec::new();
        encode(&FromAgent::Output(Stream::Stderr), b"oops", &mut bytes);
        let (body, taken) = split(&bytes).unwrap().unwrap();
        assert_eq!(taken, bytes.len());
        assert_eq!(decode::<FromAgent>(body).unwrap(), (FromAgent::Output(Stream::Stderr), &b"oops"[..]));
    }

    #[test]
    fn an_unfinished_frame_is_waited_for() {
        let mut bytes = Vec::new();
        encode(&ToAgent::Stdin, b"12345", &mut bytes);
        for cut in 0..bytes.len() {
            assert_eq!(split(&bytes[..cut]), Ok(None));
        }
    }

    #[test]
    fn a_frame_over_the_limit_is_refused_by_its_length_alone() {
        assert_eq!(split(&u32::MAX.to_le_bytes()), Err(Fault::TooLong(u32::MAX as usize)));
    }

    #[test]
    fn bulk_is_cut_into_pieces_and_nothing_is_still_one() {
        let mut bytes = Vec::new();
        encode_pieces(&ToAgent::File { path: "a".into() }, &ToAgent::More, &vec![7; PIECE + 1], &mut bytes);
        let (body, taken) = split(&bytes).unwrap().unwrap();
        let (head, piece) = decode::<ToAgent>(body).unwrap();
        assert_eq!((head, piece.len()), (ToAgent::File { path: "a".into() }, PIECE));
        let (body, _) = split(&bytes[taken..]).unwrap().unwrap();
        assert_eq!(decode::<ToAgent>(body).unwrap(), (ToAgent::More, &[7][..]));

        let mut empty = Vec::new();
        encode_pieces(&ToAgent::File { path: "a".into() }, &ToAgent::More, b"", &mut empty);
        assert!(split(&empty).unwrap().is_some());
    }

    #[test]
    fn a_hello_of_another_version_is_known_by_how_it_begins() {
        let hello = Hello { protocol: 300, agent_uid: 2, job_uid: 1, sees_cpu: true, shortcut: Some(5) };
        let body = pack(&FromAgent::Hello(hello));
        // An older one has fewer fields.
        for length in 3..=body.len() {
            assert_eq!(version_of(&body[..length]), Some(300));
        }
        assert_eq!(version_of(&body[..1]), None);
        assert_eq!(version_of(&pack(&FromAgent::Prepared)), None);
        assert_eq!(version_of(b""), None);
    }

    #[test]
    fn noise_is_malformed_and_never_a_panic() {
        for first in 0..=255u8 {
            let _ = decode::<ToAgent>(&[first, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
            let _ = decode::<FromAgent>(&[first]);
        }
        assert_eq!(decode::<FromAgent>(&[0xff]), Err(Fault::Malformed));
    }
}
