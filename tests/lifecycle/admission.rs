//! Who waits for whom, and who is not let wait.

use std::{sync::Arc, time::Duration};

use caisson::{
    dispatch::{Refusal, Saturation},
    job::{Claim, ClientId, Job, Priority, Standing},
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{Instant, sleep},
};

use crate::support::fleet::{Arrange, Service, job, job_in};

fn of(client: &str, priority: Priority, job: Job) -> Job {
    Job { standing: Standing { client: ClientId::new(client), priority }, ..job }
}

fn batch(job: Job) -> Job {
    of("", Priority::Batch, job)
}

fn within(seconds: u64, job: Job) -> Job {
    Job { deadline: Duration::from_secs(seconds), ..job }
}

/// Submits jobs by name and hears the names in the order in which they end.
struct Race<'s> {
    service: &'s Service,
    done: UnboundedSender<&'static str>,
    ended: UnboundedReceiver<&'static str>,
}

impl<'s> Race<'s> {
    fn new(service: &'s Service) -> Self {
        let (done, ended) = unbounded_channel();
        Self { service, done, ended }
    }

    /// It is in the line, or runs, when this returns.
    async fn enter(&self, name: &'static str, job: Job) {
        let (dispatch, done) = (Arc::clone(&self.service.dispatch), self.done.clone());
        tokio::spawn(async move {
            dispatch.submit(job).await.unwrap();
            done.send(name).unwrap();
        });
        sleep(Duration::from_millis(1)).await;
    }

    async fn order(mut self, count: usize) -> Vec<&'static str> {
        let mut order = Vec::new();
        for _ in 0..count {
            order.push(self.ended.recv().await.unwrap());
        }
        order
    }
}

#[tokio::test(start_paused = true)]
async fn the_earliest_deadline_runs_first() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("running", job("sleep 1000")).await;
    race.enter("patient", within(60, job("print x"))).await;
    race.enter("urgent", within(20, job("print x"))).await;
    assert_eq!(race.order(3).await, ["running", "urgent", "patient"]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_runs_when_nothing_interactive_waits() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("running", job("sleep 1000")).await;
    race.enter("batch", batch(within(5, job("print x")))).await;
    race.enter("interactive", within(60, job("print x"))).await;
    assert_eq!(race.order(3).await, ["running", "interactive", "batch"]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_the_last_ready_sandbox_alone() {
    let arrange = Arrange { run_slots: 4, languages: vec![("python", 1)], creators: 1, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("batch", batch(job("print x"))).await;
    let report = service.dispatch.submit(job("print x")).await.unwrap();
    assert_eq!(report.claim, Claim::Warm);
    assert_eq!(race.order(1).await, ["batch"]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn clients_take_turns() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    let of = |client, job| of(client, Priority::Interactive, job);
    race.enter("a0", of("a", job("sleep 100"))).await;
    for name in ["a1", "a2", "a3"] {
        race.enter(name, of("a", within(10, job("sleep 100")))).await;
    }
    race.enter("b1", of("b", job("sleep 100"))).await;
    race.enter("b2", of("b", job("sleep 100"))).await;
    assert_eq!(race.order(6).await, ["a0", "b1", "a1", "b2", "a2", "a3"]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_sandbox_holds_no_run_slot() {
    let arrange = Arrange { run_slots: 1, languages: vec![("c", 2), ("java", 0)], ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("java", job_in("java", "print x")).await;
    race.enter("c1", job_in("c", "print x")).await;
    race.enter("c2", job_in("c", "print x")).await;
    assert_eq!(race.order(3).await, ["c1", "c2", "java"]);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_would_outlast_the_deadline_is_refused_at_once() {
    let service = Arrange { run_slots: 1, queue: 64, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    for _ in 0..20 {
        race.enter("job", job("sleep 1000")).await;
    }
    // The line has moved for a while, and is known to take a second for each.
    sleep(Duration::from_secs(5)).await;
    let since = Instant::now();
    let refused = service.dispatch.submit(within(5, of("", Priority::Batch, job("print x")))).await;
    assert_eq!(since.elapsed(), Duration::ZERO);
    let Err(Refusal::Saturated { why: Saturation::Hopeless, retry_after }) = refused else { panic!("{refused:?}") };
    assert!(retry_after >= Duration::from_secs(5) && retry_after <= Duration::from_secs(15), "{retry_after:?}");
    assert_eq!(service.heard.count("rejected wait_too_long"), 1);
    // With the same deadline, and before the others: there is time enough.
    service.dispatch.submit(within(5, job("print x"))).await.unwrap();
    assert_eq!(race.order(20).await.len(), 20);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn without_patience_a_job_begins_at_once_or_is_refused() {
    let arrange = Arrange { run_slots: 1, queue_patience: Duration::ZERO, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("running", job("sleep 1000")).await;
    let refused = service.dispatch.submit(job("print x")).await;
    assert!(matches!(refused, Err(Refusal::Saturated { why: Saturation::Hopeless, .. })), "{refused:?}");
    assert_eq!(race.order(1).await, ["running"]);
    service.dispatch.submit(job("print x")).await.unwrap();
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_takes_no_sandbox() {
    let service = Arrange { run_slots: 1, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("running", job("sleep 3000")).await;
    let late = service.dispatch.submit(within(1, job("print x"))).await;
    assert!(matches!(late, Err(Refusal::Saturated { why: Saturation::Expired, .. })), "{late:?}");
    let gone = tokio::time::timeout(Duration::from_millis(500), service.dispatch.submit(job("print x"))).await;
    assert!(gone.is_err());
    assert_eq!(race.order(1).await, ["running"]);
    service.until(|service| service.ready() == 2).await;
    assert_eq!((service.heard.count("claim warm"), service.heard.count("claimed")), (1, 0));
    assert_eq!((service.heard.count("rejected expired"), service.heard.count("job abandoned")), (1, 1));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn batches_of_several_languages_do_not_keep_the_whole_budget_from_each_other() {
    let languages = vec![("java", 1), ("python", 1)];
    let arrange = Arrange { run_slots: 1, budget: 2, languages, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let race = Race::new(&service);
    let since = Instant::now();
    race.enter("java", batch(job_in("java", "print x"))).await;
    race.enter("python", batch(job_in("python", "print x"))).await;
    assert_eq!(race.order(2).await.len(), 2);
    assert!(since.elapsed() < Duration::from_secs(10), "{:?}", since.elapsed());
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_line_of_one_language_does_not_empty_the_shelves_of_others() {
    let languages = vec![("c", 2), ("python", 2)];
    let arrange = Arrange { run_slots: 1, budget: 6, queue: 64, languages, ..Arrange::default() };
    let service = arrange.start().await.warm().await;
    let race = Race::new(&service);
    for _ in 0..30 {
        race.enter("python", job("sleep 100")).await;
    }
    sleep(Duration::from_secs(1)).await;
    let pools = service.dispatch.status().pools;
    let c = pools.iter().find(|pool| pool.language.as_str() == "c").unwrap();
    assert_eq!(c.ready, 2, "{pools:?}");
    assert_eq!(race.order(30).await.len(), 30);
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn who_can_begin_passes_those_who_lack_a_sandbox_though_they_fill_the_line() {
    let languages = vec![("c", 2), ("java", 0)];
    let service = Arrange { run_slots: 1, queue: 1, languages, ..Arrange::default() }.start().await.warm().await;
    let race = Race::new(&service);
    race.enter("java", job_in("java", "print x")).await;
    race.enter("java", job_in("java", "print x")).await;
    assert_eq!(service.dispatch.submit(job_in("c", "print x")).await.unwrap().claim, Claim::Warm);
    assert_eq!(race.order(2).await.len(), 2);
    service.drain().await;
}
