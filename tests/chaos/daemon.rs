//! An engine that dies, does not exist, is slow or is sick.

use std::{collections::BTreeSet, ffi::OsString, fs, thread, time::Duration};

use serde_json::json;

use crate::{
    engine::DockerHost,
    load::Load,
    private_engine::PrivateEngine,
    promises::{Traces, assert_kept, recovered},
    proxy::{Mood, Proxy},
    server::{Arrange, until},
};

fn host_networks() -> BTreeSet<OsString> {
    fs::read_dir("/sys/class/net").unwrap().map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn an_engine_that_is_killed_in_mid_load_is_a_clear_answer_and_its_return_is_enough() {
    let server = Arrange::new(&[("bash", 2)]);
    let networks = host_networks();
    let mut engine = PrivateEngine::with(&["caisson/bash:latest"], None);
    let server = server.docker(engine.host.clone()).warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    engine.kill();
    load.hears("engine_unavailable");
    assert_eq!(server.get("/healthz").status, 200);
    until("the service is not ready", || server.get("/readyz").status == 503);
    engine.start();
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["engine_unavailable", "saturated", "sandbox_error"]);
    assert!(server.metric("caisson_engine_errors_total{kind=\"unreachable\",operation=\"create\"}") > 0.0);
    server.stop();
    drop(engine);
    assert_eq!(host_networks(), networks, "the private engine has changed the host");
}

#[test]
fn a_service_whose_engine_is_not_there_yet_starts_and_says_so() {
    let server = Arrange::new(&[("bash", 1)])
        .set("server.drain_patience_ms=1000")
        .docker(DockerHost("unix:///nowhere/docker.sock".to_owned()))
        .start();
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 503);
    until("who asks is told", || {
        let request = json!({"language": "bash", "source": "", "deadline_ms": 2000});
        let reply = server.post("/v1/execute", request.to_string());
        assert!(reply.headers.contains_key("retry-after") && reply.status == 503, "{}", reply.body);
        reply.body["code"] == "engine_unavailable"
    });
    // It cannot know whether the engine made a sandbox or not, and does not wait for ever to find out.
    server.signal("TERM");
    let (status, said) = server.failed();
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("the engine does not remove the last sandboxes"), "{said}");
}

#[test]
fn an_engine_that_is_slow_is_waited_for_and_nobody_is_kept_past_his_deadline() {
    let proxy = Proxy::before(&DockerHost::usual());
    let server = Arrange::new(&[("bash", 2)]).set(proxy.host()).warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    proxy.is_now(Mood::Slow(Duration::from_secs(5)));
    load.hears("saturated");
    assert_eq!(server.get("/readyz").status, 503);
    proxy.is_now(Mood::Honest);
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["saturated"]);
    server.stop();
}

/// The engine does what it is asked to when nobody waits for it any more: a sandbox is made after it was given up.
#[test]
fn an_engine_slower_than_our_patience_leaves_no_sandbox_that_nobody_knows() {
    let proxy = Proxy::before(&DockerHost::usual());
    let server = Arrange::new(&[("bash", 2)]).set(proxy.host()).set("docker.request_patience_ms=1000").warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    proxy.is_now(Mood::Slow(Duration::from_secs(3)));
    load.hears("engine_unavailable");
    assert_eq!(server.get("/readyz").status, 503);
    proxy.is_now(Mood::Honest);
    load.goes_on(5);
    traces.look(&server);
    assert_kept(&server, &traces, &load.end(), &["engine_unavailable", "saturated"]);
    assert!(server.metric("caisson_engine_errors_total{kind=\"timeout\",operation=\"create\"}") > 0.0);
    server.stop();
}

#[test]
fn an_engine_that_answers_with_500_is_a_clear_answer_until_it_does_no_more() {
    let proxy = Proxy::before(&DockerHost::usual());
    let server = Arrange::new(&[("bash", 2)]).set(proxy.host()).warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    proxy.is_now(Mood::Sick);
    load.hears("engine_unavailable");
    assert_eq!((server.get("/readyz").status, server.get("/healthz").status), (503, 200));
    proxy.is_now(Mood::Honest);
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["engine_unavailable", "saturated"]);
    assert!(server.metric("caisson_engine_errors_total{kind=\"refused\",operation=\"create\"}") > 0.0);
    server.stop();
}

/// As when it hiccups: no client should ever hear of it while there are sandboxes on the shelf.
#[test]
fn an_engine_that_is_sick_for_a_moment_is_noticed_by_nobody() {
    let proxy = Proxy::before(&DockerHost::usual());
    let server = Arrange::new(&[("bash", 4)]).set(proxy.host()).warm();
    proxy.is_now(Mood::Sick);
    let served = (0..4).map(|number| server.output("bash", &format!("echo {number}")));
    assert_eq!(served.collect::<String>(), "0\n1\n2\n3\n");
    thread::sleep(Duration::from_millis(500));
    proxy.is_now(Mood::Honest);
    recovered(&server);
    server.stop();
}
