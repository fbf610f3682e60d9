use futures_util::future::join_all;

use super::*;
use crate::{
    engine::fake::{Behaviour, FakeEngine},
    job::{LanguageId, Limits},
};

/// An engine that knows these runtimes, seen through the choice that is ours.
fn auto(runtimes: &[&str], change: impl FnOnce(&mut Behaviour)) -> (Arc<FakeEngine>, AutoRuntime) {
    let fake = Arc::new(FakeEngine::new());
    fake.behave(|behaviour| {
        behaviour.runtimes = runtimes.iter().map(|name| (*name).to_owned()).collect();
        change(behaviour);
    });
    let config =
        TrialConfig { pools: vec![pool()], cpus: 1.0, boot_patience: Duration::from_secs(1), ledger: ledger_config() };
    let auto = AutoRuntime::new(Arc::clone(&fake) as Arc<dyn Engine>, config);
    (fake, auto)
}

fn ledger_config() -> LedgerConfig {
    LedgerConfig { owner: "test".to_owned(), boot: "b00t".to_owned(), budget: 1, uid_base: 300_000 }
}

fn pool() -> PoolConfig {
    PoolConfig {
        language: LanguageId::new("bash"),
        image: "caisson/bash".to_owned(),
        runtime: None,
        size: 1,
        most: 0,
        ceiling: Limits {
            cpu_time: Duration::from_secs(1),
            wall_time: Duration::from_secs(1),
            memory_bytes: 64 << 20,
            output_bytes: 1 << 20,
            processes: 64,
            file_size_bytes: 1 << 20,
            open_files: 64,
            stack_bytes: 8 << 20,
        },
        rehearsal: None,
        arming: None,
    }
}

/// A sandbox as the fleet would want it, by its number.
fn spec(number: u64) -> SandboxSpec {
    let (ledger, _remains) = Ledger::new(ledger_config(), Arc::new(Deaf));
    let custody = ledger.take(&LanguageId::new("bash")).unwrap();
    SandboxSpec { id: SandboxId::new("test", "b00t", number), ..pool().spec(&custody, 1.0) }
}

/// With what each sandbox that was asked for was to be made, trials among them.
fn runtimes_asked_for(fake: &FakeEngine) -> Vec<Option<String>> {
    fake.specs().into_iter().map(|spec| spec.runtime).collect()
}

fn crun() -> Option<String> {
    Some("crun".to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_works_is_tried_once_and_used() {
    let (fake, auto) = auto(&["runc", "crun"], |_| {});
    let specs: Vec<_> = (1..=3).map(spec).collect();
    for made in join_all(specs.iter().map(|spec| auto.create(spec))).await {
        made.unwrap();
    }
    assert_eq!(runtimes_asked_for(&fake), [crun(), crun(), crun(), crun()]);
    assert_eq!(fake.alive().len(), 3, "the trial is gone");
    assert_eq!(auto.probe().await.unwrap().runtime, "crun");
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_is_not_known_costs_no_trial() {
    let (fake, auto) = auto(&["runc"], |_| {});
    assert!(auto.probe().await.unwrap().runtime_reason.unwrap().contains("does not know crun"));
    auto.create(&spec(1)).await.unwrap();
    assert_eq!(runtimes_asked_for(&fake), [None]);
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_fails_is_given_up_and_nothing_is_left_of_it() {
    let (fake, auto) = auto(&["runc", "crun"], |behaviour| behaviour.broken_runtime = crun());
    let info = auto.probe().await.unwrap();
    assert_eq!(info.runtime, "none", "the fake's default");
    assert!(info.runtime_reason.unwrap().contains("told to fail"));
    auto.create(&spec(1)).await.unwrap();
    assert_eq!(runtimes_asked_for(&fake), [crun(), None, None]);
    assert_eq!(fake.alive(), [spec(1).id]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_makes_nothing_at_all_decides_nothing() {
    let (fake, auto) = auto(&["runc", "crun"], |behaviour| behaviour.create_fails = true);
    assert_eq!(auto.probe().await.unwrap().runtime_reason, None);
    fake.behave(|behaviour| behaviour.create_fails = false);
    auto.create(&spec(1)).await.unwrap();
    assert_eq!(runtimes_asked_for(&fake).last(), Some(&crun()));
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_forgets_the_runtime_is_asked_anew() {
    let (fake, auto) = auto(&["runc", "crun"], |_| {});
    auto.create(&spec(1)).await.unwrap();
    fake.behave(|behaviour| behaviour.runtimes = vec!["runc".to_owned()]);
    // The fake keeps a name of which it refused the sandbox, as the real one does not.
    auto.create(&spec(2)).await.unwrap();
    assert_eq!(runtimes_asked_for(&fake).last(), Some(&None));
    assert!(auto.probe().await.unwrap().runtime_reason.unwrap().contains("does not know crun"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_is_not_the_runtimes_is_told() {
    let (fake, auto) = auto(&["runc", "crun"], |_| {});
    auto.probe().await.unwrap();
    fake.behave(|behaviour| behaviour.create_fails = true);
    assert_eq!(auto.create(&spec(1)).await.unwrap_err().kind, EngineFault::Refused);
    assert_eq!(auto.probe().await.unwrap().runtime, "crun");
}

#[tokio::test(start_paused = true)]
async fn a_language_that_names_its_runtime_has_it() {
    let (fake, auto) = auto(&["runc", "crun", "runsc"], |_| {});
    let spec = SandboxSpec { runtime: Some("runsc".to_owned()), ..spec(1) };
    auto.create(&spec).await.unwrap();
    assert_eq!(runtimes_asked_for(&fake), [spec.runtime]);
}

#[tokio::test(start_paused = true)]
async fn a_trial_under_way_is_no_orphan() {
    let (fake, auto) = auto(&["runc", "crun"], |_| {});
    let auto = Arc::new(auto);
    let trying = tokio::spawn({
        let auto = Arc::clone(&auto);
        async move { auto.probe().await.unwrap() }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fake.alive().len(), 1);
    assert_eq!(auto.list().await.unwrap(), []);
    trying.await.unwrap();
    assert_eq!(fake.alive(), []);
}
