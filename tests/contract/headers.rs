//! What stands in the head of an answer.

use serde_json::{Value, json};

use crate::{
    http::{Answer, Call},
    server::{Arrange, execute, judge},
    steady::is_fresh_id,
};

/// The timings of a header such as `queue;dur=1, claim;dur=0.5;desc="warm"`, and what it says beside them.
fn server_timing(answer: &Answer) -> (Value, Value) {
    let header = answer.header("server-timing").expect("a Server-Timing header");
    let (mut timings, mut descriptions) = (json!({}), json!({}));
    for metric in header.split(", ") {
        let mut parts = metric.split(';');
        let name = parts.next().expect("a name");
        for part in parts {
            match part.split_once('=').expect("a parameter") {
                ("dur", ms) => timings[format!("{name}_ms")] = json!(ms.parse::<f64>().expect("a number")),
                ("desc", words) => descriptions[name] = json!(words.trim_matches('"')),
                _ => panic!("{part} is no parameter"),
            }
        }
    }
    (timings, descriptions)
}

fn has_the_timings_of_its_body(answer: &Answer) {
    let mut timing = answer.json()["timing"].clone();
    for ms in timing.as_object_mut().unwrap().values_mut() {
        *ms = json!(ms.as_f64().unwrap());
    }
    assert_eq!(timing.as_object().unwrap().len(), 6);
    assert_eq!(server_timing(answer), (timing, json!({"claim": answer.json()["claim"]})));
}

#[tokio::test]
async fn the_timings_of_the_body_are_a_header_too() {
    let server = Arrange::warm().await;
    has_the_timings_of_its_body(&server.execute(json!({"language": "c", "source": "sleep 5"})).await);
    let cases = json!([{"stdin": "1"}, {"stdin": "2"}]);
    has_the_timings_of_its_body(&server.judge(json!({"language": "c", "source": "cat", "cases": cases})).await);
}

#[tokio::test]
async fn the_older_dialect_has_its_timings_in_the_header_only() {
    let body = json!({"payload": "sleep 5", "lang": "c", "timelimit": 5, "memlimit": 64}).to_string();
    let answer = Arrange::warm().await.call(Call::post("/execute", body)).await;
    let (timing, descriptions) = server_timing(&answer);
    assert_eq!(descriptions, json!({"claim": "warm"}));
    assert!(timing["run_ms"].as_f64().unwrap() >= 5.0, "{timing}");
    assert_eq!(timing.as_object().unwrap().len(), 6);
}

#[tokio::test]
async fn a_stream_and_a_refusal_have_no_timings() {
    let server = Arrange::warm().await;
    let stream = judge(json!({"source": "cat", "cases": [{}]})).header("Accept", "text/event-stream");
    assert_eq!(server.call(stream).await.header("server-timing"), None);
    assert_eq!(server.execute(json!({"language": "cobol", "source": ""})).await.header("server-timing"), None);
}

#[tokio::test]
async fn overhead_is_what_is_neither_compile_nor_run() {
    let report = Arrange::warm().await.report(json!({"language": "c", "source": "sleep 5"})).await;
    let ms = |name: &str| report["timing"][name].as_f64().unwrap();
    assert!(ms("run_ms") >= 5.0);
    // Each figure is rounded to the microsecond by itself.
    let difference = ms("total_ms") - ms("compile_ms") - ms("run_ms") - ms("overhead_ms");
    assert!(difference.abs() < 0.004, "{}", report["timing"]);
}

#[tokio::test]
async fn an_acceptable_request_id_is_echoed() {
    let server = Arrange::warm().await;
    for id in ["a", "run_17-B", &"x".repeat(64)] {
        let answer = server.call(execute(json!({"source": "print x"})).header("X-Request-Id", id)).await;
        assert_eq!((answer.status, answer.header("x-request-id")), (200, Some(id)));
    }
}

#[tokio::test]
async fn a_request_id_that_could_forge_a_log_line_is_replaced() {
    let server = Arrange::warm().await;
    for id in ["", "a b", "a\"b", "a=b", "\u{e4}", &"x".repeat(65)] {
        let answer = server.call(Call::get("/healthz").header("X-Request-Id", id)).await;
        let given = answer.header("x-request-id").unwrap();
        assert!(is_fresh_id(given), "{id:?} became {given:?}");
    }
}

#[tokio::test]
async fn a_request_without_an_id_gets_one_and_no_two_are_the_same() {
    let server = Arrange::warm().await;
    let (first, second) = (server.get("/healthz").await, server.get("/healthz").await);
    assert!(is_fresh_id(first.header("x-request-id").unwrap()));
    assert_ne!(first.header("x-request-id"), second.header("x-request-id"));
}

#[tokio::test]
async fn a_problem_bears_the_id_of_its_request() {
    let answer = Arrange::warm().await.call(Call::get("/nowhere").header("X-Request-Id", "mine")).await;
    assert_eq!(answer.header("x-request-id"), Some("mine"));
    assert_eq!(answer.json()["request_id"], "mine");
}

#[tokio::test]
async fn a_job_has_an_id_of_its_own() {
    let answer = Arrange::warm().await.call(execute(json!({"source": "print x"})).header("X-Request-Id", "mine")).await;
    assert!(is_fresh_id(answer.json()["id"].as_str().unwrap()));
}

#[tokio::test]
async fn a_body_that_calls_itself_json_in_any_way_is_json() {
    let server = Arrange::warm().await;
    for media_type in ["application/json", "Application/JSON", "application/json; charset=utf-8", " application/json "]
    {
        let body = json!({"language": "python", "source": "print x"}).to_string();
        let answer = server.call(Call::post("/v1/execute", body).header("Content-Type", media_type)).await;
        assert_eq!(answer.status, 200, "{media_type}");
    }
}

#[tokio::test]
async fn a_body_that_says_nothing_about_itself_is_json() {
    let body = json!({"language": "python", "source": "print x"}).to_string();
    let answer = Arrange::warm().await.call(Call::post("/v1/execute", body)).await;
    assert_eq!(answer.status, 200);
}
