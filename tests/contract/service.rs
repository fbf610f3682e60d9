//! What the service says about itself.

use std::time::Duration;

use insta::assert_json_snapshot;
use serde_json::json;

use crate::{
    engine::Relay,
    problems::Problem,
    server::{Arrange, execute},
};

#[tokio::test]
async fn the_languages_with_their_limits() {
    let answer = Arrange::warm().await.get("/v1/languages").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn the_status_of_a_warm_service() {
    let answer = Arrange::warm().await.get("/v1/status").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_json_snapshot!(answer.json());
}

#[tokio::test]
async fn the_status_shows_what_runs_and_what_waits() {
    let server = Arrange { run_slots: 1, ..Arrange::default() }.start().await.settled().await;
    let _running = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    let _queued = server.send(execute(json!({"source": "print x"}))).await;
    server.until(|server| server.dispatch.status().queued == 1).await;
    let status = server.get("/v1/status").await.json();
    assert_eq!(status["run_slots"], json!({"total": 1, "in_use": 1}));
    assert_eq!(status["queue"], json!({"waiting": 1}));
    let claimed = status["pools"].as_array().unwrap().iter().map(|pool| pool["claimed"].as_u64().unwrap());
    assert_eq!(claimed.sum::<u64>(), 1);
}

#[tokio::test]
async fn the_status_of_a_service_that_drains_says_so() {
    let server = Arrange::warm().await;
    server.dispatch.drain(Duration::from_secs(1)).await;
    assert_eq!(server.get("/v1/status").await.json()["draining"], true);
}

#[tokio::test]
async fn a_live_process_is_healthy_even_before_it_is_ready() {
    let server = Arrange { engine: Relay::shut(), ..Arrange::default() }.start().await;
    let answer = server.get("/healthz").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn readiness_begins_when_every_pool_has_a_sandbox() {
    let server = Arrange { engine: Relay::shut(), ..Arrange::default() }.start().await;
    let problem = Problem::read(&server.get("/readyz").await);
    assert_eq!((problem.status, problem.code.as_str()), (503, "engine_unavailable"));
    assert_eq!(problem.detail, "no sandbox is ready for: c, python, python-3.12");
    assert_eq!(problem.retry_after, Some(1));

    server.engine.open();
    let answer = server.settled().await.get("/readyz").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"status":"ready"}"#));
}

#[tokio::test]
async fn readiness_ends_with_a_drain_and_health_does_not() {
    let server = Arrange::warm().await;
    server.dispatch.drain(Duration::from_secs(1)).await;
    let problem = Problem::read(&server.get("/readyz").await);
    assert_eq!((problem.status, problem.code.as_str(), problem.retry_after), (503, "draining", Some(5)));
    assert_eq!(server.get("/healthz").await.status, 200);
}

#[tokio::test]
async fn a_service_that_keeps_no_sandboxes_is_ready_at_once() {
    let server = Arrange { pool_size: 0, ..Arrange::default() }.start().await;
    assert_eq!(server.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn the_metrics_are_passed_through_under_prometheus_own_type() {
    let answer = Arrange::warm().await.get("/metrics").await;
    assert_eq!((answer.status, answer.text()), (200, "caisson_up 1\n"));
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
}
