//! What was measured, for people and for programs.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::measure::{Capacity, number};

pub fn print(all: &[Capacity]) {
    println!("what one job costs, and what this machine carries of it");
    println!(
        "{:<10}{:>10}{:>12}{:>12}{:>11}{:>8}{:>12}{:>11}{:>8}{:>16}",
        "hello in",
        "job ms",
        "CPU ms/job",
        "sustained/s",
        "measured",
        "ratio",
        "burst/s",
        "measured",
        "ratio",
        "busy when idle"
    );
    for capacity in all {
        let Capacity { language, job_ms, cost_ms, burst, .. } = capacity;
        let (reckoned, sustained) = (capacity.reckoned(), capacity.sustained());
        let reckoned_burst = capacity.reckoned_burst();
        println!(
            "{language:<10}{job_ms:>10.1}{cost_ms:>12.0}{reckoned:>12.1}{sustained:>11.1}{:>8.2}{reckoned_burst:>12.0}{burst:>11.0}{:>8.2}{:>16.2}",
            sustained / reckoned,
            burst / reckoned_burst,
            capacity.idle
        );
    }
    println!("\nat each rate");
    println!(
        "{:<10}{:>10}{:>8}{:>10}{:>9}{:>10}{:>14}{:>9}{:>12}{:>8}",
        "hello in", "offered/s", "ok/s", "refused", "p50 ms", "p99", "overhead p50", "p99", "CPU ms/job", "warm"
    );
    for capacity in all {
        for rate in &capacity.sweep {
            let at = |path| number(rate, path);
            println!(
                "{:<10}{:>10.1}{:>8.1}{:>9.0}%{:>9.1}{:>10.1}{:>14.1}{:>9.1}{:>12.0}{:>7.0}%",
                capacity.language,
                at("/offered_per_s"),
                at("/achieved_per_s"),
                at("/refused") / at("/due") * 100.0,
                at("/latency_ms/p50"),
                at("/latency_ms/p99"),
                at("/overhead_ms/p50"),
                at("/overhead_ms/p99"),
                at("/host_cpu_ms_per_job"),
                at("/warm_share") * 100.0
            );
        }
    }
}

pub fn write(file: &Path, about: &str, all: &[Capacity]) {
    let languages: Vec<Value> = all
        .iter()
        .map(|capacity| {
            let Capacity { language, job_ms, cost_ms, idle, processors, sweep, burst } = capacity;
            json!({
                "language": language,
                "job_ms": job_ms,
                "cpu_ms_per_job": cost_ms,
                "idle_processors": idle,
                "processors": processors,
                "sustained_per_s": {"reckoned": capacity.reckoned(), "measured": capacity.sustained()},
                "burst_per_s": {"reckoned": capacity.reckoned_burst(), "measured": burst},
                "rates": sweep,
            })
        })
        .collect();
    let document = json!({"machine": about, "languages": languages});
    fs::write(file, format!("{document:#}\n")).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
}
