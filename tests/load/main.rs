//! The load generators against the real binary on a real Docker engine: what they report of a server is what it did. Fails
//! without an engine, and without wrk.

#[path = "../../benches/overhead/figures.rs"]
mod bench_figures;
#[path = "../support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

mod bench;
mod figures;
mod report;
mod scripts;
mod stalls;
