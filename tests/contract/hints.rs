//! Ready sandboxes asked for in advance.

use std::time::{Duration, SystemTime};

use caisson::{
    api::{ApiKey, KeyLimits, Scope},
    calendar,
};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::{
    http::{Answer, Call},
    problems::Problem,
    server::{Arrange, Server},
    steady,
};

const PYTHON: &str = "/v1/pools/python/hints";

async fn put(server: &Server, path: &str, body: Value) -> Answer {
    server.call(Call::put(path, body.to_string())).await
}

fn in_an_hour() -> SystemTime {
    SystemTime::now() + Duration::from_secs(3600)
}

#[tokio::test]
async fn a_hint_is_shown_until_it_is_taken_back() {
    let server = Arrange::warm().await;
    let at = calendar::format(in_an_hour());
    let answer = put(&server, PYTHON, json!({"size": 3, "at": at, "hold_ms": 60_000})).await;
    let shown = answer.json();
    let until = calendar::format(calendar::parse(&at).unwrap() + Duration::from_secs(60));
    let hint = json!({"size": 3, "at": at, "until": until, "scheduled": false});
    assert_eq!((answer.status, &shown), (200, &json!({"language": "python", "hints": [hint]})));
    let of_status = |status: Value| {
        let pools = status["pools"].as_array().unwrap().clone();
        pools.into_iter().find(|pool| pool["language"] == "python").unwrap()["hints"].clone()
    };
    assert_eq!(of_status(server.get("/v1/status").await.json()), shown["hints"]);

    let answer = server.call(Call::new("DELETE", PYTHON)).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"language": "python", "hints": []})));
    assert_eq!(of_status(server.get("/v1/status").await.json()), json!([]));
}

#[tokio::test]
async fn a_hint_without_a_time_is_for_now() {
    let server = Arrange::warm().await;
    assert_eq!(put(&server, PYTHON, json!({"size": 4})).await.status, 200);
    server.until(|server| server.pool("python").ready == 4).await;
    assert_eq!(server.call(Call::new("DELETE", PYTHON)).await.status, 200);
    server.until(|server| server.pool("python").target == 1).await;
}

#[tokio::test]
async fn what_cannot_be_a_hint_is_told_field_by_field() {
    let server = Arrange::warm().await;
    let past = json!({"at": "2020-01-01T00:00:00Z", "size": 1});
    for (body, pointer) in
        [(past, "/at"), (json!({"size": 9}), "/size"), (json!({"size": 1, "hold_ms": -1}), "/hold_ms")]
    {
        let problem = Problem::read(&put(&server, PYTHON, body).await);
        assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_limit"), "{pointer}");
        assert_eq!(problem.pointers, [pointer]);
    }
}

#[tokio::test]
async fn a_hint_of_the_wrong_shape() {
    let answer = put(&Arrange::warm().await, PYTHON, json!({"at": "noon", "hold": 1})).await;
    Problem::read(&answer);
    assert_json_snapshot!(steady::problem(answer.json()));
}

#[tokio::test]
async fn there_are_only_so_many_hints_of_one_language() {
    let server = Arrange::warm().await;
    let hint = json!({"size": 1, "at": calendar::format(in_an_hour())});
    for _ in 0..16 {
        assert_eq!(put(&server, PYTHON, hint.clone()).await.status, 200);
    }
    let problem = Problem::read(&put(&server, PYTHON, hint.clone()).await);
    assert_eq!((problem.status, problem.code.as_str()), (422, "invalid_limit"));
    assert_eq!(put(&server, "/v1/pools/c/hints", hint).await.status, 200);
}

#[tokio::test]
async fn a_language_that_is_not_there_has_no_hints() {
    let server = Arrange::warm().await;
    let path = "/v1/pools/cobol/hints";
    for answer in [put(&server, path, json!({"size": 1})).await, server.call(Call::new("DELETE", path)).await] {
        let problem = Problem::read(&answer);
        assert_eq!((problem.status, problem.code.as_str()), (422, "unknown_language"));
    }
}

#[tokio::test]
async fn hints_are_for_those_who_look_after_the_service() {
    let key = |name: &str, scope| ApiKey {
        name: name.into(),
        token: format!("{name}-token"),
        scopes: vec![scope],
        limits: KeyLimits::default(),
    };
    let keys = vec![key("runner", Scope::Execute), key("operator", Scope::Admin)];
    let server = Arrange { keys, ..Arrange::default() }.start().await.settled().await;
    for (token, status) in [("runner-token", 403), ("operator-token", 200), ("", 401)] {
        for call in [Call::put(PYTHON, r#"{"size": 1}"#), Call::new("DELETE", PYTHON)] {
            assert_eq!(server.call(call.header("X-Api-Key", token)).await.status, status, "{token}");
        }
    }
}
