//! What clients may rely on: the real server on a real socket over the fake engine, byte for byte where it matters.

mod admission;
mod artifacts;
mod catalogue;
mod claims;
#[path = "../support/collector.rs"]
mod collector;
mod connections;
mod engine;
mod fields;
mod file_faults;
#[path = "../support/fleet.rs"]
#[expect(dead_code, reason = "the lifecycle suite needs more of it than the one that counts")]
mod fleet;
mod hang_ups;
mod headers;
mod hints;
#[path = "../support/http.rs"]
mod http;
mod judge;
mod judge_faults;
mod judge_stream;
mod keys;
mod layering;
mod limit_faults;
mod otlp;
mod outcomes;
mod output;
mod problems;
mod refusals;
mod seed;
mod seed_faults;
mod server;
mod service;
mod shape_faults;
mod steady;
mod told;
mod trace;
mod transport_faults;
