//! What a job costs besides its own run: Caisson on both engines against the same program started bare, against `docker run`
//! and against containers made the plain way; and its sustained rate, which is another matter than a burst from the shelf. All
//! figures are from one run on one machine, taken in turns; read the ratios, not the milliseconds. Needs root, a Docker
//! engine, the images, their roots and a C compiler.

mod bare;
mod client;
mod compare;
mod docker_run;
mod engines;
mod figures;
mod idle;
mod jobs;
mod latency;
mod machine;
mod naive;
mod noop;
mod plot;
mod report;
mod scale;
mod sustained;
mod table;
mod targets;

#[path = "../../tests/support/engine.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/support/private_engine.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod private_engine;
#[path = "../../tests/support/server.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;
#[path = "../../src/cli/bench/svg.rs"]
mod svg;

use std::{fs, path::Path, process::ExitCode};

use crate::{engines::Engines, latency::Bench, naive::Naive, report::Results};

fn main() -> ExitCode {
    machine::require(&["cc", "docker"]);
    bare::keep_mounts_to_ourselves();
    let files = tempfile::tempdir().unwrap();
    jobs::prepare(files.path());
    // Without what cargo adds.
    let arguments = Vec::from_iter(std::env::args().skip(1).filter(|argument| !argument.starts_with('-')));
    match Vec::from_iter(arguments.iter().map(String::as_str)).as_slice() {
        [] => costs(files.path()),
        ["scale"] => scale::main(files.path()),
        ["compare", tree] => return compare::main(Path::new(tree)),
        other => {
            panic!("{other:?} is no part of this bench: there are `scale`, `compare TREE`, and the rest without a name")
        }
    }
    ExitCode::SUCCESS
}

fn costs(files: &Path) {
    let machine = machine::describe();
    println!("{machine}\n");
    let (all, naive) = (jobs::all(), Naive::connect());

    let engines = Engines::start(&all);
    let bench = Bench { files, engines: &engines, naive: &naive };
    let latencies: Vec<_> = all.iter().flat_map(|job| bench.measure(job)).collect();
    table::print_latencies(&latencies);
    let bursts = sustained::bursts(&engines, &all);
    table::print_bursts(&bursts);
    engines.stop();
    let rates = sustained::measure(files, &naive);
    table::print_rates(&rates);
    let (memory, cold) = (idle::memory(), idle::cold(files));
    table::print_idle(&memory, &cold);

    let targets = [targets::of_latencies(&latencies), targets::of_rates(&rates), targets::of_cold(&cold)].concat();
    table::print_targets(&targets);
    let results = Results { machine, latencies, bursts, rates, memory, cold, targets };
    let target = server::root().join("target");
    fs::write(target.join("bench.json"), format!("{:#}\n", report::document(&results))).unwrap();
    fs::write(target.join("bench.svg"), plot::draw(&results.latencies)).unwrap();
    println!("\nall of it: target/bench.json; the latencies as a picture: target/bench.svg");
}
