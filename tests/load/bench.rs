//! What `caisson bench` tells of a server that does what it can.

use std::fs;

use crate::{
    report::Report,
    server::{Arrange, caisson, until},
};

/// All jobs of one rate, by what became of them.
const ENDS: [&str; 5] = ["/ok", "/refused", "/failed", "/timeouts", "/not_sent"];

#[test]
fn what_a_server_carries_is_achieved_and_every_field_is_there() {
    let server = Arrange::new(&[("bash", 16)]).warm();
    let arguments = ["--language", "bash", "--rate", "4", "--pacing", "even", "--duration", "3s"];
    let report = Report::of(&server, &arguments);
    assert_eq!(report.code, Some(0), "{}", report.said);
    // The last may be answered after the time is over.
    assert!((11.0 / 3.0..=4.0).contains(&report.number("/achieved_per_s")), "{}", report.said);
    assert_eq!(ENDS.map(|end| report.number(end)), [12.0, 0.0, 0.0, 0.0, 0.0], "{}", report.said);
    for spread in ["latency_ms", "service_ms", "client_lag_ms", "overhead_ms"] {
        let rising = ["p50", "p90", "p99", "p999", "max"].map(|name| report.number(&format!("/{spread}/{name}")));
        assert!(rising.is_sorted() && rising[0] > 0.0, "{spread}: {rising:?}");
    }
    assert_eq!(["warm", "late", "cold"].map(|claim| report.number(&format!("/claims/{claim}"))), [12.0, 0.0, 0.0]);
    assert_eq!((report.number("/warm_share"), report.number("/outcomes/ok")), (1.0, 12.0));
    assert!(report.number("/host_cpu_ms_per_job") > 0.0 && report.number("/server_cpu_ms_per_job") >= 0.0);
    assert_eq!((&report.document["pacing"], &report.document["duration_s"]), (&"even".into(), &3.0.into()));
    assert!(is_well_formed(&report.svg), "{}", report.svg);
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_sweep_has_a_row_and_two_points_for_each_rate_and_a_mix_is_told_apart() {
    let server = Arrange::new(&[("cpp", 4), ("python", 8)]).warm();
    let arguments = ["--mix", "tests/load/mix.json", "--rate", "1,2", "--duration", "4s", "--seed", "3"];
    let report = Report::of(&server, &arguments);
    assert_eq!(report.code, Some(0), "{}", report.said);
    let rates = report.document["rates"].as_array().unwrap();
    assert_eq!(rates.iter().map(|rate| rate["offered_per_s"].as_f64().unwrap()).collect::<Vec<_>>(), [1.0, 2.0]);
    let accepted: u64 = rates.iter().filter_map(|rate| rate["outcomes"]["accepted"].as_u64()).sum();
    assert!(accepted > 0, "{}", report.said);
    assert_eq!(report.svg.matches("<circle").count(), 4, "{}", report.svg);
    server.stop();
}

#[test]
fn far_too_much_is_refused_and_counted_as_such() {
    let server = Arrange::new(&[("bash", 2)]).set("pool.queue=4").warm();
    let report = Report::of(&server, &["--language", "bash", "--rate", "200", "--duration", "2s"]);
    // To be refused is an answer.
    assert_eq!(report.code, Some(0), "{}", report.said);
    let [ok, refused, failed, timeouts, not_sent] = ENDS.map(|end| report.number(end));
    assert!(ok > 0.0 && refused > ok, "{}", report.said);
    assert_eq!((failed, timeouts, not_sent), (0.0, 0.0, 0.0), "{}", report.said);
    assert_eq!((ok + refused, report.number("/refusals/503")), (report.number("/due"), refused), "{}", report.said);
    server.stop();
}

#[test]
fn to_wait_for_a_connection_is_latency_of_the_job_and_not_of_the_service() {
    let server = Arrange::new(&[("bash", 8)]).warm();
    let arguments = ["--language", "bash", "--rate", "40", "--duration", "1s", "--connections", "1"];
    let report = Report::of(&server, &arguments);
    for percentile in ["p50", "p90", "p99", "p999", "max"] {
        let [latency, service] = ["latency", "service"].map(|of| report.number(&format!("/{of}_ms/{percentile}")));
        assert!(latency >= service, "{percentile}: {}", report.said);
    }
    // The last had to wait for most of the others.
    assert!(report.number("/latency_ms/max") > 2.0 * report.number("/service_ms/p50"), "{}", report.said);
    server.stop();
}

#[test]
fn a_closed_loop_has_as_many_jobs_under_way_as_clients_and_offers_no_rate() {
    let server = Arrange::new(&[("bash", 8)]).warm();
    let report = Report::of(&server, &["--language", "bash", "--clients", "2", "--duration", "1s"]);
    assert_eq!(report.code, Some(0), "{}", report.said);
    assert!(report.rate()["offered_per_s"].is_null() && report.document["pacing"].is_null());
    assert_eq!((report.number("/clients"), report.number("/ok")), (2.0, report.number("/due")), "{}", report.said);
    server.stop();
}

#[test]
fn a_key_that_may_only_run_code_is_enough_and_what_it_does_not_show_is_told() {
    const KEY: &str = "0123456789abcdef0123";
    let keys = format!("server.keys=[{{name = \"load\", token = \"{KEY}\", scopes = [\"execute\"]}}]");
    let server = Arrange::new(&[("bash", 2)]).set(keys).start();
    until("it is ready", || server.get("/readyz").status == 200);
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), format!("{KEY}\n")).unwrap();
    let arguments = ["--language", "bash", "--rate", "2", "--duration", "1s", "--key-file"];
    let report = Report::of(&server, &[&arguments[..], &[key.path().to_str().unwrap()]].concat());
    assert_eq!(report.code, Some(0), "{}", report.said);
    assert!(report.number("/ok") > 0.0 && report.rate()["server_cpu_ms_per_job"].is_null(), "{}", report.said);
    assert!(report.said.contains("the server's CPU is not known"), "{}", report.said);
    let output = caisson().args(["bench", "--url", &server.url, "--rate", "1"]).output().unwrap();
    assert!(output.status.code() == Some(125) && String::from_utf8_lossy(&output.stderr).contains("unauthenticated"));
    server.stop();
}

#[test]
fn what_cannot_be_measured_is_explained() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    for (arguments, code, words) in [
        (vec!["--rate", "1", "--url", "http://127.0.0.1:1"], 125, "no answer from http://127.0.0.1:1"),
        (vec!["--rate", "1", "--url", "https://127.0.0.1:1"], 125, "does not begin with http://"),
        (vec!["--rate", "1", "--language", "cobol"], 125, "give one with --job"),
        (vec!["--rate", "1", "--language", "python", "--url", &server.url], 125, "unknown_language"),
        (vec!["--rate", "1", "--job", "no/such.json"], 125, "could not read no/such.json"),
        (vec!["--rate", "0"], 2, "must be more than 0"),
        (vec!["--rate", "1", "--clients", "1"], 2, "cannot be used with"),
        (vec!["--rate", "1", "--duration", "30"], 2, "500ms, 30s, 2m"),
    ] {
        let output = caisson().arg("bench").args(&arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && said.contains(words), "{arguments:?}: {said}");
    }
    server.stop();
}

/// Every element that begins ends, in the right order. What is drawn has no text with `<` or `>` in it.
fn is_well_formed(xml: &str) -> bool {
    let mut open = Vec::new();
    for tag in xml.split('<').skip(1).filter_map(|rest| rest.split_once('>')).map(|(tag, _)| tag) {
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        if tag.starts_with('/') {
            if open.pop() != Some(name) {
                return false;
            }
        } else if !tag.ends_with('/') {
            open.push(name);
        }
        if tag.matches('"').count() % 2 == 1 {
            return false;
        }
    }
    open.is_empty() && xml.starts_with("<svg ")
}
