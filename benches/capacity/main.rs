//! How many jobs per second this machine carries: reckoned from what one job costs, and measured. All of it through
//! `caisson bench`, so that anybody can repeat a row on a machine of their own. Needs a Docker engine and the images.
//!
//! Who has used up the shelf gets a sandbox for each job made and removed, and those cost more than most jobs:
//! sustained = processors / (processor time of one job, its sandbox's making and removal included).
//! What the shelf holds is served at the pace of the programs alone: burst = processors / (time of one warm job).

#[path = "../overhead/machine.rs"]
#[expect(dead_code, reason = "shared with the bench of overhead, which uses all of it")]
mod machine;
mod measure;
mod report;

#[path = "../../tests/support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/support/server.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

use measure::Capacity;

/// From what costs nothing but its sandbox to what costs as much as that.
const LANGUAGES: [&str; 3] = ["binary", "python", "c"];

fn main() {
    machine::require(&["docker"]);
    let about = machine::describe();
    let mut all = Vec::new();
    for language in LANGUAGES {
        match Capacity::of(language) {
            Ok(capacity) => all.push(capacity),
            Err(why) => println!("{language} was not measured: {why}"),
        }
    }
    println!("{about}\n");
    report::print(&all);
    let file = server::root().join("target/capacity.json");
    report::write(&file, &about, &all);
    println!("\nall of it, and each rate's percentiles: {}", file.display());
}
