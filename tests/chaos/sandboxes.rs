//! Sandboxes that somebody else kills, removes or freezes, on the shelf and in use.

use std::thread;

use serde_json::json;

use crate::{
    blow::{Blow, strike},
    load::Load,
    promises::{Traces, assert_kept, recovered},
    server::{Arrange, Server, until},
    settled::settled,
};

/// From outside, to all sandboxes there are; with the processes that were in them.
fn to_each(server: &Server, blow: Blow) -> Vec<u32> {
    let processes = server.pids();
    for name in server.docker.sandboxes(&server.owner) {
        strike(&server.docker, &server.owner, &name, blow);
    }
    processes
}

#[test]
fn a_sandbox_killed_while_it_waits_is_replaced_before_anybody_notices() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    let before = to_each(&server, Blow::Kill);
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    recovered(&server);
    assert!(server.pids().iter().all(|pid| !before.contains(pid)));
    server.stop();
}

#[test]
fn a_sandbox_removed_while_it_waits_is_replaced_before_anybody_notices() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    to_each(&server, Blow::Remove);
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    recovered(&server);
    server.stop();
}

/// A job that runs when this is done to its sandbox; not to the one that is being made in its place, see [`settled`].
fn struck(server: &Server, blow: Blow) -> serde_json::Value {
    let booted = server.docker.sandboxes(&server.owner);
    let request = json!({"language": "bash", "source": "sleep 50", "limits": {"wall_time_ms": 2000}});
    let answer = thread::scope(|scope| {
        let asked = scope.spawn(|| server.execute(&request));
        until("the program has begun", || server.processes().iter().any(|name| name.contains("sleep")));
        for name in &booted {
            strike(&server.docker, &server.owner, name, blow);
        }
        asked.join().unwrap()
    });
    recovered(server);
    answer
}

#[test]
fn a_sandbox_lost_while_it_runs_is_a_sandbox_error_however_it_was_lost() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    for blow in [Blow::Kill, Blow::Remove, Blow::Freeze] {
        let answer = struck(&server, blow);
        assert_eq!(answer["status"], "sandbox_error", "{blow:?}: {answer}");
    }
    assert_eq!(server.metric("caisson_jobs_total{language=\"bash\",outcome=\"sandbox_error\"}"), 3.0);
    server.stop();
}

#[test]
fn a_sandbox_frozen_while_it_waits_costs_nobody_his_answer() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    let before = to_each(&server, Blow::Freeze);
    assert_eq!(server.output("bash", "echo hello"), "hello\n");
    recovered(&server);
    assert!(server.pids().iter().all(|pid| !before.contains(pid)));
    server.stop();
}

#[test]
fn sandboxes_struck_at_random_under_load_cost_at_most_the_jobs_in_them() {
    let server = Arrange::new(&[("bash", 3)]).warm();
    let mut traces = Traces::default();
    let load = Load::running(&server, "sleep 0.1");
    for blow in [Blow::Kill, Blow::Remove] {
        traces.look(&server);
        to_each(&server, blow);
        load.goes_on(5);
    }
    for one in settled(&server) {
        strike(&server.docker, &server.owner, &one.container, Blow::Freeze);
    }
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["sandbox_error", "saturated"]);
    server.stop();
}
