//! The invariants of the pool, which the lifecycle suite proves under paused time, on the real engine under load.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::server::{Arrange, Server};

/// So many clients, each with so many requests.
const CLIENTS: usize = 6;
const REQUESTS: usize = 8;

/// What no two sandboxes have in common: the uid and the start of PID 1.
const WHO_AM_I: &str = "echo $(id -u) $(cut -d ' ' -f 22 /proc/1/stat)";

fn load(server: &Server) -> Vec<Value> {
    let request = json!({"language": "bash", "source": WHO_AM_I});
    thread::scope(|scope| {
        let client = || (0..REQUESTS).map(|_| server.execute(&request)).collect::<Vec<_>>();
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    })
}

#[test]
fn under_load_the_budget_holds_and_each_request_has_a_sandbox_of_its_own() {
    let budget = 5;
    let server = Arrange::new(&[("bash", 3)]).set(format!("pool.budget={budget}")).warm();
    let over = AtomicBool::new(false);
    let most = AtomicUsize::new(0);
    let answers = thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                most.fetch_max(server.docker.sandboxes(&server.owner).len(), Ordering::Relaxed);
            }
        });
        let answers = load(&server);
        over.store(true, Ordering::Relaxed);
        answers
    });
    assert!((1..=budget).contains(&most.into_inner()));
    assert!(answers.iter().all(|answer| answer["status"] == "ok"));
    let sandboxes: HashSet<_> = answers.iter().map(|answer| answer["run"]["stdout"].to_string()).collect();
    assert_eq!(sandboxes.len(), CLIENTS * REQUESTS);
    let claims: HashSet<_> = answers.iter().map(|answer| answer["claim"].as_str().unwrap()).collect();
    assert!(claims.contains("warm") && claims.len() > 1, "{claims:?}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn who_finds_the_queue_full_is_told_to_come_back() {
    let server = Arrange::new(&[("bash", 2)]).set("pool.queue=1").set("pool.run_slots=1").warm();
    let request = json!({"language": "bash", "source": "sleep 1"}).to_string();
    let replies: Vec<_> = thread::scope(|scope| {
        let clients: Vec<_> = (0..6).map(|_| scope.spawn(|| server.post("/v1/execute", request.clone()))).collect();
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let (served, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!((served.len(), refused.len()), (2, 4));
    for reply in refused {
        assert_eq!((reply.status, &reply.body["code"]), (503, &json!("saturated")));
        assert!(reply.headers.contains_key("retry-after"));
    }
    assert_eq!(server.metric("caisson_jobs_rejected_total{reason=\"queue_full\"}"), 4.0);
    server.nothing_is_left();
    server.stop();
}
