//! Where the sandbox came from, as the client reads it.

use serde_json::json;

use crate::{
    engine::Relay,
    server::{Arrange, execute},
};

#[tokio::test]
async fn a_claim_from_the_shelf_is_warm() {
    let report = Arrange::warm().await.report(json!({"source": "print x"})).await;
    assert_eq!(report["claim"], "warm");
}

#[tokio::test]
async fn a_claim_met_by_a_boot_that_was_under_way_is_late() {
    let server = Arrange { engine: Relay::shut(), ..Arrange::default() }.start().await;
    server.until(|server| server.pool("python").booting == 1).await;
    let sent = server.send(execute(json!({"source": "print x"}))).await;
    server.until(|server| server.pool("python").waiting == 1).await;
    server.engine.open();
    assert_eq!(sent.answer().await.json()["claim"], "late");
}

#[tokio::test]
async fn a_claim_that_a_sandbox_is_made_for_is_cold() {
    let server = Arrange { pool_size: 0, ..Arrange::default() }.start().await;
    let report = server.report(json!({"source": "print x"})).await;
    assert_eq!(report["claim"], "cold");
}
