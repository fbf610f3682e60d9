//! The five that must always hold.

use std::{sync::Arc, time::Duration};

use caisson::engine::Weight;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::support::fleet::{Arrange, Service, job, job_in};

async fn nothing_is_left(service: &Service) {
    service.drain().await;
    assert_eq!(service.engine.alive(), []);
    for state in ["booting", "ready", "claimed", "destroying"] {
        assert_eq!(service.heard.count(state), 0, "{state}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_fails_is_destroyed_all_the_same() {
    let arrange = Arrange::default();
    arrange.engine.behave(|engine| engine.create_fails = true);
    let service = arrange.start().await;
    service.until(|service| service.heard.count("boot engine") >= 3).await;
    service.until(|service| service.engine.alive().is_empty()).await;
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn sandboxes_on_the_host_never_exceed_the_budget_dying_ones_included() {
    let arrange = Arrange { budget: 3, languages: vec![("python", 2), ("c", 2)], ..Arrange::default() };
    arrange.engine.behave(|engine| engine.destroy_takes = Duration::from_secs(1));
    let service = arrange.start().await;
    let jobs = (0..20).map(|number| {
        let dispatch = Arc::clone(&service.dispatch);
        let language = if number % 2 == 0 { "python" } else { "c" };
        tokio::spawn(async move { dispatch.submit(job_in(language, "print x")).await })
    });
    for job in jobs.collect::<Vec<_>>() {
        job.await.unwrap().unwrap();
    }
    assert_eq!(service.engine.most_at_once(), 3);
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn no_more_boots_are_under_way_than_there_are_creators() {
    let service =
        Arrange { languages: vec![("python", 6)], creators: 2, ..Arrange::default() }.start().await.warm().await;
    assert_eq!(service.engine.most_creating(), 2);
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn boots_that_nobody_feels_are_more_at_once_and_do_not_wait_for_a_processor() {
    let arrange = Arrange { languages: vec![("python", 5)], creators: 2, budget: 16, ..Arrange::default() };
    arrange.engine.behave(|engine| engine.weight = Weight::Light);
    let service = arrange.start().await.warm().await;
    assert_eq!(service.engine.most_creating(), 5);
    // All run slots are taken, and still the shelf has its floor in the time of a boot.
    let jobs = Vec::from_iter((0..4).map(|_| {
        let dispatch = Arc::clone(&service.dispatch);
        tokio::spawn(async move { dispatch.submit(job("sleep 2000")).await })
    }));
    sleep(Duration::from_millis(500)).await;
    assert_eq!(service.ready(), 2);
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    // Nobody rests, and all four go at once.
    sleep(Duration::from_millis(60)).await;
    assert_eq!(service.engine.destroyed(), 4);
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn beside_a_client_that_comes_back_at_once_nothing_is_made_or_removed_for_a_while() {
    let arrange = Arrange { languages: vec![("python", 10)], creators: 2, budget: 32, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    for _ in 0..5 {
        sleep(Duration::from_millis(80)).await;
        service.dispatch.submit(job("sleep 20")).await.unwrap();
    }
    assert_eq!((service.ready(), service.engine.destroyed()), (5, 0));
    // Once it stays away.
    service.until(|service| service.ready() == 10 && service.engine.destroyed() == 5).await;
    nothing_is_left(&service).await;
}

/// Beside running programs, and a removal takes as long as ten boots.
#[tokio::test(start_paused = true)]
async fn for_want_of_room_no_more_are_removed_than_make_it() {
    let languages = vec![("python", 0)];
    let service = Arrange { languages, creators: 2, run_slots: 3, budget: 8, ..Arrange::default() }.start().await;
    service.engine.behave(|engine| engine.destroy_takes = Duration::from_secs(1));
    let begun = Instant::now();
    let jobs = Vec::from_iter((0..2).map(|_| {
        let dispatch = Arc::clone(&service.dispatch);
        tokio::spawn(async move { dispatch.submit(job("sleep 5000")).await })
    }));
    for _ in 0..4 {
        service.dispatch.submit(job("print x")).await.unwrap();
    }
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    // Four of the budget are to be had again, and the others rest.
    sleep_until(begun + Duration::from_secs(3)).await;
    assert_eq!(service.engine.destroyed(), 2);
    for job in jobs {
        job.await.unwrap().unwrap();
    }
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_mid_run_leaves_nothing_behind() {
    let service = Arrange::default().start().await.warm().await;
    let left = timeout(Duration::from_secs(1), service.dispatch.submit(job("sleep 5000"))).await;
    assert!(left.is_err());
    assert_eq!(service.heard.count("job abandoned"), 1);
    service.until(|service| service.engine.destroyed() == 1 && service.ready() == 2).await;
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_while_waiting_leaves_nothing_behind() {
    let arrange = Arrange { languages: vec![("python", 0)], ..Arrange::default() };
    arrange.engine.behave(|engine| engine.create_takes = Duration::from_secs(5));
    let service = arrange.start().await;
    let left = timeout(Duration::from_secs(1), service.dispatch.submit(job("print x"))).await;
    assert!(left.is_err());
    assert_eq!(service.heard.count("claim abandoned"), 1);
    assert_eq!(service.dispatch.status().pools[0].waiting, 0);
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_leaves_the_queue_leaves_nothing_behind() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let dispatch = Arc::clone(&service.dispatch);
    let first = tokio::spawn(async move { dispatch.submit(job("sleep 3000")).await });
    sleep(Duration::from_millis(100)).await;
    assert!(timeout(Duration::from_secs(1), service.dispatch.submit(job("print x"))).await.is_err());
    assert_eq!(service.dispatch.status().queued, 0);
    first.await.unwrap().unwrap();
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_returns_only_when_the_last_sandbox_is_gone() {
    let arrange = Arrange::default();
    arrange.engine.behave(|engine| engine.destroy_takes = Duration::from_secs(7));
    let service = arrange.start().await.warm().await;
    let dispatch = Arc::clone(&service.dispatch);
    let running = tokio::spawn(async move { dispatch.submit(job("sleep 2000\nprint done")).await });
    sleep(Duration::from_millis(100)).await;
    nothing_is_left(&service).await;
    assert_eq!(running.await.unwrap().unwrap().run.unwrap().stdout.bytes, b"done");
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_catches_a_boot_waits_for_it() {
    let arrange = Arrange::default();
    arrange.engine.behave(|engine| engine.create_takes = Duration::from_secs(5));
    let service = arrange.start().await;
    sleep(Duration::from_secs(1)).await;
    nothing_is_left(&service).await;
}

#[tokio::test(start_paused = true)]
async fn a_drain_ends_what_outlasts_its_patience() {
    let service = Arrange::default().start().await.warm().await;
    let dispatch = Arc::clone(&service.dispatch);
    let running = tokio::spawn(async move { dispatch.submit(job("sleep 9000")).await });
    sleep(Duration::from_millis(100)).await;
    service.dispatch.drain(Duration::from_secs(1)).await;
    assert_eq!(running.await.unwrap(), Err(caisson::dispatch::Refusal::Draining));
    assert_eq!(service.engine.alive(), []);
}

#[tokio::test(start_paused = true)]
async fn one_sandbox_serves_one_request() {
    let service = Arrange { languages: vec![("python", 4)], ..Arrange::default() }.start().await.warm().await;
    for _ in 0..10 {
        service.dispatch.submit(job("print x")).await.unwrap();
    }
    service.until(|service| service.engine.destroyed() == 10).await;
    service.warm().await.drain().await;
}

#[tokio::test(start_paused = true)]
async fn no_two_sandboxes_on_the_host_share_a_uid() {
    let service =
        Arrange { languages: vec![("python", 4)], budget: 4, ..Arrange::default() }.start().await.warm().await;
    let uids: std::collections::HashSet<u32> =
        service.engine.specs().iter().flat_map(|spec| [spec.job_uid, spec.agent_uid]).collect();
    assert_eq!(uids.len(), 8);
    nothing_is_left(&service).await;
}
