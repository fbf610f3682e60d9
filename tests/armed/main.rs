//! That a program does the same whether its interpreter, or its compiler, was started for it or had been waiting.

#[path = "../support/engine.rs"]
#[expect(dead_code, reason = "shared with suites that look at more")]
mod engine;
#[path = "../support/server.rs"]
#[expect(dead_code, reason = "shared with suites that look at more")]
mod server;

mod behaviour;
mod corpus;
mod successor;
mod zygote;
