//! What processor time the jobs cost, and when the server has recovered from them.

use std::{
    fs,
    net::IpAddr,
    thread,
    time::{Duration, Instant},
};

use serde::Serialize;

use crate::cli::client::Server;

/// Looks at the server and, if it is this one, at its machine.
#[derive(Debug)]
pub struct Machine<'a> {
    server: &'a Server,
    is_local: bool,
}

/// Seconds of processor time so far.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    server: Option<f64>,
    host: Option<f64>,
}

/// Milliseconds of processor time for each answered job, and how exact they are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Cost {
    /// The service's own process, as /metrics tells it: in whole seconds, which is little of a short run.
    pub server_cpu_ms_per_job: Option<f64>,
    pub server_cpu_uncertainty_ms: Option<f64>,
    /// All that this machine did meanwhile: engine, sandboxes, service, this client, and whatever else runs here.
    pub host_cpu_ms_per_job: Option<f64>,
}

/// How long a server may take to refill its shelves: a deep one is many boots. Too short, and the next rate begins with
/// the last one's debts; too long, and a server that never has all it wants is waited for in vain.
const RECOVERY_PATIENCE: Duration = Duration::from_secs(60);
/// Time enough for a warmer that waits for a quiet moment, or a sandbox that rests, to be seen at work again. More than
/// the 3 s for which the used ones rest.
const QUIET: Duration = Duration::from_millis(3_500);
const PAUSE: Duration = Duration::from_millis(100);
/// Linux tells user space about ticks of a hundredth of a second, whatever it uses itself.
const TICKS_PER_SECOND: f64 = 100.0;

impl<'a> Machine<'a> {
    pub fn new(server: &'a Server, host: &str) -> Self {
        let is_local = host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        Self { server, is_local }
    }

    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Until every shelf is full, or nothing has moved for a while, and nothing used is left. Without a look at
    /// /metrics, which may take another key, an error says so.
    pub fn recovered(&self) -> anyhow::Result<()> {
        let begun = Instant::now();
        let mut still_since = None;
        while begun.elapsed() < RECOVERY_PATIENCE {
            let sandboxes = Sandboxes::of(&self.server.text("/metrics")?);
            if sandboxes.moving > 0.0 {
                still_since = None;
            } else if sandboxes.ready >= sandboxes.wanted
                || still_since.get_or_insert_with(Instant::now).elapsed() > QUIET
            {
                break;
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    pub fn read(&self) -> Reading {
        let metrics = self.server.text("/metrics").ok();
        let server = metrics.and_then(|metrics| value(&metrics, "process_cpu_seconds_total", ""));
        let host = if self.is_local { fs::read_to_string("/proc/stat").ok() } else { None };
        Reading { server, host: host.as_deref().and_then(busy_seconds) }
    }
}

impl Reading {
    pub fn cost_until(self, after: Self, jobs: u64) -> Cost {
        let per_job = |seconds: f64| (jobs > 0).then(|| seconds * 1e3 / jobs as f64);
        let between = |before: Option<f64>, after: Option<f64>| per_job(after? - before?);
        let server_cpu_ms_per_job = between(self.server, after.server);
        Cost {
            server_cpu_ms_per_job,
            server_cpu_uncertainty_ms: server_cpu_ms_per_job.and_then(|_| per_job(1.0)),
            host_cpu_ms_per_job: between(self.host, after.host),
        }
    }
}

#[derive(Debug, PartialEq)]
struct Sandboxes {
    /// In the making, in use, or dying.
    moving: f64,
    ready: f64,
    wanted: f64,
}

impl Sandboxes {
    fn of(metrics: &str) -> Self {
        let in_state = |state| {
            let label = format!("state=\"{state}\"");
            value(metrics, "caisson_pool_sandboxes", &label).unwrap_or(0.0)
        };
        Self {
            moving: in_state("booting") + in_state("claimed") + in_state("destroying"),
            ready: in_state("ready"),
            wanted: value(metrics, "caisson_pool_target", "").unwrap_or(0.0),
        }
    }
}

/// The sum of a metric's series that have this label. None: there is no such series.
fn value(metrics: &str, name: &str, label: &str) -> Option<f64> {
    let of_line = |line: &str| {
        let (series, value) = line.rsplit_once(' ')?;
        let (found, labels) = series.split_once('{').unwrap_or((series, ""));
        (found == name && labels.contains(label)).then(|| value.parse::<f64>().ok()).flatten()
    };
    metrics.lines().filter_map(of_line).reduce(|sum, value| sum + value)
}

/// user nice system idle iowait irq softirq steal: all but idle, iowait and what others stole.
fn busy_seconds(stat: &str) -> Option<f64> {
    let fields: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).map_while(|field| field.parse().ok()).collect();
    let busy: Option<f64> = [0, 1, 2, 5, 6].iter().map(|index| fields.get(*index)).sum();
    Some(busy? / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# HELP caisson_pool_target Ready sandboxes wanted.\n\
                           caisson_pool_sandboxes{language=\"c\",state=\"booting\"} 1\n\
                           caisson_pool_sandboxes{language=\"c\",state=\"claimed\"} 2\n\
                           caisson_pool_sandboxes{language=\"c\",state=\"destroying\"} 3\n\
                           caisson_pool_sandboxes{language=\"c\",state=\"ready\"} 4\n\
                           caisson_pool_sandboxes{language=\"bash\",state=\"ready\"} 5\n\
                           caisson_pool_target{language=\"c\"} 6\n\
                           caisson_pool_target{language=\"bash\"} 5\n\
                           process_cpu_seconds_total 12\n";

    #[test]
    fn what_moves_what_is_ready_and_what_is_wanted_are_sums_over_languages() {
        assert_eq!(Sandboxes::of(METRICS), Sandboxes { moving: 6.0, ready: 9.0, wanted: 11.0 });
        assert_eq!(value(METRICS, "process_cpu_seconds_total", ""), Some(12.0));
        assert_eq!(value(METRICS, "process_cpu_seconds", ""), None);
    }

    #[test]
    fn the_machine_is_busy_with_all_but_waiting() {
        assert_eq!(busy_seconds("cpu  100 20 30 4000 500 6 7 80 0 0\ncpu0 1 1 1"), Some(1.63));
        assert_eq!(busy_seconds("cpu 1 2"), None);
    }

    #[test]
    fn a_cost_is_the_difference_over_the_jobs_and_knows_how_exact_it_is() {
        let before = Reading { server: Some(3.0), host: Some(100.0) };
        let cost = before.cost_until(Reading { server: Some(5.0), host: None }, 100);
        assert_eq!(
            cost,
            Cost {
                server_cpu_ms_per_job: Some(20.0),
                server_cpu_uncertainty_ms: Some(10.0),
                host_cpu_ms_per_job: None
            }
        );
        assert_eq!(before.cost_until(before, 0).host_cpu_ms_per_job, None);
    }
}
