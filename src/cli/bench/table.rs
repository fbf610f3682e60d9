//! What was measured: for people as two tables, for programs as one document.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    time::Duration,
};

use serde::Serialize;

use super::{
    machine::Cost,
    pace::Pacing,
    tally::{Claims, Percentiles, Tally},
};

/// What the server was given.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Load {
    /// Jobs per second.
    Open(f64),
    /// Clients that wait for their answers.
    Closed(usize),
}

/// One load and what came of it. What was not to be had is null.
#[derive(Debug, Serialize)]
pub struct Row {
    offered_per_s: Option<f64>,
    clients: Option<usize>,
    /// Answered within the time of this rate, for each of its seconds.
    achieved_per_s: f64,
    due: u64,
    ok: u64,
    refused: u64,
    failed: u64,
    timeouts: u64,
    not_sent: u64,
    refusals: BTreeMap<u16, u64>,
    failures: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    /// From when a job was due.
    latency_ms: Option<Percentiles>,
    /// From when a job had a connection: what a client that waits for answers before it sends would believe.
    service_ms: Option<Percentiles>,
    refusal_ms: Option<Percentiles>,
    /// How late this client itself was; part of the latency.
    client_lag_ms: Option<Percentiles>,
    /// As the server told it: the whole request less compile and run.
    overhead_ms: Option<Percentiles>,
    claims: Claims,
    warm_share: Option<f64>,
    #[serde(flatten)]
    cost: Cost,
}

#[derive(Debug, Serialize)]
pub struct Document {
    pub server: String,
    pub work: String,
    pub duration_s: f64,
    pub pacing: Option<Pacing>,
    pub connections: usize,
    pub timeout_s: f64,
    pub seed: u64,
    pub is_local: bool,
    pub notes: Vec<String>,
    pub rates: Vec<Row>,
}

impl Row {
    pub fn new(load: Load, duration: Duration, tally: Tally, cost: Cost) -> Self {
        let (offered_per_s, clients) = match load {
            Load::Open(rate) => (Some(rate), None),
            Load::Closed(clients) => (None, Some(clients)),
        };
        let (refused, failed) = (tally.all_refused(), tally.all_failed());
        let Tally {
            due,
            not_sent,
            ok,
            ok_in_time,
            timeouts,
            refused: refusals,
            failures,
            outcomes,
            claims,
            latency,
            service,
            refusal,
            lag,
            overhead,
        } = tally;
        Self {
            offered_per_s,
            clients,
            achieved_per_s: ok_in_time as f64 / duration.as_secs_f64(),
            due,
            ok,
            refused,
            failed,
            timeouts,
            not_sent,
            refusals,
            failures,
            outcomes,
            latency_ms: latency.percentiles(),
            service_ms: service.percentiles(),
            refusal_ms: refusal.percentiles(),
            client_lag_ms: lag.percentiles(),
            overhead_ms: overhead.percentiles(),
            claims,
            warm_share: claims.warm_share(),
            cost,
        }
    }

    /// The load as a number on an axis.
    pub fn load(&self) -> f64 {
        self.offered_per_s.unwrap_or_else(|| self.clients.unwrap_or_default() as f64)
    }

    pub fn latency_ms(&self) -> Option<Percentiles> {
        self.latency_ms
    }

    /// Jobs about which nothing is known but that they were not served, and nobody said why they would not be.
    pub fn is_whole(&self) -> bool {
        self.failed + self.timeouts + self.not_sent == 0
    }
}

impl Document {
    pub fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Self { server, work, duration_s, pacing, is_local, notes, rates, .. } = self;
        let arrivals = match pacing {
            Some(Pacing::Poisson) => "Poisson arrivals",
            Some(Pacing::Even) => "even arrivals",
            None => "closed loop",
        };
        writeln!(out, "{work} on {server}, {duration_s} s each, {arrivals}; latency from when a job was due, in ms")?;
        let load = if pacing.is_some() { "offered/s" } else { "clients" };
        writeln!(
            out,
            "{load:>9}{:>9}{:>8}{:>8}{:>7}{:>9}{:>9}{:>10}{:>9}{:>9}{:>9}{:>9}",
            "ok/s", "ok", "refused", "failed", "timeouts", "not sent", "p50", "p90", "p99", "p99.9", "max"
        )?;
        for row in rates {
            let Row { achieved_per_s, ok, refused, failed, timeouts, not_sent, .. } = row;
            write!(
                out,
                "{:>9}{achieved_per_s:>9.1}{ok:>8}{refused:>8}{failed:>7}{timeouts:>9}{not_sent:>9} ",
                row.load()
            )?;
            let told = row.latency_ms.map(|Percentiles { p50, p90, p99, p999, max }| [p50, p90, p99, p999, max]);
            for value in told.map_or([None; 5], |told| told.map(Some)) {
                write!(out, "{:>9}", number(value))?;
            }
            writeln!(out)?;
        }
        writeln!(out, "\nthe server's own overhead in ms, where its sandboxes came from, CPU in ms per job")?;
        writeln!(
            out,
            "{load:>9}{:>9}{:>9}{:>8}{:>7}{:>7}{:>8}{:>16}{:>14}",
            "p50", "p99", "warm", "late", "cold", "warm %", "server", "whole host"
        )?;
        for row in rates {
            let Claims { warm, late, cold } = row.claims;
            let Cost { server_cpu_ms_per_job, server_cpu_uncertainty_ms, host_cpu_ms_per_job } = row.cost;
            let server = match (server_cpu_ms_per_job, server_cpu_uncertainty_ms) {
                (Some(value), Some(uncertainty)) => format!("{value:.1} ±{uncertainty:.1}"),
                _ => "-".to_owned(),
            };
            let overhead = |of: fn(Percentiles) -> f64| number(row.overhead_ms.map(of));
            writeln!(
                out,
                "{:>9}{:>9}{:>9}{warm:>8}{late:>7}{cold:>7}{:>8}{server:>16}{:>14}",
                row.load(),
                overhead(|spread| spread.p50),
                overhead(|spread| spread.p99),
                row.warm_share.map_or("-".to_owned(), |share| format!("{:.0} %", share * 100.0)),
                number(host_cpu_ms_per_job)
            )?;
        }
        if *is_local {
            writeln!(out, "whole host: all that this machine did, the engine, this client and anything else included")?;
        }
        for row in rates {
            for (what, count) in &row.failures {
                writeln!(out, "at {}: {count} failed: {what}", row.load())?;
            }
            for (status, count) in &row.refusals {
                writeln!(out, "at {}: {count} refused: status {status}", row.load())?;
            }
            if row.outcomes.keys().any(|outcome| outcome != "ok" && outcome != "accepted") {
                let told: Vec<_> = row.outcomes.iter().map(|(what, count)| format!("{what} {count}")).collect();
                writeln!(out, "at {}: answers by what they said: {}", row.load(), told.join(", "))?;
            }
        }
        notes.iter().try_for_each(|note| writeln!(out, "{note}"))
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.1}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(tally: Tally) -> String {
        let cost = Cost {
            server_cpu_ms_per_job: Some(2.5),
            server_cpu_uncertainty_ms: Some(0.8),
            host_cpu_ms_per_job: Some(190.0),
        };
        let document = Document {
            server: "http://127.0.0.1:1".to_owned(),
            work: "python hello".to_owned(),
            duration_s: 2.0,
            pacing: Some(Pacing::Even),
            connections: 1,
            timeout_s: 60.0,
            seed: 1,
            is_local: true,
            notes: vec!["a note".to_owned()],
            rates: vec![Row::new(Load::Open(10.0), Duration::from_secs(2), tally, cost)],
        };
        let mut out = Vec::new();
        document.print(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn both_tables_have_their_columns_below_their_names() {
        let mut tally = Tally { due: 20, ok: 18, ok_in_time: 17, ..Tally::new() };
        tally.claims.warm = 18;
        tally.refused.insert(503, 2);
        tally.outcomes.insert("time_limit_exceeded".to_owned(), 18);
        assert_eq!(
            printed(tally),
            "\
python hello on http://127.0.0.1:1, 2 s each, even arrivals; latency from when a job was due, in ms
offered/s     ok/s      ok refused failed timeouts not sent       p50      p90      p99    p99.9      max
       10      8.5      18       2      0        0        0         -        -        -        -        -

the server's own overhead in ms, where its sandboxes came from, CPU in ms per job
offered/s      p50      p99    warm   late   cold  warm %          server    whole host
       10        -        -      18      0      0   100 %        2.5 ±0.8         190.0
whole host: all that this machine did, the engine, this client and anything else included
at 10: 2 refused: status 503
at 10: answers by what they said: time_limit_exceeded 18
a note
"
        );
    }

    #[test]
    fn a_rate_is_whole_when_every_job_was_sent_and_answered_or_refused() {
        let cost = Cost { server_cpu_ms_per_job: None, server_cpu_uncertainty_ms: None, host_cpu_ms_per_job: None };
        let row = |tally| Row::new(Load::Closed(1), Duration::from_secs(1), tally, cost);
        let mut refused = Tally { due: 1, ..Tally::new() };
        refused.refused.insert(429, 1);
        assert!(row(refused).is_whole());
        assert!(!row(Tally { due: 1, timeouts: 1, ..Tally::new() }).is_whole());
        assert!(!row(Tally { due: 1, not_sent: 1, ..Tally::new() }).is_whole());
    }
}
