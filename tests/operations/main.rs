//! What operators are given: dashboards, recording rules and alerts. Pure checks of the files, unit tests of every alert
//! by promtool, and a live service watched by a real Prometheus. Needs Docker's engine and Debian's package
//! `prometheus`.

mod board;
mod coverage;
mod draw;
#[path = "../support/engine.rs"]
#[expect(dead_code, reason = "the Docker suite needs more of it than the one that watches")]
mod engine;
mod live;
mod load;
mod prometheus;
mod promql;
mod rules;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "the Docker suite needs more of it than the one that watches")]
mod server;
mod shape;
mod source;
