//! Clients that leave, and a server that does.

use serde_json::json;

use crate::{
    http::Call,
    server::{Arrange, execute},
};

#[tokio::test]
async fn a_client_that_hangs_up_mid_run_ends_its_job_and_leaves_no_sandbox() {
    let server = Arrange::warm().await;
    let victim = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    drop(victim);
    server.until(|server| server.heard.count("job abandoned") == 1).await;
    server.until(|server| server.engine.fake.destroyed() == 1).await;
    server.serves().await;
    server.settle().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_queue_gives_its_place_back() {
    let server = Arrange { run_slots: 1, queue: 1, ..Arrange::default() }.start().await.settled().await;
    let running = server.send(execute(json!({"source": "hang"}))).await;
    server.engine.begun(1).await;
    let queued = server.send(execute(json!({"source": "print x"}))).await;
    server.until(|server| server.dispatch.status().queued == 1).await;
    drop(queued);
    server.until(|server| server.dispatch.status().queued == 0).await;
    drop(running);
    server.serves().await;
    // The one that hung and the good one: what left the queue never ran.
    assert_eq!(server.engine.steps(), 2);
}

#[tokio::test]
async fn a_client_that_hangs_up_in_the_middle_of_its_body_costs_nothing() {
    let server = Arrange::warm().await;
    drop(server.send(Call::post_announcing("/v1/execute", 1000, b"{\"language\"")).await);
    server.serves().await;
    assert_eq!(server.engine.steps(), 1);
    server.settle().await;
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_answers_what_it_has_begun() {
    let server = Arrange::warm().await;
    let running = server.send(execute(json!({"source": "print done\nhang", "limits": {"wall_time_ms": 50}}))).await;
    server.engine.begun(1).await;
    let stopped = server.stop();
    assert_eq!(running.answer().await.json()["run"]["stdout"], "done");
    stopped.await.unwrap();
}
