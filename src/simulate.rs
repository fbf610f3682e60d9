//! The pool's policy tried on a machine that is only computed: what a minute of a contest would be like, in a millisecond.
//!
//! ```text
//! Scenario (or a trace) ── arrivals ──> Machine ── every event ──> Brain ── pool::policy ──> boots, removals
//!                                          └─ what each job felt ──> Outcome, one row of the table
//! ```
//!
//! Pure: no runtime, no clock, and chance only from a seed. The brain called "ours" is the one that the service has: the
//! same `Demand`, `plan` and rule for removals. The others are what else could have been built, measured alike.

mod brain;
mod machine;
mod outcome;
mod random;
mod scenario;
mod trace;

pub use brain::Brain;
pub use machine::{Costs, Machine, run};
pub use outcome::Outcome;
pub use scenario::{Arrival, Kind, Language, Scenario};
pub use trace::TraceError;
