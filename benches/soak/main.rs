//! Many jobs while things go wrong, and what came of them: `make soak`. JOBS says how many, FAULT_EVERY how many seconds lie
//! between two faults. Goes on after a failure, tells all at the end, and ends with 1 if there was any. Needs a Docker
//! engine, the images and a C compiler.

#[path = "../../tests/chaos/blow.rs"]
mod blow;
#[path = "../../tests/support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/adversarial/header.rs"]
#[expect(dead_code, reason = "shared with the adversarial suite, which uses all of it")]
mod header;
#[path = "../../tests/chaos/proxy.rs"]
mod proxy;
#[path = "../../tests/support/server.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;
#[path = "../../tests/chaos/settled.rs"]
mod settled;
#[path = "../../tests/chaos/soak/run.rs"]
mod soak;

use std::{fs, process::ExitCode, time::Duration};

use soak::{Plan, soak};

fn main() -> ExitCode {
    let plan = Plan { jobs: number("JOBS", 20_000), between: Duration::from_secs(number("FAULT_EVERY", 30) as u64) };
    let figures = soak(plan);
    println!("{}", figures.table());
    let file = server::root().join("target/soak.json");
    let json = format!("{:#}\n", figures.json());
    match fs::write(&file, json) {
        Ok(()) => println!("written to {}", file.display()),
        Err(error) => eprintln!("{}: {error}", file.display()),
    }
    if figures.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn number(name: &str, default: usize) -> usize {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name} is `{text}`, which is no number"))
}
