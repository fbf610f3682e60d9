//! One language: what a job costs, what follows from that, and whether it is so.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    machine,
    server::{Arrange, Server, caisson},
};

/// Times in milliseconds, rates per second.
pub struct Capacity {
    pub language: &'static str,
    /// A warm job as a client sees it, at a rate that troubles nobody.
    pub job_ms: f64,
    /// The whole machine's processor time for one job at that rate, less what it does when it is idle.
    pub cost_ms: f64,
    /// Processors that were busy although nobody asked for anything.
    pub idle: f64,
    pub processors: f64,
    /// The rates of a sweep from half to far beyond what was reckoned, as `caisson bench --json` tells them.
    pub sweep: Vec<Value>,
    /// The median of several bursts.
    pub burst: f64,
}

/// A third of what a small machine carries.
const GENTLE: f64 = 3.0;
const GENTLY_FOR: &str = "20s";
const SWEEP_FOR: &str = "15s";
/// Of the reckoned rate.
const SHARES: [f64; 5] = [0.5, 0.8, 1.0, 1.3, 2.0];
/// So few that a rate that is sustained is little the better for them.
const SMALL_SHELF: usize = 4;
const DEEP_SHELF: usize = 20;
/// How much of the deep shelf a burst may use up: what is warm is all that it shall meet.
const OF_SHELF: f64 = 0.6;
const BURSTS: usize = 5;
const LOOK_AT_IDLE: Duration = Duration::from_secs(5);
/// Processors that may be busy with other things, and how long we wait for that. Without an end, a machine that is never
/// quiet would never be told so.
const QUIET: f64 = 0.2;
const QUIET_PATIENCE: Duration = Duration::from_secs(120);

impl Capacity {
    /// # Errors
    /// When other things keep the machine so busy that nothing can be told of ours.
    pub fn of(language: &'static str) -> Result<Self, String> {
        let processors = thread::available_parallelism().map_or(1.0, |count| count.get() as f64);
        let (server, idle) = idle_server(language, SMALL_SHELF);
        let since = Instant::now();
        let gently = bench(&server, language, &["--rate", &GENTLE.to_string(), "--duration", GENTLY_FOR]);
        let idle_ms_per_job = idle * since.elapsed().as_secs_f64() * 1e3 / number(&gently[0], "/ok");
        let cost_ms = number(&gently[0], "/host_cpu_ms_per_job") - idle_ms_per_job;
        if cost_ms <= 0.0 || idle >= processors {
            return Err(format!("{idle:.1} of {processors} processors were busy with other things"));
        }
        let job_ms = number(&gently[0], "/service_ms/p50");
        let reckoned = (processors - idle) * 1e3 / cost_ms;
        let rates: Vec<_> = SHARES.iter().map(|share| format!("{:.1}", share * reckoned)).collect();
        let sweep = bench(&server, language, &["--rate", &rates.join(","), "--duration", SWEEP_FOR]);
        server.stop();

        let (server, _) = idle_server(language, DEEP_SHELF);
        let clients = vec![processors.to_string(); BURSTS].join(",");
        let long = DEEP_SHELF as f64 * OF_SHELF * job_ms / processors;
        let duration = format!("{}ms", long.ceil());
        let mut bursts: Vec<_> = bench(&server, language, &["--clients", &clients, "--duration", &duration])
            .iter()
            .map(|burst| number(burst, "/achieved_per_s"))
            .collect();
        server.stop();
        bursts.sort_by(f64::total_cmp);
        Ok(Self { language, job_ms, cost_ms, idle, processors, sweep, burst: bursts[BURSTS / 2] })
    }

    /// What is idle work is not to be had.
    pub fn reckoned(&self) -> f64 {
        (self.processors - self.idle) * 1e3 / self.cost_ms
    }

    pub fn reckoned_burst(&self) -> f64 {
        self.processors * 1e3 / self.job_ms
    }

    /// The most that any of the rates came to.
    pub fn sustained(&self) -> f64 {
        self.sweep.iter().map(|rate| number(rate, "/achieved_per_s")).fold(0.0, f64::max)
    }
}

pub fn number(row: &Value, path: &str) -> f64 {
    row.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no number at {path} of {row:#}"))
}

/// A server with full shelves, and the processors that its machine keeps busy without it.
fn idle_server(language: &'static str, shelf: usize) -> (Server, f64) {
    // A short queue: what is refused need not be waited for when a rate is over.
    let server = Arrange::new(&[(language, shelf)]).set("pool.queue=16").set("log.filter=info").warm();
    let begun = Instant::now();
    loop {
        let (busy, since) = (machine::busy_seconds(), Instant::now());
        thread::sleep(LOOK_AT_IDLE);
        let idle = (machine::busy_seconds() - busy) / since.elapsed().as_secs_f64();
        if idle < QUIET || begun.elapsed() > QUIET_PATIENCE {
            return (server, idle);
        }
    }
}

/// The rows of its document.
fn bench(server: &Server, language: &str, load: &[&str]) -> Vec<Value> {
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = caisson()
        .args(["bench", "--server", &server.url, "--language", language])
        .args(load)
        .arg("--json")
        .arg(file.path())
        .output()
        .unwrap();
    // What it says of its progress is for whoever waits for us, too.
    eprint!("{language}: {}", String::from_utf8_lossy(&output.stdout));
    let text = std::fs::read_to_string(file.path()).unwrap();
    let document: Value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("nothing was measured: {}", String::from_utf8_lossy(&output.stderr)));
    document["rates"].as_array().unwrap().clone()
}
