//! Traces of the real service: what leaves it, and that a collector which is away keeps nobody waiting.

use serde_json::json;

use crate::{
    collector::{Collector, attributes},
    server::{Arrange, until},
};

#[test]
fn a_job_is_traced_through_its_sandbox_and_the_last_spans_are_sent_before_the_service_ends() {
    let collector = Collector::start();
    let set = format!("telemetry.otlp_endpoint={}", collector.endpoint);
    let server = Arrange::new(&[("c", 1)]).set(set).warm();
    let source = "#include <stdio.h>\nint main(void) { puts(\"TOP-SECRET\"); }";
    let answer = server.execute(&json!({"language": "c", "source": source, "stdin": "HUSH-HUSH"}));
    assert_eq!(answer["run"]["stdout"], "TOP-SECRET\n");
    server.stop();
    let spans = collector.spans();
    let request = spans.iter().find(|span| span.name == "POST /v1/execute").expect("the request");
    let parts = spans.iter().filter(|span| span.parent_span_id == request.span_id);
    let names: Vec<_> = parts.map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["queue", "claim", "compile", "run"]);
    let told = attributes(&request.attributes);
    assert!(told.contains(&("caisson.outcome".to_owned(), "ok".to_owned())), "{told:?}");
    for export in collector.exports() {
        let words = String::from_utf8_lossy(&export.body);
        assert!(!words.contains("TOP-SECRET") && !words.contains("HUSH-HUSH"), "{words}");
    }
}

#[test]
fn jobs_are_served_and_the_service_ends_without_its_collector() {
    let server = Arrange::new(&[("bash", 1)]).set("telemetry.otlp_endpoint=http://127.0.0.1:9").warm();
    let lost = "spans are lost on their way to the collector; further losses are told when they end";
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    until("the first loss is told", || server.events(lost).len() == 1);
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    server.stop();
}

#[test]
fn a_line_of_the_log_names_its_trace_and_no_part_of_a_trace_stands_between() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let server = Arrange::new(&[("bash", 1)]).set("telemetry.otlp_endpoint=http://127.0.0.1:9").warm();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let request = agent.post(format!("{}/v1/execute", server.url));
    let request = request.header("traceparent", format!("00-{trace}-b7ad6b7169203331-00"));
    request.send(json!({"language": "bash", "source": "true"}).to_string()).unwrap();
    let of_trace = || server.events("request answered").into_iter().find(|event| event["span"]["trace_id"] == trace);
    until("the request is told", || of_trace().is_some());
    assert_eq!(of_trace().unwrap()["span"]["parent_span_id"], "b7ad6b7169203331");
    let ended = server.events("stage ended").pop().unwrap();
    assert!(ended["span"]["job.id"].is_string(), "{ended}");
    server.stop();
}
