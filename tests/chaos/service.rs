//! The service itself: killed, doubled, told to end.

use std::time::{Duration, Instant};

use crate::{
    load::{Answer, Load},
    promises::{Traces, assert_kept, recovered},
    server::{Arrange, until},
};

/// A service that was killed must be cleaned up after within this, by the one that follows.
const ORPHANS_GONE: Duration = Duration::from_secs(10);

/// One of two services on one engine is killed in mid-load.
#[test]
fn what_a_killed_service_left_is_gone_soon_after_its_restart_and_the_one_beside_it_never_notices() {
    let other = Arrange::new(&[("bash", 2)]).warm();
    let killed = Arrange::beside(&[("bash", 2)]).warm();
    let (owner, docker) = (killed.owner.clone(), killed.docker.clone());
    let mut traces = Traces::default();
    traces.look(&killed);
    let (of_other, of_killed) = (Load::begin(&other), Load::running(&killed, "sleep 0.1"));
    traces.look(&killed);
    let orphans = docker.sandboxes(&owner);
    assert!(!orphans.is_empty());
    killed.kill();
    let since = Instant::now();
    let restarted = Arrange::beside(&[("bash", 2)]).owner(&owner).start();
    until("the orphans are gone", || {
        docker.is_native() || docker.sandboxes(&owner).iter().all(|name| !orphans.contains(name))
    });
    assert!(since.elapsed() <= ORPHANS_GONE, "took {:?}", since.elapsed());
    // Who was in mid-request saw his connection end, and nobody a wrong answer.
    assert!(of_killed.end().iter().all(|answer| matches!(answer, Answer::Served | Answer::Cut(_))));
    assert_kept(&restarted, &traces, &[], &[]);
    // Natively they end with the service, and there is nothing to reap.
    assert!(docker.is_native() || restarted.metric("caisson_orphans_reaped_total") >= 2.0);
    of_other.goes_on(5);
    assert_kept(&other, &Traces::default(), &of_other.end(), &[]);
    restarted.stop();
    other.stop();
}

#[test]
fn a_service_told_to_end_under_load_answers_whom_it_accepted_and_leaves_nothing() {
    let server = Arrange::new(&[("bash", 3)]).warm();
    recovered(&server);
    let load = Load::running(&server, "sleep 0.2");
    server.signal("TERM");
    load.hears("draining");
    until("it is over", || !server.events("ended; no sandbox is left").is_empty());
    let answers = load.end();
    server.leaves_nothing();
    // Once it no longer listens a client is turned away by the kernel; before, everybody is told.
    let broken: Vec<_> = answers.iter().filter(|answer| !is_of_an_end(answer)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

fn is_of_an_end(answer: &Answer) -> bool {
    match answer {
        Answer::Served => true,
        Answer::Refused(code) => code == "draining",
        // By the kernel, or by a service that had not read a byte of it.
        Answer::Cut(error) => ["refused", "Broken pipe", "reset"].iter().any(|word| error.contains(word)),
        Answer::SandboxLost | Answer::Wrong(_) => false,
    }
}

#[test]
fn whoever_read_the_log_may_be_gone() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    server.deafen();
    // Each of these writes lines, the first of which is still read.
    for _ in 0..3 {
        assert_eq!(server.output("bash", "echo on"), "on\n");
    }
    // What was killed by a line that could not be written was left behind as well.
    server.stop();
}
