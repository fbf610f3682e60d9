//! What was measured, for people.

use crate::{
    figures::{median, percentile},
    idle::{Cold, Memory},
    latency::{Pace, Row, Way, latencies},
    sustained::{Burst, Rate, Rates},
    targets::{Bound, Target},
};

pub fn print_latencies(rows: &[Row]) {
    for pace in [Pace::Closed, Pace::Paced] {
        println!("one client, warm hits over HTTP, {}; milliseconds", pace.name());
        println!(
            "{:<44}{:>6}{:>9}{:>9}{:>9}{:>10}{:>9}{:>7}",
            "", "runs", "p50", "p90", "p99", "to bare", "CPU/job", "warm"
        );
        for row in rows.iter().filter(|row| row.pace == pace) {
            println!("{} (bare p50 of the rounds within {:.0} %)", row.job, row.noise() * 100.0);
            row.ways.iter().for_each(|(way, _)| latency(row, *way));
        }
        println!();
    }
}

fn latency(row: &Row, way: Way) {
    let rounds = row.rounds(way);
    let all = latencies(rounds);
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| percentile(&all, share));
    print!("    {:<40}{:>6}{p50:>9.2}{p90:>9.2}{p99:>9.2}{:>10.2}", way.name(), all.len(), row.to_bare(way));
    let cpu = Vec::from_iter(rounds.iter().flat_map(|round| &round.cpu).copied());
    if !cpu.is_empty() {
        print!("{:>9.2}", median(&cpu));
    }
    match way {
        Way::OnDocker | Way::OnNative => {
            let warm: usize = rounds.iter().map(|round| round.warm).sum();
            println!("{:>6.0}%", warm as f64 / all.len() as f64 * 100.0);
        }
        Way::Bare | Way::DockerRun | Way::Naive => println!(),
    }
}

pub fn print_rates(rates: &Rates) {
    let Rates { naive, docker, attached, bare_noop, native_noop, bare_python, native_python, crun } = rates;
    println!("without a pause: every sandbox made, used once and removed; CPU of the whole machine per job");
    println!(
        "{:<38}{:>8}{:>8}{:>9}{:>9}{:>9}{:>9}{:>12}{:>12}{:>7}",
        "", "clients", "jobs", "per s", "p50 ms", "p90", "p99", "CPU ms/job", "of it ours", "warm"
    );
    for rate in [naive, docker, attached, bare_noop, native_noop, bare_python, native_python] {
        print_rate(rate);
    }
    match crun {
        Ok(crun) => crun.iter().for_each(print_rate),
        Err(why) => println!("{:<38}not measured: {why}", "no-op, caisson, Docker, crun"),
    }
    println!();
}

fn print_rate(rate: &Rate) {
    print!("{:<38}{:>8}{:>8}{:>9.1}", rate.name, rate.clients, rate.jobs, rate.per_second());
    if rate.latencies.is_empty() {
        println!("{:>27}{:>12.2}", "", rate.cpu_ms());
        return;
    }
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| percentile(&rate.latencies, share));
    let jobs = rate.jobs as f64;
    let ours = rate.server_seconds * 1e3 / jobs;
    println!("{p50:>9.1}{p90:>9.1}{p99:>9.1}{:>12.2}{ours:>12.2}{:>6.0}%", rate.cpu_ms(), rate.warm / jobs * 100.0);
}

pub fn print_bursts(bursts: &[Burst]) {
    println!("bursts that the shelf meets, as many clients as processors");
    println!("{:<34}{:>8}{:>9}{:>7}", "", "jobs", "per s", "warm");
    for Burst { name, jobs, per_second, warm } in bursts {
        println!("{name:<34}{jobs:>8}{per_second:>9.1}{:>6.0}%", warm * 100.0);
    }
    println!();
}

pub fn print_idle(memory: &[Memory], cold: &Cold) {
    println!("an idle sandbox, of the machine's MemAvailable");
    for Memory { name, sandboxes, mib } in memory {
        println!("{name:<34}{mib:>8.2} MiB each of {sandboxes}");
    }
    let [p50, p99] = [0.5, 0.99].map(|share| percentile(&cold.claims, share));
    let bare = median(&cold.bare);
    println!(
        "\nno shelf, native: a claim takes {p50:.2} ms (p99 {p99:.2}); from the order to make a sandbox until it is ready"
    );
    println!(
        "{:.2} ms (mean, caisson_sandbox_boot_seconds); fork and exec of a static program {bare:.2} ms (p50)\n",
        cold.boot
    );
}

pub fn print_targets(targets: &[Target]) {
    for target in targets {
        let (sign, bound) = match target.bound {
            Bound::AtMost(bound) => ("≤", bound),
            Bound::AtLeast(bound) => ("≥", bound),
        };
        let reached = if target.is_reached() { "reached" } else { "MISSED" };
        println!("{:<62}{:>8.3}   {sign} {bound:<5} {reached}", target.name, target.found);
    }
}
