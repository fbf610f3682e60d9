//! What a sandbox costs before anybody wants it: the memory of one that waits, and how long one takes to make.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::json;

use crate::{
    bare::Root,
    client::{Client, Request},
    engines,
    figures::median,
    jobs::INPUT,
    noop,
    server::{Arrange, Server, until},
};

/// Of one language on one engine, in MiB for each idle sandbox: of the whole machine's `MemAvailable`.
pub struct Memory {
    pub name: &'static str,
    pub sandboxes: usize,
    pub mib: f64,
}

/// Sandboxes that are made for requests, because there is no shelf. Milliseconds.
pub struct Cold {
    /// What the claim took, as answers tell it.
    pub claims: Vec<f64>,
    /// From the order to make a sandbox until it was ready: the mean by `caisson_sandbox_boot_seconds`.
    pub boot: f64,
    /// A static program, bare, in turns.
    pub bare: Vec<f64>,
}

const LOOKS: usize = 9;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
const COLD_ROUNDS: usize = 5;
const COLD_CLAIMS: usize = 40;

pub fn memory() -> Vec<Memory> {
    let of = |name, arrange: Arrange, language, sandboxes| {
        let server = arrange.warm();
        let mib = memory_of(&server, language, sandboxes);
        server.stop();
        Memory { name, sandboxes, mib }
    };
    // Where there are more, the rest of the machine counts for less.
    vec![
        of("static, Docker", engines::on_docker(&[("binary", 1)]), "binary", 16),
        of("static, native", engines::on_native(&[("binary", 1)]), "binary", 150),
        of("python, armed, Docker", engines::on_docker(&[("python", 1)]), "python", 12),
        of("python, armed, native", engines::on_native(&[("python", 1)]), "python", 60),
    ]
}

/// MiB for each of so many more than there are.
pub fn memory_of(server: &Server, language: &str, sandboxes: usize) -> f64 {
    let before = available_mib();
    let hint = json!({"size": sandboxes + 1, "hold_ms": 600_000}).to_string();
    let path = format!("/v1/pools/{language}/hints");
    let reply = server.send("PUT", &path, Some("application/json"), hint.into_bytes());
    assert!(reply.status < 300, "{}", reply.body);
    until("the sandboxes are there", || {
        server.status()["pools"][0]["ready"].as_u64().is_some_and(|ready| ready > sandboxes as u64)
    });
    (before - available_mib()) / sandboxes as f64
}

/// The median of several looks: others on this machine take and give back, too.
fn available_mib() -> f64 {
    let look = |_| {
        thread::sleep(BETWEEN_LOOKS);
        let text = fs::read_to_string("/proc/meminfo").expect("Linux has /proc/meminfo");
        let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:")).expect("since Linux 3.14");
        let kib: f64 = line.trim_end_matches("kB").trim().parse().expect("a number");
        kib / 1024.0
    };
    median(&Vec::from_iter((0..LOOKS).map(look)))
}

/// On the native engine.
pub fn cold(files: &Path) -> Cold {
    let server = engines::on_native(&[("binary", 0)]).warm();
    let root = Root::of("binary", files, INPUT);
    let request = Request::new("/v1/execute", &noop::request());
    let mut client = Client::of(&server.url);
    let mut claim = || {
        let answer = client.send(&request).json();
        assert_eq!(answer["claim"], "cold", "{answer}");
        answer["timing"]["claim_ms"].as_f64().expect("answers tell it")
    };
    // The first is inspected and rehearsed, and all others are copies.
    claim();
    let boots = |end: &str| server.metric(&format!("caisson_sandbox_boot_seconds_{end}{{language=\"binary\"}}"));
    let (sum, count) = (boots("sum"), boots("count"));
    let mut cold = Cold { claims: Vec::new(), boot: 0.0, bare: Vec::new() };
    for _ in 0..COLD_ROUNDS {
        cold.claims.extend((0..COLD_CLAIMS).map(|_| claim()));
        cold.bare.extend((0..COLD_CLAIMS).map(|_| root.time(&[&["./noop"]]).took.as_secs_f64() * 1e3));
    }
    cold.boot = (boots("sum") - sum) * 1e3 / (boots("count") - count);
    server.stop();
    cold
}
