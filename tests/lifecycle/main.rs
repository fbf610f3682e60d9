//! The life of sandboxes, on the fake engine and under paused time. The same promises are shown on the real engine by the
//! docker suite.

#[path = "../support/mod.rs"]
mod support;

mod admission;
mod claims;
mod faults;
mod golden;
mod hints;
mod invariants;
mod properties;
