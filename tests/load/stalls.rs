//! A server that stands still for a while: what an open loop is for.

use std::{fs, thread, time::Duration};

use tempfile::NamedTempFile;

use crate::{
    report::{Bench, Report},
    server::{Arrange, Server},
};

const STALL: Duration = Duration::from_millis(1_200);
/// Each takes a tenth of a second, so that a closed loop of one client has about as many jobs as the open one, and the
/// shelf has sandboxes for all of them.
const SLEEPS: &str = r#"{"language": "bash", "source": "sleep 0.1"}"#;

fn job() -> NamedTempFile {
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), SLEEPS).unwrap();
    file
}

fn stop_for(server: &Server, stall: Duration) {
    server.signal("STOP");
    thread::sleep(stall);
    server.signal("CONT");
}

/// With a stall after its first second.
fn stalled(server: &Server, load: &[&str]) -> Report {
    server.until_full();
    let job = job();
    let arguments = [load, &["--duration", "4s", "--job", job.path().to_str().unwrap()]].concat();
    let mut bench = Bench::start(server, &arguments);
    bench.next_line();
    stop_for(server, STALL);
    bench.report()
}

#[test]
fn a_stall_is_in_the_latency_of_all_who_came_meanwhile_and_a_closed_loop_would_hide_it() {
    let server = Arrange::new(&[("bash", 22)]).warm();
    let open = stalled(&server, &["--rate", "5", "--pacing", "even"]);
    assert_eq!(open.code, Some(0), "{}", open.said);
    // 6 of 20 came during the stall.
    assert!(open.number("/latency_ms/p99") >= 500.0, "{}", open.said);
    let closed = stalled(&server, &["--clients", "1"]);
    assert_eq!(closed.code, Some(0), "{}", closed.said);
    // It asked once while the server stood still.
    assert!(closed.number("/latency_ms/max") >= 500.0, "{}", closed.said);
    let [open_p90, closed_p90] = [&open, &closed].map(|report| report.number("/latency_ms/p90"));
    assert!(open_p90 > 2.0 * closed_p90, "{}\n{}", open.said, closed.said);
    server.stop();
}

#[test]
fn what_is_under_way_is_bounded_and_what_was_not_sent_is_told() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    let job = job();
    let arguments = ["--rate", "8000", "--duration", "3s", "--timeout", "20s", "--connections", "4", "--job"];
    let mut bench = Bench::start(&server, &[&arguments[..], &[job.path().to_str().unwrap()]].concat());
    bench.next_line();
    stop_for(&server, STALL);
    let report = bench.report();
    assert_eq!(report.code, Some(1), "{}", report.said);
    assert!(report.number("/not_sent") > 0.0 && report.number("/timeouts") > 0.0, "{}", report.said);
    let all: f64 = ["/ok", "/refused", "/failed", "/timeouts", "/not_sent"].iter().map(|end| report.number(end)).sum();
    assert_eq!(all, report.number("/due"), "{}", report.said);
    server.stop();
}
