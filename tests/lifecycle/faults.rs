//! What goes wrong outside, and that it stays there.

use std::{sync::Arc, time::Duration};

use caisson::{
    dispatch::Refusal,
    engine::{SandboxId, fake::Greeting},
    job::Outcome,
};
use tokio::time::sleep;

use crate::support::fleet::{Arrange, OWNER, job};

#[tokio::test(start_paused = true)]
async fn what_an_earlier_boot_left_is_gone_before_the_first_sandbox_is_made() {
    let arrange = Arrange::default();
    let orphan = SandboxId::new(OWNER, "earlier", 1);
    arrange.engine.plant(orphan.clone());
    let service = arrange.start().await;
    assert!(!service.engine.alive().contains(&orphan));
    assert_eq!(service.heard.count("orphan"), 1);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_turns_up_later_is_found_within_ten_seconds() {
    let service = Arrange::default().start().await.warm().await;
    let orphan = SandboxId::new(OWNER, "boot", 999);
    service.engine.plant(orphan.clone());
    sleep(Duration::from_secs(10)).await;
    assert!(!service.engine.alive().contains(&orphan));
    assert_eq!(service.ready(), 2);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_orphan_that_will_not_go_does_not_keep_the_others() {
    let arrange = Arrange::default();
    let orphans: Vec<_> = (1..=3).map(|number| SandboxId::new(OWNER, "earlier", number)).collect();
    orphans.iter().for_each(|orphan| arrange.engine.plant(orphan.clone()));
    arrange.engine.make_stuck(orphans[0].clone());
    let service = arrange.start().await.warm().await;
    assert_eq!(service.heard.count("orphan"), 2);
    assert!(service.engine.alive().contains(&orphans[0]));
    service.drain().await;
    assert_eq!(service.engine.alive(), orphans[..1]);
}

#[tokio::test(start_paused = true)]
async fn an_idle_sandbox_killed_from_outside_is_replaced() {
    let service = Arrange::default().start().await.warm().await;
    let victim = service.engine.alive()[0].clone();
    service.engine.kill(&victim);
    service.until(|service| !service.engine.alive().contains(&victim) && service.ready() == 2).await;
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_never_gets_a_sandbox_that_died_on_the_shelf() {
    let service = Arrange::default().start().await.warm().await;
    for victim in service.engine.alive() {
        service.engine.kill(&victim);
    }
    let report = service.dispatch.submit(job("print x")).await.unwrap();
    assert_eq!(report.run.unwrap().stdout.bytes, b"x");
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_dies_under_its_program_is_an_error_of_the_sandbox() {
    let service = Arrange::default().start().await.warm().await;
    let report = service.dispatch.submit(job("print begun\ndie")).await.unwrap();
    assert_eq!(report.outcome(), Outcome::SandboxError);
    assert_eq!(service.heard.count("job sandbox_error"), 1);
    let service = service.warm().await;
    assert_eq!(service.dispatch.submit(job("print x")).await.unwrap().outcome(), Outcome::Ok);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_dies_before_a_word_is_replaced_once() {
    let service = Arrange::default().start().await.warm().await;
    let report = service.dispatch.submit(job("die")).await.unwrap();
    assert_eq!(report.outcome(), Outcome::SandboxError);
    service.until(|service| service.engine.destroyed() == 2).await;
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_is_not_waited_for_past_the_time_limit() {
    let service = Arrange::default().start().await.warm().await;
    let mut job = job("sleep 0\nhang\nsleep 60000");
    job.run.limits.wall_time = Duration::from_secs(2);
    let since = tokio::time::Instant::now();
    let report = service.dispatch.submit(job).await.unwrap();
    assert_eq!(report.outcome(), Outcome::TimeLimit);
    assert!(since.elapsed() <= Duration::from_millis(3100));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_not_ours_makes_no_ready_sandbox() {
    for (greeting, kind) in [
        (Greeting::WrongVersion, "boot handshake"),
        (Greeting::WrongUid, "boot handshake"),
        (Greeting::Noise, "boot handshake"),
        (Greeting::Silence, "boot silent"),
    ] {
        let arrange = Arrange::default();
        arrange.engine.behave(|engine| engine.greeting = greeting);
        let service = arrange.start().await;
        service.until(|service| service.heard.count(kind) >= 2).await;
        assert_eq!(service.ready(), 0, "{greeting:?}");
        service.drain().await;
        assert_eq!(service.engine.alive(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_broken_language_is_told_and_it_recovers_by_itself() {
    let arrange = Arrange { languages: vec![("python", 0)], ..Arrange::default() };
    arrange.engine.behave(|engine| engine.create_fails = true);
    let service = arrange.start().await;
    let refused = service.dispatch.submit(job("print x")).await;
    assert!(matches!(refused, Err(Refusal::EngineUnavailable { .. })), "{refused:?}");
    assert!(!service.dispatch.status().pools[0].healthy);

    service.engine.behave(|engine| engine.create_fails = false);
    sleep(Duration::from_secs(15)).await;
    assert_eq!(service.dispatch.submit(job("print x")).await.unwrap().outcome(), Outcome::Ok);
    assert!(service.dispatch.status().pools[0].healthy);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_sandbox_that_will_not_go_keeps_its_share_and_is_tried_again() {
    let arrange = Arrange { budget: 2, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    service.engine.behave(|engine| engine.destroy_fails = true);
    service.dispatch.submit(job("print x")).await.unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(service.engine.alive().len(), 2);
    assert_eq!(service.ready(), 1);
    service.engine.behave(|engine| engine.destroy_fails = false);
    service.until(|service| service.ready() == 2).await;
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn more_output_than_was_allowed_loses_the_sandbox_and_not_the_service() {
    let service = Arrange::default().start().await.warm().await;
    let mut job = job("print more than four");
    job.run.limits.output_bytes = 4;
    let report = service.dispatch.submit(job).await.unwrap();
    assert_eq!(report.outcome(), Outcome::SandboxError);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn many_at_once_all_get_their_answer() {
    let service = Arrange { queue: 200, ..Arrange::default() }.start().await.warm().await;
    let jobs: Vec<_> = (0..100)
        .map(|number| {
            let dispatch = Arc::clone(&service.dispatch);
            tokio::spawn(async move { (number, dispatch.submit(job(&format!("print {number}"))).await) })
        })
        .collect();
    for job in jobs {
        let (number, report) = job.await.unwrap();
        assert_eq!(report.unwrap().run.unwrap().stdout.bytes, number.to_string().into_bytes());
    }
    service.drain().await;
    assert_eq!(service.engine.alive(), []);
}

#[tokio::test(start_paused = true)]
async fn an_idle_sandbox_that_is_frozen_is_given_up_within_ten_seconds() {
    let service = Arrange::default().start().await.warm().await;
    let frozen = service.engine.alive();
    frozen.iter().for_each(|id| service.engine.freeze(id.clone()));
    sleep(Duration::from_secs(10)).await;
    service.until(|service| service.ready() == 2).await;
    assert!(service.engine.alive().iter().all(|id| !frozen.contains(id)));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn with_too_little_memory_the_budget_is_what_can_just_work() {
    let arrange = Arrange { run_slots: 2, languages: vec![("python", 6)], ..Arrange::default() };
    let poor = Arrange { memory_reserve: Some(u64::MAX), ..arrange.clone() }.start().await;
    poor.engine.behave(|engine| engine.idle_bytes = Some(4 << 20));
    sleep(Duration::from_secs(10)).await;
    assert_eq!((poor.engine.most_at_once(), poor.ready()), (3, 3));
    poor.dispatch.submit(job("print x")).await.unwrap();
    poor.drain().await;
    let rich = Arrange { memory_reserve: Some(0), ..arrange }.start().await.warm().await;
    assert_eq!(rich.ready(), 6);
    rich.drain().await;
}
