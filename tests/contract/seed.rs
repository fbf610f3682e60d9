//! The dialect of the service that this one grew from, byte for byte.

use caisson::api::ExitStatus;
use serde_json::{Value, json};

use crate::{
    http::{Answer, Call},
    server::{Arrange, Server},
};

/// Its four keys, over which these are set; `null` leaves one out.
pub fn seed(fields: Value) -> Call {
    let mut document = json!({"payload": "print x", "lang": "python", "timelimit": "5", "memlimit": "50"});
    for (name, value) in fields.as_object().expect("fields") {
        match value {
            Value::Null => drop(document.as_object_mut().expect("an object").remove(name)),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
                document[name] = value.clone();
            }
        }
    }
    Call::post("/execute", document.to_string())
}

async fn head() -> Server {
    Arrange { seed_exit_status: ExitStatus::Head, ..Arrange::default() }.start().await.settled().await
}

async fn answer(fields: Value) -> Answer {
    Arrange::warm().await.call(seed(fields)).await
}

/// The whole body of an answer that is a result.
async fn result(fields: Value) -> String {
    let answer = answer(fields).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.text().to_owned()
}

#[tokio::test]
async fn the_greeting() {
    let answer = Arrange::warm().await.get("/").await;
    assert_eq!((answer.status, answer.text()), (200, "post things to /execute, api doc in the readme"));
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn what_its_routes_do_not_do() {
    let server = Arrange::warm().await;
    for (method, path) in
        [("POST", "/"), ("DELETE", "/"), ("GET", "/execute"), ("PUT", "/execute"), ("BREW", "/execute")]
    {
        let answer = server.call(Call::new(method, path)).await;
        let expected = (404, "that thing you just tried to do isn't supported");
        assert_eq!((answer.status, answer.text()), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_result_has_two_keys_in_their_order() {
    assert_eq!(result(json!({})).await, r#"{"exit_status":0,"output":"x"}"#);
}

#[tokio::test]
async fn both_streams_are_one_output_in_the_order_they_were_written() {
    assert_eq!(result(json!({"payload": "print a\nerr b\nprint c"})).await, r#"{"exit_status":0,"output":"abc"}"#);
}

#[tokio::test]
async fn its_keys_become_limits() {
    let server = Arrange::warm().await;
    server.call(seed(json!({"timelimit": "7", "memlimit": "50"}))).await;
    let given = server.engine.last();
    let limits = given.step.limits;
    assert_eq!((limits.wall_ns, limits.cpu_ns), (7_000_000_000, 8_000_000_000));
    assert_eq!((limits.memory_bytes, limits.output_bytes, limits.file_size_bytes), (50 << 20, 10_000, 1_000_000));
    assert!(given.step.merge_stderr);
    assert_eq!((given.files.keys().map(String::as_str).collect::<Vec<_>>(), given.stdin), (vec!["main.py"], vec![]));
}

#[tokio::test]
async fn a_number_may_be_a_string_or_a_number() {
    let server = Arrange::warm().await;
    for (timelimit, memlimit) in
        [(json!("5"), json!("50")), (json!(5), json!(50)), (json!("05"), json!("50")), (json!("5"), json!(50))]
    {
        let answer = server.call(seed(json!({"timelimit": timelimit, "memlimit": memlimit}))).await;
        assert_eq!(answer.text(), r#"{"exit_status":0,"output":"x"}"#);
        assert_eq!(server.engine.last().step.limits.wall_ns, 5_000_000_000);
    }
}

#[tokio::test]
async fn keys_that_it_does_not_know_are_ignored() {
    assert_eq!(result(json!({"stdin": 1, "extra": {}})).await, r#"{"exit_status":0,"output":"x"}"#);
}

#[tokio::test]
async fn what_the_body_calls_itself_is_ignored() {
    let call = seed(json!({})).header("Content-Type", "text/plain");
    assert_eq!(Arrange::warm().await.call(call).await.status, 200);
}

#[tokio::test]
async fn a_program_that_runs_out_of_time_is_124() {
    let fields = json!({"payload": "print begun\nhang", "timelimit": "0.05"});
    assert_eq!(result(fields).await, r#"{"exit_status":124,"output":"begun"}"#);
}

#[tokio::test]
async fn out_of_time_is_124_behind_head_too() {
    let answer = head().await.call(seed(json!({"payload": "hang", "timelimit": "0.05"}))).await;
    assert_eq!(answer.text(), r#"{"exit_status":124,"output":""}"#);
}

#[tokio::test]
async fn the_exit_status_is_the_programs_own_as_a_shell_would_see_it() {
    for (payload, expected) in [
        ("exit 3", r#"{"exit_status":3,"output":""}"#),
        ("signal 11", r#"{"exit_status":139,"output":""}"#),
        ("oom", r#"{"exit_status":137,"output":""}"#),
    ] {
        assert_eq!(result(json!({"payload": payload})).await, expected);
    }
}

#[tokio::test]
async fn behind_head_every_program_that_ends_is_a_success() {
    let server = head().await;
    for payload in ["exit 3", "signal 11", "oom", "exit 124"] {
        let answer = server.call(seed(json!({"payload": payload}))).await;
        assert_eq!(answer.text(), r#"{"exit_status":0,"output":""}"#, "{payload}");
    }
}

#[tokio::test]
async fn a_compile_error_has_the_compilers_status_and_words_in_both_modes() {
    for server in [head().await, Arrange::warm().await] {
        let answer = server.call(seed(json!({"lang": "c", "payload": "uncompilable"}))).await;
        assert_eq!(answer.text(), r#"{"exit_status":1,"output":"error: uncompilable\n"}"#);
    }
}

#[tokio::test]
async fn a_compiled_program_brings_its_own_output_only() {
    assert_eq!(result(json!({"lang": "c", "payload": "print x"})).await, r#"{"exit_status":0,"output":"x"}"#);
}

#[tokio::test]
async fn a_sandbox_that_is_lost_is_what_a_failed_exec_was() {
    for server in [head().await, Arrange::warm().await] {
        let answer = server.call(seed(json!({"payload": "print x\ndie"}))).await;
        assert_eq!(answer.text(), r#"{"exit_status":125,"output":""}"#);
        server.settle().await;
    }
}

#[tokio::test]
async fn output_is_cut_after_ten_thousand_bytes() {
    let cut = format!(r#"{{"exit_status":0,"output":"{}"}}"#, "x".repeat(10_000));
    assert_eq!(result(json!({"payload": format!("print {}", "x".repeat(10_000))})).await, cut);
    assert_eq!(result(json!({"payload": format!("print {}", "x".repeat(10_001))})).await, cut);
    let both = format!("print {}\nerr {}", "x".repeat(9_999), "xx");
    assert_eq!(result(json!({"payload": both})).await, cut);
}

#[tokio::test]
async fn half_a_character_at_the_cut_is_dropped() {
    let expected = format!(r#"{{"exit_status":0,"output":"x{}"}}"#, "ä".repeat(4_999));
    assert_eq!(result(json!({"payload": format!("print x{}", "ä".repeat(6_000))})).await, expected);
}
