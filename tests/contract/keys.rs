//! Who may do what, where keys are configured.

use caisson::api::{ApiKey, KeyLimits, Scope};
use serde_json::json;

use crate::{
    http::Call,
    problems::Problem,
    server::{Arrange, Server, execute},
};

fn key(name: &str, scopes: &[Scope]) -> ApiKey {
    ApiKey { name: name.into(), token: format!("{name}-token"), scopes: scopes.to_vec(), limits: KeyLimits::default() }
}

async fn guarded() -> Server {
    let keys = vec![
        key("runner", &[Scope::Execute]),
        key("operator", &[Scope::Admin]),
        key("both", &[Scope::Execute, Scope::Admin]),
        key("nobody", &[]),
    ];
    Arrange { keys, ..Arrange::default() }.start().await.settled().await
}

fn run() -> Call {
    execute(json!({"source": "print fine"}))
}

fn seed() -> Call {
    let body = json!({"payload": "print fine", "lang": "python", "timelimit": "5", "memlimit": "50"});
    Call::post("/execute", body.to_string())
}

#[tokio::test]
async fn both_headers_carry_a_key() {
    let server = guarded().await;
    for (name, value) in [
        ("Authorization", "Bearer runner-token"),
        ("authorization", "bearer runner-token"),
        ("X-Api-Key", "runner-token"),
        ("x-api-key", "both-token"),
    ] {
        assert_eq!(server.call(run().header(name, value)).await.status, 200, "{name}: {value}");
    }
}

#[tokio::test]
async fn a_key_that_is_missing_or_wrong_is_unauthenticated() {
    let server = guarded().await;
    for (name, value) in [
        ("Accept", "runner-token"),
        ("Authorization", "runner-token"),
        ("Authorization", "Basic runner-token"),
        ("Authorization", "Bearer"),
        ("Authorization", "Bearer "),
        ("Authorization", "Bearer runner-toke"),
        ("Authorization", "Bearer runner-token2"),
        ("Authorization", "Bearer runner"),
        ("X-Api-Key", ""),
        ("X-Api-Key", "RUNNER-TOKEN"),
        ("X-Api-Key", "Bearer runner-token"),
    ] {
        let answer = server.call(run().header(name, value)).await;
        let problem = Problem::read(&answer);
        assert_eq!((problem.status, problem.code.as_str()), (401, "unauthenticated"), "{name}: {value}");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        assert!(!answer.text().contains("token"), "{}", answer.text());
    }
    assert_eq!(server.engine.steps(), 0);
    server.settle().await;
}

#[tokio::test]
async fn each_route_asks_for_its_own_scope() {
    let server = guarded().await;
    let routes = [
        (run(), [200, 403, 200, 403]),
        (seed(), [200, 403, 200, 403]),
        (Call::get("/v1/languages"), [200, 200, 200, 200]),
        (Call::get("/v1/status"), [403, 200, 200, 403]),
        (Call::get("/metrics"), [403, 200, 200, 403]),
        (Call::get("/healthz"), [200, 200, 200, 200]),
        (Call::get("/readyz"), [200, 200, 200, 200]),
        (Call::get("/"), [200, 200, 200, 200]),
    ];
    for (route, expected) in routes {
        for (name, expected) in ["runner", "operator", "both", "nobody"].into_iter().zip(expected) {
            // A run may still be refilling the shelf that `/readyz` looks at.
            server.settle().await;
            let answer = server.call(route.clone().header("X-Api-Key", &format!("{name}-token"))).await;
            assert_eq!(answer.status, expected, "{route:?} {name}");
            if expected == 403 {
                assert_eq!(Problem::read(&answer).code, "forbidden");
            }
        }
    }
}

#[tokio::test]
async fn what_load_balancers_ask_needs_no_key_and_all_else_does() {
    let server = guarded().await;
    for (path, status) in [
        ("/healthz", 200),
        ("/readyz", 200),
        ("/", 200),
        ("/v1/languages", 401),
        ("/v1/status", 401),
        ("/metrics", 401),
    ] {
        assert_eq!(server.get(path).await.status, status, "{path}");
    }
    assert_eq!(server.call(seed()).await.status, 401);
}

#[tokio::test]
async fn who_has_no_key_learns_nothing_of_the_request() {
    let server = guarded().await;
    let answer = server.call(Call::post("/v1/execute", "not JSON")).await;
    assert_eq!(Problem::read(&answer).code, "unauthenticated");
}

#[tokio::test]
async fn without_keys_everybody_may_do_everything() {
    let server = Arrange::warm().await;
    assert_eq!(server.call(run().header("X-Api-Key", "anything")).await.status, 200);
    assert_eq!(server.get("/v1/status").await.status, 200);
}
