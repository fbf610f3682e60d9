//! The end of the service: nothing new, what runs may finish, nothing is left.

use std::{thread, time::Duration};

use serde_json::json;

use crate::{
    engine::{DockerHost, docker_host},
    server::{Arrange, Reply, Server, until},
};

fn sleeper(seconds: u32) -> String {
    json!({"language": "bash", "source": format!("sleep {seconds}; echo over"), "limits": {"wall_time_ms": 60000}})
        .to_string()
}

/// A job that runs when the service is told to end, one that comes after, and the end of the service.
fn drained(mut server: Server, seconds: u32) -> (Reply, Option<Reply>) {
    let (running, late) = thread::scope(|scope| {
        let running = scope.spawn(|| server.post("/v1/execute", sleeper(seconds)));
        until("the program has begun", || server.processes().iter().any(|name| name.contains("sleep")));
        server.signal("TERM");
        until("it is told", || !server.events("draining").is_empty());
        let late = server.try_send("POST", "/v1/execute", Some("application/json"), sleeper(0).into_bytes()).ok();
        (running.join().unwrap(), late)
    });
    assert!(server.ended().success(), "{:#?}", server.log());
    assert_eq!(server.docker.sandboxes(&server.owner), Vec::<String>::new());
    assert_eq!(server.processes(), Vec::<String>::new());
    (running, late)
}

#[test]
fn who_runs_may_finish_and_who_comes_late_is_told_to_come_back() {
    let (running, late) = drained(Arrange::new(&[("bash", 2)]).warm(), 2);
    assert_eq!((running.status, &running.body["run"]["stdout"]), (200, &json!("over\n")), "{}", running.body);
    let late = late.expect("the service listens until it has drained");
    assert_eq!((late.status, &late.body["code"]), (503, &json!("draining")));
    assert!(late.headers.contains_key("retry-after"));
}

#[test]
fn who_runs_for_too_long_is_ended_and_told() {
    let server = Arrange::new(&[("bash", 1)]).set("server.drain_patience_ms=500").warm();
    let (running, _) = drained(server, 50);
    assert_eq!((running.status, &running.body["code"]), (503, &json!("draining")), "{}", running.body);
}

#[test]
fn a_second_signal_does_not_wait_for_who_runs() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let running = thread::scope(|scope| {
        let running = scope.spawn(|| server.post("/v1/execute", sleeper(50)));
        until("the program has begun", || server.processes().iter().any(|name| name.contains("sleep")));
        server.signal("INT");
        until("it is told", || !server.events("draining").is_empty());
        // Signals of one kind that follow at once may become one.
        thread::sleep(Duration::from_millis(100));
        server.signal("INT");
        running.join().unwrap()
    });
    assert_eq!((running.status, &running.body["code"]), (503, &json!("draining")));
    server.leaves_nothing();
}

#[test]
fn a_service_that_changes_its_engine_loses_no_request_and_leaves_nothing_to_the_other() {
    let first = Arrange::new(&[("bash", 2)]).warm();
    let owner = first.owner.clone();
    let other = if first.docker.is_native() { DockerHost(docker_host()) } else { DockerHost::native() };
    let (running, late) = drained(first, 2);
    assert_eq!((running.status, &running.body["run"]["stdout"]), (200, &json!("over\n")), "{}", running.body);
    assert!(late.is_none_or(|late| late.status == 503));
    let second = Arrange::new(&[("bash", 2)]).docker(other).owner(&owner).warm();
    assert_eq!(second.output("bash", "echo again"), "again\n");
    second.nothing_is_left();
    second.stop();
}
