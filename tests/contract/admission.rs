//! Requests that wait for others, and keys that ask too much.

use std::num::NonZeroU32;

use caisson::api::{ApiKey, KeyLimits, Rate, Scope};
use serde_json::json;

use crate::{
    http::Call,
    problems::Problem,
    server::{Arrange, Server, execute},
};

async fn limited(limits: KeyLimits) -> Server {
    let key = |name: &str, limits| ApiKey {
        name: name.into(),
        token: format!("{name}-token"),
        scopes: vec![Scope::Execute],
        limits,
    };
    let keys = vec![key("limited", limits), key("free", KeyLimits::default())];
    Arrange { keys, ..Arrange::default() }.start().await.settled().await
}

fn call(name: &str, source: &str) -> Call {
    execute(json!({"source": source})).header("x-api-key", &format!("{name}-token"))
}

#[tokio::test]
async fn a_key_that_sends_too_fast_is_told_when_to_come_back() {
    let rate = Rate { per_second: 0.001, burst: NonZeroU32::new(2).unwrap() };
    let server = limited(KeyLimits { rate: Some(rate), concurrent: None }).await;
    for _ in 0..2 {
        assert_eq!(server.call(call("limited", "print x")).await.status, 200);
    }
    let problem = Problem::read(&server.call(call("limited", "print x")).await);
    assert_eq!((problem.status, problem.code.as_str()), (429, "rate_limited"));
    assert!((900..=1000).contains(&problem.retry_after.unwrap()), "{:?}", problem.retry_after);
    assert_eq!(server.heard.count("rejected rate_limited"), 1);
    // Another key has a measure of its own, and what runs no code has none.
    assert_eq!(server.call(call("free", "print x")).await.status, 200);
    assert_eq!(server.call(Call::get("/v1/languages").header("x-api-key", "limited-token")).await.status, 200);
    server.settle().await;
}

#[tokio::test]
async fn a_key_with_too_much_under_way_is_told_so_until_something_ends() {
    let server = limited(KeyLimits { rate: None, concurrent: Some(1) }).await;
    let running = server.send(call("limited", "hang")).await;
    server.engine.begun(1).await;
    let problem = Problem::read(&server.call(call("limited", "print x")).await);
    assert_eq!((problem.status, problem.code.as_str()), (429, "concurrency_limited"));
    assert_eq!(problem.retry_after, Some(1));
    assert_eq!(server.heard.count("rejected concurrency_limited"), 1);
    assert_eq!(server.call(call("free", "print x")).await.status, 200);
    drop(running);
    server.until(|server| server.heard.count("job abandoned") == 1).await;
    assert_eq!(server.call(call("limited", "print x")).await.status, 200);
    server.settle().await;
}

#[tokio::test]
async fn a_request_that_says_batch_lets_others_pass() {
    let server = Arrange { run_slots: 1, ..Arrange::default() }.start().await.settled().await;
    let running = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    let batch = server.send(execute(json!({"source": "print x\nhang", "priority": "batch"}))).await;
    server.until(|server| server.dispatch.status().queued == 1).await;
    let interactive = server.send(execute(json!({"source": "print first"}))).await;
    server.until(|server| server.dispatch.status().queued == 2).await;
    drop(running);
    assert_eq!(interactive.answer().await.json()["run"]["stdout"], "first");
    drop(batch);
    server.until(|server| server.dispatch.status().run_slots_in_use == 0).await;
}
