//! In whose name a request comes, and how urgent it is: what decides who waits for whom.

use std::{fmt, sync::Arc};

/// A client, by the name of its key; all who need no key are one.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(Arc<str>);

/// The smaller, the more urgent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// Somebody waits for the answer.
    #[default]
    Interactive,
    /// Runs when nothing interactive waits, and leaves the last ready sandbox of its language alone.
    Batch,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Standing {
    pub client: ClientId,
    pub priority: Priority,
}

impl ClientId {
    pub fn new(name: &str) -> Self {
        Self(name.into())
    }
}

impl Default for ClientId {
    fn default() -> Self {
        Self::new("")
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
