//! What was measured, for programs: all of a run as one document.

use serde_json::{Value, json};

use crate::{
    figures::{median, percentile},
    idle::{Cold, Memory},
    latency::{Row, latencies},
    sustained::{Burst, Rate, Rates},
    targets::{Bound, Target},
};

/// All of it. Times in milliseconds, rates per second.
pub struct Results {
    pub machine: String,
    pub latencies: Vec<Row>,
    pub bursts: Vec<Burst>,
    pub rates: Rates,
    pub memory: Vec<Memory>,
    pub cold: Cold,
    pub targets: Vec<Target>,
}

pub fn document(results: &Results) -> Value {
    let Results { machine, latencies, bursts, rates, memory, cold, targets } = results;
    let Rates { naive, docker, attached, bare_noop, native_noop, bare_python, native_python, crun } = rates;
    let sustained = [naive, docker, attached, bare_noop, native_noop, bare_python, native_python]
        .into_iter()
        .chain(crun.iter().flatten());
    json!({
        "machine": machine,
        "latency": latencies.iter().map(of_row).collect::<Vec<_>>(),
        "burst": bursts.iter().map(of_burst).collect::<Vec<_>>(),
        "sustained": sustained.map(of_rate).collect::<Vec<_>>(),
        "idle": memory.iter().map(of_memory).collect::<Vec<_>>(),
        "cold": {
            "claim_ms": percentiles(&cold.claims),
            "boot_mean_ms": cold.boot,
            "bare_ms": percentiles(&cold.bare),
        },
        "targets": targets.iter().map(of_target).collect::<Vec<_>>(),
    })
}

fn of_row(row: &Row) -> Value {
    let ways = row.ways.iter().map(|(way, rounds)| {
        let all = latencies(rounds);
        let cpu = Vec::from_iter(rounds.iter().flat_map(|round| &round.cpu).copied());
        json!({
            "way": way.name(),
            "runs": all.len(),
            "ms": percentiles(&all),
            "to_bare": row.to_bare(*way),
            "cpu_ms": if cpu.is_empty() { Value::Null } else { json!(median(&cpu)) },
            "warm": rounds.iter().map(|round| round.warm).sum::<usize>(),
            "p50_of_rounds_ms": rounds.iter().map(|round| median(&round.latencies)).collect::<Vec<_>>(),
        })
    });
    json!({
        "job": row.job,
        "pace": row.pace.name(),
        "bare_spread": row.noise(),
        "ways": ways.collect::<Vec<_>>(),
    })
}

fn of_burst(burst: &Burst) -> Value {
    let Burst { name, jobs, per_second, warm } = burst;
    json!({"name": name, "jobs": jobs, "per_s": per_second, "warm_share": warm})
}

fn of_rate(rate: &Rate) -> Value {
    let Rate { name, clients, jobs, seconds, busy_seconds: _, server_seconds, latencies, warm } = rate;
    json!({
        "name": name,
        "clients": clients,
        "jobs": jobs,
        "seconds": seconds,
        "per_s": rate.per_second(),
        "machine_cpu_ms_per_job": rate.cpu_ms(),
        "server_cpu_ms_per_job": server_seconds * 1e3 / *jobs as f64,
        "ms": if latencies.is_empty() { Value::Null } else { percentiles(latencies) },
        "warm_share": warm / *jobs as f64,
    })
}

fn of_memory(memory: &Memory) -> Value {
    let Memory { name, sandboxes, mib } = memory;
    json!({"name": name, "sandboxes": sandboxes, "mib_each": mib})
}

fn of_target(target: &Target) -> Value {
    let (bound, least) = match target.bound {
        Bound::AtMost(bound) => (bound, false),
        Bound::AtLeast(bound) => (bound, true),
    };
    let sort = if least { "at_least" } else { "at_most" };
    json!({"name": target.name, "found": target.found, sort: bound, "reached": target.is_reached()})
}

fn percentiles(values: &[f64]) -> Value {
    json!({"p50": median(values), "p90": percentile(values, 0.9), "p99": percentile(values, 0.99)})
}
