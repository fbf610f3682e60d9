//! A judging as server-sent events.

use serde_json::{Value, json};

use crate::server::{Arrange, judge};

/// Names and data of all events, in order.
fn events(text: &str) -> Vec<(String, Value)> {
    let event = |event: &str| {
        let (name, data) = event.split_once('\n').unwrap();
        let data = serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap();
        (name.strip_prefix("event: ").unwrap().to_owned(), data)
    };
    text.split("\n\n").filter(|part| !part.is_empty()).map(event).collect()
}

#[tokio::test]
async fn every_part_is_told_once_and_the_whole_at_the_end() {
    let server = Arrange::warm().await;
    let cases = json!([{"id": "a", "stdin": "1", "expected_output": "1"}, {"stdin": "2", "expected_output": "3"}, {}]);
    let call = judge(json!({"language": "c", "source": "cat", "cases": cases})).header("Accept", "text/event-stream");
    let answer = server.call(call).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let told = events(answer.text());
    let names: Vec<_> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["compile", "case", "case", "case", "verdict"]);
    assert_eq!(told[0].1["status"], "ok");
    let verdicts: Vec<_> = told[1..4].iter().map(|(_, case)| case["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["accepted", "wrong_answer", "skipped"]);
    let (_, whole) = &told[4];
    assert_eq!(whole["verdict"], "wrong_answer");
    assert_eq!((&whole["compile"], &whole["cases"][0]), (&told[0].1, &told[1].1));
    server.settle().await;
}

#[tokio::test]
async fn a_case_is_told_before_the_next_has_ended() {
    let server = Arrange::warm().await;
    let cases = json!([{"limits": {"wall_time_ms": 20}}, {}]);
    let fields = json!({"source": "hang", "cases": cases, "stop_on_failure": false});
    let mut sent = server.send(judge(fields).header("Accept", "text/event-stream")).await;
    // The second case hangs for as long as the test lasts.
    server.engine.begun(2).await;
    assert!(sent.hears("\"verdict\":\"time_limit_exceeded\"").await);
    drop(sent);
    server.until(|server| server.heard.count("job abandoned") == 1).await;
    server.settle().await;
}

#[tokio::test]
async fn a_refusal_is_no_stream() {
    let server = Arrange::warm().await;
    server.dispatch.drain(std::time::Duration::ZERO).await;
    let call = judge(json!({"source": "cat", "cases": [{}]})).header("Accept", "text/html, text/event-stream;q=0.9");
    let answer = server.call(call).await;
    assert_eq!((answer.status, answer.header("content-type")), (503, Some("application/problem+json")));
}

#[tokio::test]
async fn a_client_that_does_not_read_keeps_nobody_waiting() {
    let server = Arrange::warm().await;
    // More than lies between a server and a client that looks away.
    let source = format!("print {}", "x".repeat(4096));
    let fields = json!({"source": source, "cases": vec![json!({}); 1000]});
    let sent = server.send(judge(fields).header("Accept", "text/event-stream")).await;
    server.until(|server| server.heard.count("job ok") == 1).await;
    assert_eq!(server.dispatch.status().run_slots_in_use, 0);
    drop(sent);
    server.settle().await;
}

#[tokio::test]
async fn what_is_wanted_less_than_anything_is_not_sent() {
    let server = Arrange::warm().await;
    let call = judge(json!({"source": "cat", "cases": [{}]})).header("Accept", "text/event-stream;q=0, */*");
    assert_eq!(server.call(call).await.header("content-type"), Some("application/json"));
}

#[tokio::test]
async fn a_stream_that_a_drain_ends_breaks_off() {
    let server = Arrange::warm().await;
    let cases = json!([{"limits": {"wall_time_ms": 20}}, {}]);
    let fields = json!({"source": "hang", "cases": cases, "stop_on_failure": false});
    let mut sent = server.send(judge(fields).header("Accept", "text/event-stream")).await;
    assert!(sent.hears("event: case").await);
    server.dispatch.drain(std::time::Duration::ZERO).await;
    assert!(!sent.hears("event: verdict").await);
}
