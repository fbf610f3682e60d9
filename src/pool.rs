//! Shelves of ready sandboxes, one per language, and who keeps them filled.
//!
//! ```text
//! Fleet ── claim ──> Pool (shelf, else a place in the queue)
//!   ├─ warmer   one task: looks, lets `policy::plan` decide, spawns boots      ends when the fleet is closed
//!   │    └─ boot  one task per sandbox in the making; never aborted            ends ready, or as remains
//!   ├─ reaper   one task: destroys what was used                               ends when nothing can send to it
//!   └─ janitor  one task: destroys what nobody answers for                     ends when the fleet is closed
//! ```

mod activity;
mod breaker;
pub mod demand;
mod fleet;
mod hints;
mod janitor;
mod memory;
pub mod policy;
mod reaper;
mod shelf;
mod warmer;

pub use fleet::{ClaimError, Fleet, FleetConfig, Lease, PoolConfig, PoolStatus, RunningGuard};
pub use hints::{HintError, HintStatus, Schedule, Wish};
