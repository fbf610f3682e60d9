//! What a job costs besides its own run: Caisson against the same program started bare and against `docker run`, and
//! its sustained rate against containers made the plain way. All figures of a table are from one run on one machine, taken
//! in turns; read the ratios, not the milliseconds. Needs a Docker engine, the images, wrk and a C compiler.

mod bare;
mod docker_run;
mod latency;
mod load;
mod machine;
mod noop;
mod sustained;
mod table;

#[path = "../../tests/support/engine.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/support/private_engine.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod private_engine;
#[path = "../../tests/support/server.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

fn main() {
    machine::require(&["wrk", "cc", "docker"]);
    println!("{}\n", machine::describe());
    let latencies = latency::measure();
    table::latencies(&latencies);
    let rates = sustained::measure();
    table::rates(&rates);
}
