//! wrk as a closed loop: a client that sends its next request when it has its answer.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use serde_json::Value;

/// What wrk saw. Latencies in microseconds, each with how often it was seen.
#[derive(Debug, Default)]
pub struct Seen {
    pub latencies: Vec<(u64, u64)>,
    pub requests: u64,
    pub seconds: f64,
}

/// One client until it has `requests` answers, all of them `ok` and warm.
pub fn warm_hits(url: &str, body: &Value, requests: usize, at_most: Duration) -> Seen {
    wrk(url, body, 1, at_most, &[("REQUESTS", requests.to_string()), ("ONLY_WARM", "1".to_owned())])
}

/// So many clients for a while, whatever the claims.
pub fn sustained(url: &str, body: &Value, clients: usize, how_long: Duration) -> Seen {
    wrk(url, body, clients, how_long, &[])
}

fn wrk(url: &str, body: &Value, clients: usize, how_long: Duration, environment: &[(&str, String)]) -> Seen {
    let directory = tempfile::tempdir().unwrap();
    let body_file = directory.path().join("body.json");
    fs::write(&body_file, body.to_string()).unwrap();
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &clients.to_string()])
        .args(["--duration", &format!("{}s", how_long.as_secs()), "--timeout", "60s"])
        .arg("--script")
        .arg(script())
        .arg(format!("{url}/v1/execute"))
        .env("BODY", &body_file)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let bad: Vec<_> = said.lines().filter(|line| line.starts_with("bad ")).take(3).collect();
    assert!(output.status.success() && bad.is_empty(), "{}\n{bad:?}", String::from_utf8_lossy(&output.stderr));
    let mut seen = Seen::default();
    for line in said.lines() {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["latency", value, count] => seen.latencies.push((value.parse().unwrap(), count.parse().unwrap())),
            ["total", requests, microseconds] => {
                seen.requests = requests.parse().unwrap();
                seen.seconds = microseconds.parse::<f64>().unwrap() / 1e6;
            }
            _ => {}
        }
    }
    seen
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/overhead/load.lua")
}
