//! The promises of the service on a real Docker engine, through the real binary. Fails without one.

#[path = "../support/collector.rs"]
#[expect(dead_code, reason = "the contract suite needs more of it than the one that asks whether it arrives")]
mod collector;
#[path = "../support/engine.rs"]
mod engine;
#[path = "../support/private_engine.rs"]
#[expect(dead_code, reason = "shared with the chaos suite, which uses the rest of it")]
mod private_engine;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "shared with the chaos suite, which uses the rest of it")]
mod server;

mod auto_runtime;
mod bad_input;
mod cache;
mod command_line;
mod compiles;
mod drain;
mod faults;
mod handoff;
mod hints;
mod hostile;
mod invariants;
mod isolation;
mod judge;
mod judge_package;
mod memory;
mod operators;
mod precedence;
mod programs;
mod runtime;
mod traces;
mod validators;
