//! Fills the shelves: looks at each event and at least every second, lets the policy decide, boots what it asks for.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{
    fleet::{Fleet, Pool},
    policy::{self, Action, PoolView, Snapshot},
};
use crate::{
    engine::SandboxSpec,
    job::LanguageId,
    sandbox::{Custody, Ready},
};

/// An idle sandbox that died is noticed within this.
const PERIOD: Duration = Duration::from_secs(1);

pub async fn run(fleet: Arc<Fleet>) {
    let mut inspected = Instant::now();
    loop {
        if inspected.elapsed() >= PERIOD {
            inspect(&fleet);
            inspected = Instant::now();
        }
        for action in policy::plan(&look(&fleet)) {
            match action {
                Action::Boot(language) => begin_boot(&fleet, &language),
                Action::Expire(language) => expire_one(&fleet, &language),
            }
        }
        // Quiet comes without an event: it is waited for.
        let quiet_in = fleet.activity.quiet_in().filter(|left| !left.is_zero()).unwrap_or(PERIOD);
        tokio::select! {
            () = fleet.changed.notified() => {}
            () = fleet.ledger.one_gone() => {}
            () = sleep(quiet_in.min(PERIOD)) => {}
        }
    }
}

fn look(fleet: &Fleet) -> Snapshot {
    let now = Instant::now();
    let pools: Vec<PoolView> = fleet
        .pools
        .values()
        .map(|pool| PoolView {
            language: pool.config.language.clone(),
            ready: pool.shelf.ready(),
            booting: pool.booting.load(Ordering::SeqCst),
            waiting: pool.lacking(),
            target: pool.config.size,
            may_try: pool.breaker().may_try(now),
        })
        .collect();
    let free = fleet.ledger.free();
    let alive: usize = pools.iter().map(|pool| pool.ready + pool.booting).sum();
    let claimed: usize = fleet.pools.values().map(|pool| pool.claimed.load(Ordering::Relaxed)).sum();
    Snapshot {
        free,
        dying: fleet.ledger.budget().saturating_sub(free + alive + claimed),
        creators: fleet.config.creators,
        quiet: fleet.activity.quiet_in() == Some(Duration::ZERO),
        pools,
    }
}

/// Drops idle sandboxes that died or are past their age.
fn inspect(fleet: &Fleet) {
    for pool in fleet.pools.values() {
        let dropped = pool.shelf.sift(|ready| ready.is_alive() && ready.age() < recycle_age(fleet, ready.number()));
        if dropped > 0 {
            debug!(language = %pool.config.language, dropped, "idle sandboxes were given up");
        }
    }
}

/// Nine to eleven tenths of the configured age, spread by number.
fn recycle_age(fleet: &Fleet, number: u64) -> Duration {
    fleet.config.recycle_after * (90 + (number * 7 % 21) as u32) / 100
}

fn expire_one(fleet: &Fleet, language: &LanguageId) {
    let Some(pool) = fleet.pools.get(language) else { return };
    let mut given_up = false;
    pool.shelf.sift(|_| std::mem::replace(&mut given_up, true));
}

fn begin_boot(fleet: &Arc<Fleet>, language: &LanguageId) {
    let (Some(pool), Some(custody)) = (fleet.pools.get(language), fleet.ledger.take(language)) else { return };
    let spec = pool.config.spec(&custody, fleet.config.cpus);
    pool.booting.fetch_add(1, Ordering::SeqCst);
    let (fleet, language) = (Arc::clone(fleet), language.clone());
    // Its own task, never aborted: a creation that is under way cannot be called back, only destroyed once it is known.
    tokio::spawn(async move {
        let Some(pool) = fleet.pools.get(&language) else { return };
        boot(&fleet, pool, custody, &spec).await;
        pool.booting.fetch_sub(1, Ordering::SeqCst);
        fleet.changed.notify_one();
    });
}

async fn boot(fleet: &Fleet, pool: &Pool, custody: Custody, spec: &SandboxSpec) {
    let since = Instant::now();
    let rehearsal = pool.config.rehearsal.as_ref();
    let result = Ready::boot(custody, spec, rehearsal, &*fleet.engine, fleet.config.boot_patience).await;
    let took = since.elapsed();
    let told = result.as_ref().map(|_| ()).map_err(|error| error.kind());
    fleet.observer.boot_finished(&spec.language, told, took);
    match result {
        Ok(ready) => {
            pool.breaker().succeeded();
            debug!(sandbox.id = %spec.id, language = %spec.language, duration_ms = took.as_millis() as u64, "ready");
            if !fleet.is_closed() {
                pool.shelf.offer(ready);
                fleet.shelved.notify_one();
            }
        }
        Err(error) => {
            let is_open = {
                let mut breaker = pool.breaker();
                breaker.failed(Instant::now());
                breaker.is_open()
            };
            let error: &dyn std::error::Error = &error;
            warn!(sandbox.id = %spec.id, language = %spec.language, error, "a sandbox did not come up");
            if is_open {
                // Who waits is better told now than at its deadline.
                pool.shelf.turn_away();
                fleet.shelved.notify_one();
            }
        }
    }
}
