//! Ten times as many jobs as the machine can carry, for a minute: those that are accepted must hardly feel it, the others
//! must be told at once, and afterwards all must be as it was. Exit code 1 when a target is missed. Needs a Docker engine
//! and the images.

#[path = "../../tests/support/engine.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/support/server.rs"]
#[expect(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

use std::{
    fs,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use server::{Arrange, Server, caisson, until};

/// A rate that disturbs nobody.
const UNLOADED: &str = "2";
const OVER: f64 = 10.0;
/// Long enough for a 99th percentile.
const MINUTE: &str = "60s";

const MOST_OVERHEAD_RATIO: f64 = 3.0;
const MOST_REFUSAL_MS: f64 = 20.0;
/// Without a queue whoever meets two others is refused, at whatever rate.
const MOST_REFUSED: f64 = 0.02;
const MOST_RECOVERY: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    // Jobs begin at once or are refused: whoever asks for answers in time wants no queue.
    let arranged = Arrange::new(&[("python", 12)]).set("pool.queue_patience_ms=0");
    // As an operator has it: a line for each refusal, read by this process, would be a part of the load.
    let server = arranged.set("log.filter=info").warm();
    let carried = number(&load(&server, &["--clients", "4", "--duration", "10s"]), "achieved_per_s");
    server.until_full();
    let unloaded = load(&server, &["--rate", UNLOADED, "--duration", MINUTE]);
    server.until_full();
    let memory_before = resident_mib(&server);
    let rate = (OVER * carried).ceil().to_string();
    let overloaded = load(&server, &["--rate", &rate, "--duration", MINUTE]);
    let since = Instant::now();
    server.until_full();
    let recovery = since.elapsed();
    let memory_after = resident_mib(&server);
    let afterwards = load(&server, &["--rate", UNLOADED, "--duration", MINUTE]);

    println!("carried in a closed loop of four: {carried:.1} jobs/s; offered for a minute: {rate}");
    println!("{:<12}{:>8}{:>8}{:>9}{:>8}{:>16}{:>10}", "", "jobs", "ok", "refused", "failed", "overhead p50", "p99");
    for (name, row) in [("unloaded", &unloaded), ("overloaded", &overloaded), ("afterwards", &afterwards)] {
        let [due, ok, refused, failed] = ["due", "ok", "refused", "failed"].map(|key| number(row, key));
        let [p50, p99] = ["p50", "p99"].map(|key| number(&row["overhead_ms"], key));
        println!("{name:<12}{due:>8}{ok:>8}{refused:>9}{failed:>8}{p50:>13.2} ms{p99:>7.2} ms");
    }
    println!("resident memory of the service: {memory_before:.1} MiB before, {memory_after:.1} after");

    let p99 = |row: &Value| number(&row["overhead_ms"], "p99");
    let refusal = number(&overloaded["refusal_ms"], "p99");
    let lost = ["failed", "timeouts", "not_sent"].map(|key| number(&overloaded, key)).iter().sum::<f64>();
    let met = [
        target("overhead of the accepted, p99 to p99 unloaded", p99(&overloaded) / p99(&unloaded), MOST_OVERHEAD_RATIO),
        target("refusals, p99, ms", refusal, MOST_REFUSAL_MS),
        target("jobs without a clean answer", lost, 0.0),
        target("seconds until every shelf is full again", recovery.as_secs_f64(), MOST_RECOVERY.as_secs_f64()),
        target("overhead afterwards, p99 to p99 before", p99(&afterwards) / p99(&unloaded), MOST_OVERHEAD_RATIO),
        target("share refused afterwards", number(&afterwards, "refused") / number(&afterwards, "due"), MOST_REFUSED),
    ];
    // Fails when a sandbox or a process is left.
    server.stop();
    if met.iter().all(|is_met| *is_met) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The row of `caisson bench` for one load.
fn load(server: &Server, arguments: &[&str]) -> Value {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let path = file.path().to_str().expect("a path in UTF-8");
    let common = ["bench", "--url", &server.url, "--language", "python", "--json", path];
    let status = caisson().args(common).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.expect("caisson bench runs");
    assert!(status.code().is_some_and(|code| code < 2), "caisson bench {arguments:?}: {status}");
    let document: Value = serde_json::from_slice(&fs::read(path).expect("its report")).expect("JSON");
    document["rates"][0].clone()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("no number {key} in {row}"))
}

fn resident_mib(server: &Server) -> f64 {
    let mut pages = None;
    until("the service's memory is known", || {
        let statm = fs::read_to_string(format!("/proc/{}/statm", server.pid())).unwrap_or_default();
        pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok());
        pages.is_some()
    });
    let page = Command::new("getconf").arg("PAGESIZE").output().expect("getconf");
    let page: f64 = String::from_utf8_lossy(&page.stdout).trim().parse().expect("a page's size");
    pages.unwrap_or_default() * page / (1024.0 * 1024.0)
}

fn target(what: &str, seen: f64, most: f64) -> bool {
    let is_met = seen <= most;
    println!("{:<7}{what:<48}{seen:>8.2}   at most {most}", if is_met { "met" } else { "MISSED" });
    is_met
}
