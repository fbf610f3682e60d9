//! What operators are told of jobs and judgings; which metrics that becomes is looked at beside them.

use serde_json::json;
use tokio::net::TcpStream;

use crate::server::{Arrange, execute};

#[tokio::test]
async fn what_programs_used_is_told_of_each_stage() {
    let server = Arrange::warm().await;
    server.report(json!({"language": "c", "source": "print x"})).await;
    assert_eq!((server.heard.count("used c compile"), server.heard.count("used c run")), (1, 1));
    server.report(json!({"language": "c", "source": "uncompilable"})).await;
    assert_eq!((server.heard.count("used c compile"), server.heard.count("used c run")), (2, 1));
}

#[tokio::test]
async fn what_a_program_used_in_a_sandbox_that_is_gone_is_not_told() {
    let server = Arrange::warm().await;
    let report = server.report(json!({"source": "sleep 20\ndie"})).await;
    assert_eq!(report["status"], "sandbox_error");
    assert_eq!(server.heard.count("used python run"), 0);
}

#[tokio::test]
async fn every_case_of_a_judging_is_told_once_with_its_verdict() {
    let server = Arrange::warm().await;
    let cases = json!([
        {"stdin": "1", "expected_output": "1"}, {"stdin": "2", "expected_output": "3"},
        {"stdin": "4", "expected_output": "4"}, {"stdin": "5", "expected_output": "5"}
    ]);
    server.judgement(json!({"source": "cat", "cases": cases})).await;
    let told = ["accepted", "wrong_answer", "skipped"].map(|end| server.heard.count(&format!("case python {end}")));
    assert_eq!(told, [1, 1, 2]);
}

#[tokio::test]
async fn a_connection_is_counted_while_it_is_open() {
    let server = Arrange::warm().await;
    let idle = TcpStream::connect(server.address).await.unwrap();
    server.until(|server| server.heard.count("connections") == 1).await;
    drop(idle);
    server.until(|server| server.heard.count("connections") == 0).await;
}

#[tokio::test]
async fn memory_is_counted_while_a_request_holds_it() {
    let server = Arrange { max_in_flight_bytes: 1 << 29, ..Arrange::default() }.start().await.settled().await;
    assert_eq!(server.heard.count("room"), 1 << 29);
    let running = server.send(execute(json!({"source": "hang", "limits": {"output_bytes": 50_000}}))).await;
    server.engine.begun(1).await;
    // For both of its streams at least.
    let taken = server.heard.count("in flight");
    assert!((100_000..1 << 29).contains(&taken), "{taken}");
    drop(running);
    server.until(|server| server.heard.count("in flight") == 0).await;
}
