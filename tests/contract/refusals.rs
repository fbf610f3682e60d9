//! Requests that are turned away for reasons of ours: 503 and a time to come back.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::json;

use crate::{
    engine::Relay,
    http::{Answer, Call, Sent},
    problems::Problem,
    server::{Arrange, Server, execute},
    steady,
};

/// A server whose only run slot and only place in the queue are taken, and who has them.
async fn full() -> (Server, Sent, Sent) {
    let server = Arrange { run_slots: 1, queue: 1, ..Arrange::default() }.start().await.settled().await;
    let running = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    let queued = server.send(execute(json!({"source": "print queued"}))).await;
    server.until(|server| server.dispatch.status().queued == 1).await;
    (server, running, queued)
}

/// Status, code and seconds until the client may come back.
fn refused(answer: &Answer) -> (u16, String, u64) {
    let problem = Problem::read(answer);
    (problem.status, problem.code, problem.retry_after.expect("a Retry-After header"))
}

#[tokio::test]
async fn beyond_the_queue_a_request_is_refused_at_once_and_told_when_to_come_back() {
    let (server, running, queued) = full().await;
    let answer = server.execute(json!({"source": "print x"})).await;
    assert_eq!(refused(&answer), (503, "saturated".into(), 1));
    assert_json_snapshot!(steady::problem(answer.json()));
    drop(running);
    assert_eq!(queued.answer().await.json()["run"]["stdout"], "queued");
    server.serves().await;
    server.settle().await;
}

#[tokio::test]
async fn a_request_whose_deadline_passes_in_the_queue_is_saturation() {
    let (server, running, queued) = full().await;
    drop(queued);
    server.until(|server| server.dispatch.status().queued == 0).await;
    let answer = server.execute(json!({"source": "print x", "deadline_ms": 10})).await;
    assert_eq!(refused(&answer), (503, "saturated".into(), 1));
    drop(running);
    server.serves().await;
}

#[tokio::test]
async fn a_full_service_still_tells_a_fault_from_having_no_room() {
    let (server, _running, _queued) = full().await;
    assert_eq!(Problem::read(&server.execute(json!({"source": 1})).await).code, "malformed_request");
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn who_drains_accepts_nothing_new_and_says_so() {
    let server = Arrange::warm().await;
    server.dispatch.drain(Duration::from_secs(1)).await;
    let answer = server.execute(json!({"source": "print x"})).await;
    assert_eq!(refused(&answer), (503, "draining".into(), 5));
    assert_json_snapshot!(steady::problem(answer.json()));
    assert_eq!(server.engine.fake.alive(), []);
}

#[tokio::test]
async fn a_job_that_outlasts_a_drain_is_sent_away_as_draining() {
    let server = Arrange::warm().await;
    let running = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    server.dispatch.drain(Duration::from_millis(10)).await;
    assert_eq!(refused(&running.answer().await), (503, "draining".into(), 5));
    assert_eq!(server.engine.fake.alive(), []);
}

#[tokio::test]
async fn a_job_that_runs_when_a_drain_begins_gets_its_answer() {
    let server = Arrange::warm().await;
    let running = server.send(execute(json!({"source": "print done\nhang", "limits": {"wall_time_ms": 50}}))).await;
    server.engine.begun(1).await;
    server.dispatch.drain(Duration::from_secs(30)).await;
    assert_eq!(running.answer().await.json()["run"]["stdout"], "done");
}

#[tokio::test]
async fn while_no_sandbox_can_be_made_requests_are_told_and_then_served_again() {
    let engine = Relay::default();
    engine.fake.behave(|engine| engine.create_fails = true);
    let server = Arrange { engine, ..Arrange::default() }.start().await;
    let answer = server.execute(json!({"source": "print x"})).await;
    let (status, code, retry_after) = refused(&answer);
    assert_eq!((status, code.as_str()), (503, "engine_unavailable"));
    // The breaker's pause, which grows while boots go on failing.
    assert!((1..=10).contains(&retry_after), "{retry_after}");
    assert_json_snapshot!(steady::problem(answer.json()));

    server.engine.fake.behave(|engine| engine.create_fails = false);
    server.until(|server| server.pool("python").healthy).await;
    server.serves().await;
    server.settle().await;
}

#[tokio::test]
async fn the_seeds_dialect_is_turned_away_in_plain_text() {
    let (server, _running, _queued) = full().await;
    let body = json!({"payload": "print x", "lang": "python", "timelimit": "5", "memlimit": "50"});
    let answer = server.call(Call::post("/execute", body.to_string())).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("1")));
    assert_eq!(answer.text(), "too many requests are waiting");
}

#[tokio::test]
async fn a_request_is_refused_while_there_is_no_memory_for_all_that_it_may_write() {
    let server = Arrange { max_in_flight_bytes: 5 << 20, ..Arrange::default() }.start().await.settled().await;
    // Two streams of 1 MiB each.
    let greedy = |source: &str| execute(json!({"source": source, "limits": {"output_bytes": 1 << 20}}));
    let running = [server.send(greedy("hang")).await, server.send(greedy("hang")).await];
    server.engine.begun(2).await;
    assert_eq!(refused(&server.call(greedy("print x")).await), (503, "saturated".into(), 1));
    assert_eq!(server.heard.count("rejected memory"), 1);
    drop(running);
    server.until(|server| server.heard.count("job abandoned") == 2).await;
    assert_eq!(server.call(greedy("print x")).await.status, 200);
    server.settle().await;
}
