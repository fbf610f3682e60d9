//! Where a sandbox comes from, and what is refused.

use std::{sync::Arc, time::Duration};

use caisson::{
    dispatch::Refusal,
    job::{Arming, ArmingRules, Claim, Job, WorkPath},
};
use tokio::time::sleep;

use crate::support::fleet::{Arrange, job, job_in};

#[tokio::test(start_paused = true)]
async fn a_claim_from_the_shelf_is_warm() {
    let service = Arrange::default().start().await.warm().await;
    let report = service.dispatch.submit(job("print x")).await.unwrap();
    assert_eq!(report.claim, Claim::Warm);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_met_by_a_boot_that_was_under_way_is_late() {
    let service = Arrange::default().start().await;
    sleep(Duration::from_millis(50)).await;
    let report = service.dispatch.submit(job("print x")).await.unwrap();
    assert_eq!(report.claim, Claim::Late);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_a_sandbox_is_made_for_is_cold() {
    let service = Arrange { languages: vec![("python", 0)], ..Arrange::default() }.start().await;
    let report = service.dispatch.submit(job("print x")).await.unwrap();
    assert_eq!(report.claim, Claim::Cold);
    assert!(report.timing.claim >= Duration::from_millis(100));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_takes_long_to_arm_is_armed_for_the_shelf_and_not_for_who_waits() {
    let step = job("").run;
    let command = Some(["/usr/bin/prepared".to_owned()].into());
    let rules = ArmingRules { most_bytes: 1000, is_alone: false, sees_memory: false, forks: false, cold: Vec::new() };
    let arming = Some(Arming { step, command, entry: WorkPath::parse("main").unwrap(), rules, successor: None });
    let arrange = Arrange { languages: vec![("python", 1)], arming, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let submit = |program| service.dispatch.submit(job(program));
    // Two sandboxes are asked for while the second waits: one for it, and one for the shelf.
    let (first, second) = tokio::join!(submit("sleep 50"), submit("print x"));
    service.until(|service| service.ready() == 1).await;
    let third = submit("print x").await;
    let found =
        [first, second, third].map(|report| report.map(|report| (report.claim, report.run.unwrap().armed)).unwrap());
    assert_eq!(found, [(Claim::Warm, true), (Claim::Cold, false), (Claim::Warm, true)]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_taken_is_replaced() {
    let service = Arrange::default().start().await.warm().await;
    for _ in 0..5 {
        service.dispatch.submit(job("print x")).await.unwrap();
    }
    let service = service.warm().await;
    assert_eq!(service.ready(), 2);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_longest_is_served_first() {
    let arrange = Arrange { languages: vec![("python", 0)], creators: 1, ..Arrange::default() };
    let service = arrange.start().await;
    let (done, mut order) = tokio::sync::mpsc::unbounded_channel();
    for number in 0..4 {
        let (dispatch, done) = (Arc::clone(&service.dispatch), done.clone());
        tokio::spawn(async move {
            dispatch.submit(job("print x")).await.unwrap();
            done.send(number).unwrap();
        });
        sleep(Duration::from_millis(1)).await;
    }
    for number in 0..4 {
        assert_eq!(order.recv().await, Some(number));
    }
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn beyond_the_queue_jobs_are_refused_at_once() {
    let service = Arrange { run_slots: 1, queue: 1, ..Arrange::default() }.start().await.warm().await;
    let jobs: Vec<_> = (0..6)
        .map(|_| {
            let dispatch = Arc::clone(&service.dispatch);
            tokio::spawn(async move { dispatch.submit(job("sleep 1000")).await })
        })
        .collect();
    let mut refused = 0;
    for job in jobs {
        refused += usize::from(matches!(job.await.unwrap(), Err(Refusal::Saturated { .. })));
    }
    // Several: a refusal that gave back a place it never had would let the next one in.
    assert_eq!(refused, 4);
    assert_eq!(service.heard.count("rejected queue_full"), 4);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_deadline_passes_in_the_queue_is_refused() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let dispatch = Arc::clone(&service.dispatch);
    let first = tokio::spawn(async move { dispatch.submit(job("sleep 5000")).await });
    sleep(Duration::from_millis(10)).await;
    let late = service.dispatch.submit(Job { deadline: Duration::from_secs(1), ..job("print x") }).await;
    assert!(matches!(late, Err(Refusal::Saturated { .. })));
    first.await.unwrap().unwrap();
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_job_whose_deadline_passes_while_it_runs_ends_there() {
    let service = Arrange::default().start().await.warm().await;
    let report = service.dispatch.submit(Job { deadline: Duration::from_secs(1), ..job("hang") }).await.unwrap();
    let run = report.run.unwrap();
    assert_eq!(run.message.as_deref(), Some("the request's deadline passed"));
    assert!(run.usage.wall_time <= Duration::from_secs(1));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_draining_service_refuses_and_says_so() {
    let service = Arrange::default().start().await.warm().await;
    service.drain().await;
    assert_eq!(service.dispatch.submit(job("print x")).await, Err(Refusal::Draining));
    assert!(service.dispatch.status().draining);
}

#[tokio::test(start_paused = true)]
async fn an_idle_language_makes_way_when_the_budget_is_used_up() {
    let arrange = Arrange { languages: vec![("c", 4), ("python", 0)], budget: 4, ..Arrange::default() };
    let service = arrange.start().await;
    service.until(|service| service.ready() == 4).await;
    service.dispatch.submit(job_in("python", "print x")).await.unwrap();
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn idle_sandboxes_are_replaced_when_they_are_old() {
    let service = Arrange { recycle_after: Duration::from_secs(60), ..Arrange::default() }.start().await.warm().await;
    sleep(Duration::from_secs(70)).await;
    service.until(|service| service.engine.destroyed() >= 2 && service.ready() == 2).await;
    service.drain().await;
}
