//! Between the server and the nursery of one image, from which sandboxes without a daemon are forked: one message a packet,
//! descriptors beside it.

use serde::{Deserialize, Serialize};

/// What the agent's program is started with to be a nursery: in the image's root, with the socket as its standard input.
pub const NURSERY: &str = "nursery";

/// Server to nursery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToNursery {
    /// Once, and first of all.
    Begin(Begin),
    /// With it come, in this order: the stream to the server, the network namespace, one descriptor for each group by which
    /// it is entered, and one mount for each.
    Make(Make),
}

/// What all sandboxes of one nursery have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    pub filters: Filters,
    pub groups: Groups,
    pub zygote: Option<Zygote>,
}

/// A program that the nursery becomes, up to the moment in which it opens its source: what is started in its sandboxes can be a
/// copy of it from there on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zygote {
    pub argv: Vec<String>,
    /// The whole environment, `NAME=value`.
    pub env: Vec<String>,
    /// Its source, below the work directory.
    pub entry: String,
    /// It looks at this limit when it starts.
    pub stack_bytes: u64,
}

/// The system call filter in two halves. Both together are what is allowed in a sandbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filters {
    /// All of it, but for what it takes to make a sandbox. In force in the nursery, once for all that come of it: it takes longer
    /// to install than any other step.
    pub nursery: Vec<Instruction>,
    /// The rest. Each sandbox puts itself under it.
    pub sandbox: Vec<Instruction>,
}

/// One of classic BPF, as in the kernel's `struct sock_filter`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instruction {
    pub code: u16,
    pub jump_true: u8,
    pub jump_false: u8,
    pub k: u32,
}

/// The control groups that a sandbox is in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Groups {
    /// Version 1: one for each of these controllers. Entered by a write to its `tasks`.
    Split(Vec<String>),
    /// Version 2. Entered by being born there: the descriptor is its directory.
    Unified,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Make {
    pub job_uid: u32,
    pub agent_uid: u32,
    /// Where files can be written.
    pub stores: Vec<Store>,
    pub file_size_bytes: u64,
    pub open_files: u64,
}

/// A file system in memory, and where it is to be seen: at each place a directory of its own in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Store {
    /// What bounds it, as options of the mount.
    pub bounds: String,
    /// One at least.
    pub places: Vec<Place>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    pub path: String,
    pub mode: u32,
    pub uid: u32,
    /// Whether files there may be executed.
    pub exec: bool,
}

/// Nursery to server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromNursery {
    Ready {
        protocol: u16,
    },
    /// With it comes the descriptor of its PID 1.
    Made {
        /// Of PID 1, as the host knows it.
        pid: i32,
    },
    Failed(String),
}

impl Groups {
    /// How many descriptors they are entered by, and how many mounts show them.
    pub fn count(&self) -> usize {
        match self {
            Self::Split(controllers) => controllers.len(),
            Self::Unified => 1,
        }
    }
}
