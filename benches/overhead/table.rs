//! What was measured, as ratios.

use crate::{
    latency::{Latencies, Targets},
    sustained::{Rate, Rates},
};

/// The least that sustained work should gain over the plain way.
const RATE_TARGET: f64 = 1.6;

pub fn latencies(all: &[Latencies]) {
    println!("one client, warm hits over HTTP; milliseconds");
    println!("{:<20}{:>10}{:>10}{:>10}{:>10}{:>12}   ratios", "", "bare p50", "p50", "p90", "p99", "docker run");
    for Latencies { name, bare, caisson, docker_run, targets } in all {
        let [p50, p90, p99] = [0.50, 0.90, 0.99].map(|share| percentile(caisson, share));
        let (bare, docker_run) = (percentile(bare, 0.5), percentile(docker_run, 0.5));
        println!("{name:<20}{bare:>10.2}{p50:>10.2}{p90:>10.2}{p99:>10.2}{docker_run:>12.1}");
        let Targets { p50_to_bare, p50_to_docker_run, p99_to_p50 } = *targets;
        ratio("p50 to bare", p50 / bare, p50_to_bare);
        if let Some(target) = p50_to_docker_run {
            ratio("p50 to docker run: one part in", docker_run / p50, -1.0 / target);
        }
        if let Some(target) = p99_to_p50 {
            ratio("p99 to p50", p99 / p50, target);
        }
    }
    println!();
}

pub fn rates(rates: &Rates) {
    println!("four clients without a pause, every sandbox made, used once and removed; a static program");
    println!(
        "{:<30}{:>8}{:>8}{:>9}{:>9}{:>9}{:>12}{:>12}{:>7}",
        "", "jobs", "per s", "p50 ms", "p90", "p99", "CPU ms/job", "of it ours", "warm"
    );
    let Rates { naive, caisson, crun } = rates;
    rate(naive);
    rate(caisson);
    match crun {
        Ok(crun) => rate(crun),
        Err(why) => println!("{:<30}not measured: {why}", "caisson, crun"),
    }
    let per_second = |rate: &Rate| rate.jobs as f64 / rate.seconds;
    ratio("caisson to the plain way", per_second(caisson) / per_second(naive), -RATE_TARGET);
    if let Ok(crun) = crun {
        println!("{:62}{:<32}{:>6.2}", "", "with crun to the plain way", per_second(crun) / per_second(naive));
    }
}

fn rate(rate: &Rate) {
    let Rate { name, jobs, seconds, busy_seconds, server_seconds, latencies, warm } = rate;
    let per_job = |seconds: &f64| seconds * 1e3 / *jobs as f64;
    print!("{name:<30}{jobs:>8}{:>8.1}", *jobs as f64 / seconds);
    if latencies.is_empty() {
        println!("{:>9}{:>9}{:>9}{:>12.1}", "", "", "", per_job(busy_seconds));
        return;
    }
    let [p50, p90, p99] = [0.50, 0.90, 0.99].map(|share| percentile(latencies, share));
    let (all, ours) = (per_job(busy_seconds), per_job(server_seconds));
    println!("{p50:>9.1}{p90:>9.1}{p99:>9.1}{all:>12.1}{ours:>12.2}{:>6.0}%", warm * 100.0);
}

/// A target below zero is one to be reached, others are not to be exceeded.
fn ratio(name: &str, found: f64, target: f64) {
    let (sign, reached) = if target < 0.0 { ("≥", found >= -target) } else { ("≤", found <= target) };
    let reached = if reached { "reached" } else { "MISSED" };
    println!("{:62}{name:<32}{found:>6.2}   {sign} {:<5.2} {reached}", "", target.abs());
}

/// In milliseconds, of sorted microseconds.
fn percentile(sorted: &[u64], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted[rank.clamp(1, sorted.len()) - 1] as f64 / 1e3
}
