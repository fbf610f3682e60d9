//! What the server and its agent say to each other: messages, and the frames that carry them. No I/O.
//!
//! A frame is `length: u32 LE | head | payload`: the head is one message in postcard, the payload is the raw bytes that
//! belong to it (a piece of a file, of stdin, of output), so that bulk is never encoded. `length` counts head and payload.
//! Both sides bound what they accept by [`MAX_FRAME`]; neither trusts the other.

mod frame;
mod message;
mod nursery;

pub use frame::{Fault, MAX_FRAME, PIECE, decode, encode, encode_pieces, pack, split, version_of};
pub use message::{Ended, Exit, FromAgent, Hello, Limits, Overflow, Start, Step, Stop, Stream, ToAgent, Work};
pub use nursery::{Begin, Filters, FromNursery, Groups, Instruction, Make, NURSERY, Place, Store, ToNursery, Zygote};

/// What is run in every sandbox before it is handed out, with the masked paths as further arguments: it says what a job
/// could do there.
pub const INSPECTION: [&str; 2] = ["/caisson/agent", "inspect"];

/// Raised with every change of a message; server and agent must agree, or the sandbox is not used.
pub const VERSION: u16 = 10;
