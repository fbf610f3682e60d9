//! A shelf that was asked for in advance is full when it is wanted.

use std::time::{Duration, SystemTime};

use caisson::{
    calendar::Cron,
    dispatch::{HintError, Wish},
    job::LanguageId,
    pool::Schedule,
};
use tokio::time::sleep;

use crate::support::fleet::{Arrange, Service, job};

const MINUTE: Duration = Duration::from_secs(60);

fn python() -> LanguageId {
    LanguageId::new("python")
}

fn wish(size: usize, ahead: Duration, hold: Duration) -> Wish {
    Wish { size, at: Some(SystemTime::now() + ahead), hold }
}

fn target(service: &Service) -> usize {
    service.dispatch.status().pools[0].target
}

#[tokio::test(start_paused = true)]
async fn a_hinted_shelf_is_full_at_its_time_and_not_long_before() {
    let service = Arrange { budget: 16, ..Arrange::default() }.start().await.warm().await;
    service.dispatch.hint(&python(), wish(10, 10 * MINUTE, MINUTE)).unwrap();
    sleep(9 * MINUTE).await;
    assert_eq!(service.ready(), 2);
    sleep(MINUTE).await;
    assert_eq!(service.ready(), 10);
    // What nobody took is given up again.
    sleep(MINUTE).await;
    service.until(|service| service.ready() == 2 && service.engine.alive().len() == 2).await;
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_hinted_shelf_is_full_at_its_time_even_if_programs_run_all_the_while() {
    let service = Arrange { budget: 16, run_slots: 2, ..Arrange::default() }.start().await.warm().await;
    service.dispatch.hint(&python(), wish(10, MINUTE, MINUTE)).unwrap();
    let busy = async {
        loop {
            let both =
                tokio::join!(service.dispatch.submit(job("sleep 5000")), service.dispatch.submit(job("sleep 5000")));
            both.0.unwrap();
        }
    };
    // A job takes one just before, which takes a boot to replace.
    let full = service.until(|service| service.ready() >= 9);
    tokio::select! {
        () = busy => {},
        result = tokio::time::timeout(MINUTE, full) => result.expect("in time"),
    }
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_is_taken_back_is_none() {
    let service = Arrange { budget: 16, ..Arrange::default() }.start().await.warm().await;
    service.dispatch.hint(&python(), Wish { size: 10, at: None, hold: MINUTE }).unwrap();
    service.until(|service| target(service) == 10).await;
    service.dispatch.forget_hints(&python());
    service.until(|service| target(service) == 2 && service.ready() == 2).await;
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn a_hint_that_could_never_be_met_is_refused() {
    let service = Arrange::default().start().await;
    let over = Wish { at: Some(SystemTime::now() - MINUTE), ..wish(1, MINUTE, MINUTE / 2) };
    assert_eq!(service.dispatch.hint(&python(), over), Err(HintError::Over));
    assert_eq!(service.dispatch.hint(&python(), wish(9, MINUTE, MINUTE)), Err(HintError::TooLarge { most: 8 }));
    let stranger = LanguageId::new("cobol");
    assert_eq!(service.dispatch.hint(&stranger, wish(1, MINUTE, MINUTE)), Err(HintError::Unknown));
    service.drain().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_scheduled_is_full_each_time_and_is_not_taken_back() {
    let cron = Cron::parse("* * * * *").unwrap();
    let schedule = Schedule { language: python(), cron, size: 6, hold: Duration::from_secs(20) };
    let service = Arrange { schedules: vec![schedule], ..Arrange::default() }.start().await;
    for _ in 0..2 {
        service.until(|service| service.ready() == 6).await;
        service.dispatch.forget_hints(&python());
        let hints = service.dispatch.status().pools.remove(0).hints;
        assert!(hints.len() == 1 && hints[0].is_scheduled, "{hints:?}");
        service.until(|service| service.ready() == 2 && target(service) == 2).await;
    }
    service.drain().await;
}
