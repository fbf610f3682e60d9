//! What operators see of a service that works: metrics, log lines, the command line's doctor.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use serde_json::json;

use crate::server::{Arrange, until};

/// Appears in sources, inputs and outputs, and nowhere else.
const SECRET: &str = "hunter2hunter2";

#[test]
fn neither_source_nor_input_nor_output_is_ever_logged() {
    let server = Arrange::new(&[("python", 1)]).set("log.filter=trace").warm();
    let source =
        format!("import os, sys\nprint('{SECRET}', sys.stdin.read(), file=sys.stderr)\nprint('{SECRET}')\nsys.exit(3)");
    let request = json!({
        "language": "python", "source": source, "stdin": SECRET, "args": [SECRET], "env": {"SECRET": SECRET},
        "artifacts": [SECRET],
    });
    let answer = server.execute(&request);
    assert!(answer["run"]["stderr"].as_str().unwrap().contains(SECRET));
    let refused = server.post("/v1/execute", json!({"language": SECRET, "source": SECRET, SECRET: SECRET}).to_string());
    assert_eq!(refused.status, 400);
    server.post("/v1/execute", format!("{{{SECRET}"));
    server
        .post("/execute", json!({"payload": SECRET, "lang": "python", "timelimit": "5", "memlimit": "50"}).to_string());
    server.nothing_is_left();
    let log = server.log();
    assert!(log.len() > 10, "a log at the level of trace is long");
    let leaks: Vec<_> = log.iter().filter(|line| line.contains(SECRET)).collect();
    assert_eq!(leaks, Vec::<&String>::new());
    server.stop();
}

#[test]
fn every_wait_of_a_job_is_a_metric() {
    let server = Arrange::new(&[("c", 1), ("bash", 1)]).warm();
    let c = json!({"language": "c", "source": "int main(void) { return 0; }"});
    assert_eq!(server.execute(&c)["status"], "ok");
    for (series, value) in [
        ("caisson_jobs_total{language=\"c\",outcome=\"ok\"}", 1.0),
        ("caisson_job_overhead_seconds_count{language=\"c\"}", 1.0),
        ("caisson_job_duration_seconds_count{language=\"c\"}", 1.0),
        ("caisson_stage_duration_seconds_count{language=\"c\",stage=\"compile\"}", 1.0),
        ("caisson_stage_duration_seconds_count{language=\"c\",stage=\"run\"}", 1.0),
        ("caisson_claims_total{language=\"c\",result=\"warm\"}", 1.0),
        ("caisson_claim_wait_seconds_count{language=\"c\",result=\"warm\"}", 1.0),
        ("caisson_queue_wait_seconds_count{priority=\"interactive\"}", 1.0),
        ("caisson_program_cpu_seconds_count{language=\"c\",stage=\"compile\"}", 1.0),
        ("caisson_program_memory_bytes_count{language=\"c\",stage=\"run\"}", 1.0),
        // No compiler and no program is as small.
        ("caisson_program_memory_bytes_bucket{language=\"c\",stage=\"compile\",le=\"1048576\"}", 0.0),
        ("caisson_in_flight_bytes", 0.0),
        ("caisson_in_flight_bytes_limit", 1_073_741_824.0),
        ("caisson_engine_up", 1.0),
        ("caisson_jobs_total{language=\"bash\",outcome=\"ok\"}", 0.0),
        ("caisson_pool_target{language=\"bash\"}", 1.0),
        ("caisson_engine_errors_total{kind=\"refused\",operation=\"create\"}", 0.0),
    ] {
        assert_eq!(server.metric(series), value, "{series}");
    }
    // Connections of requests before are counted until their end has been noticed.
    until("only the one that asks is connected", || server.metric("caisson_connections") == 1.0);
    assert!(server.metric("caisson_program_cpu_seconds_sum{language=\"c\",stage=\"compile\"}") > 0.0);
    server.nothing_is_left();
    for (series, value) in [
        ("caisson_pool_sandboxes{language=\"c\",state=\"ready\"}", 1.0),
        ("caisson_pool_sandboxes{language=\"c\",state=\"claimed\"}", 0.0),
        ("caisson_pool_sandboxes{language=\"c\",state=\"destroying\"}", 0.0),
        ("caisson_sandbox_boot_seconds_count{language=\"c\"}", 2.0),
        ("caisson_sandbox_destroy_seconds_count", 1.0),
        ("caisson_engine_request_seconds_count{operation=\"create\"}", 3.0),
        ("caisson_run_slots_in_use", 0.0),
    ] {
        assert_eq!(server.metric(series), value, "{series}");
    }
    server.stop();
}

#[test]
fn promtool_accepts_what_a_busy_service_exports() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    server.output("bash", "echo hello");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool is needed: apt-get install prometheus");
    let metrics = server.get("/metrics");
    assert_eq!(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    promtool.stdin.take().unwrap().write_all(metrics.body.as_str().unwrap().as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    server.stop();
}

#[test]
fn the_doctor_finds_nothing_on_a_machine_that_is_well() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let owner = format!("pool.owner={}", server.owner);
    let output = server.doctor().args(["--set", &owner, "--set", "pool.uid_base=900000"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("ok    engine") && said.contains("ok    language python"), "{said}");
    // It has looked at a service that works without disturbing it, and has left nothing.
    assert_eq!(server.docker.sandboxes(&format!("{}-doctor", server.owner)), Vec::<String>::new());
    server.nothing_is_left();
    server.stop();
}
