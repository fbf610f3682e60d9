//! Fills the shelves: looks at each event and at least every second, lets the policy decide, boots what it asks for.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{
    fleet::{Fleet, Pool},
    memory,
    policy::{self, Action, Aim, PoolView, Snapshot},
};
use crate::{
    engine::SandboxSpec,
    job::LanguageId,
    sandbox::{Custody, Ready, Warmup},
};

/// An idle sandbox that died is noticed within this.
const PERIOD: Duration = Duration::from_secs(1);

pub async fn run(fleet: Arc<Fleet>) {
    let mut inspected = Instant::now();
    let mut told = BTreeMap::new();
    loop {
        if inspected.elapsed() >= PERIOD {
            inspect(&fleet);
            weigh(&fleet);
            inspected = Instant::now();
        }
        let gone = fleet.ledger.one_gone();
        tokio::pin!(gone);
        // Listens before it looks, or one could go in between.
        gone.as_mut().enable();
        let snapshot = look(&fleet);
        let aims = policy::aim(&snapshot);
        for ((pool, view), aim) in fleet.pools.values().zip(&snapshot.pools).zip(&aims) {
            *pool.aim() = *aim;
            tell(&fleet, pool, view, *aim, &mut told);
        }
        for action in policy::act(&snapshot, &aims) {
            match action {
                Action::Boot(language) => begin_boot(&fleet, &language),
                Action::Expire(language) => expire_one(&fleet, &language),
            }
        }
        // This comes without an event.
        let spare_in = fleet.activity.spare_in().unwrap_or(PERIOD);
        tokio::select! {
            () = fleet.changed.notified() => {}
            () = gone => {}
            () = sleep(spare_in.min(PERIOD)) => {}
        }
    }
}

/// How many sandboxes there is memory for now.
pub fn weigh(fleet: &Fleet) {
    let configured = fleet.ledger.budget();
    let on_host = configured.saturating_sub(fleet.ledger.free());
    // One more than run, see `config::check`.
    let least = fleet.config.run_slots + 1;
    let known = fleet.config.memory_reserve.zip(memory::available());
    let cost = fleet.idle_cost().bytes();
    let allowed = known.map_or(configured, |(reserve, available)| {
        memory::allowed(configured, least, on_host, available, reserve, cost)
    });
    fleet.allowed.store(allowed, Ordering::Relaxed);
    fleet.activity.withhold(configured - allowed);
    fleet.observer.budget(configured, allowed);
}

/// One view for each pool, in their order.
pub fn look(fleet: &Fleet) -> Snapshot {
    let now = Instant::now();
    let pools: Vec<PoolView> = fleet
        .pools
        .values()
        .map(|pool| PoolView {
            language: pool.config.language.clone(),
            ready: pool.shelf.ready(),
            booting: pool.booting.load(Ordering::SeqCst),
            waiting: pool.waiting(),
            held: pool.shelf.waiting(),
            deadline: pool.deadline(now).map(Instant::into_std),
            size: pool.config.size,
            most: pool.config.most,
            outlook: pool.demand().outlook(now.into_std(), fleet.config.creators, &pool.scheduled()),
            may_try: pool.breaker().may_try(now.into_std()),
            is_light: fleet.is_light(pool),
        })
        .collect();
    let free = fleet.ledger.free();
    let alive: usize = pools.iter().map(|pool| pool.ready + pool.booting).sum();
    let claimed: usize = fleet.pools.values().map(|pool| pool.claimed.load(Ordering::Relaxed)).sum();
    let budget = fleet.ledger.budget();
    Snapshot {
        budget: fleet.allowed.load(Ordering::Relaxed),
        on_host: budget.saturating_sub(free),
        // What would not go is not waited for.
        dying: budget.saturating_sub(free + alive + claimed + fleet.activity.stuck()),
        working: fleet.config.run_slots + fleet.config.creators,
        creators: fleet.config.creators,
        spare: fleet.activity.spare(),
        calm: fleet.activity.calm(),
        pools,
    }
}

/// What was told of one pool last.
#[derive(Debug, PartialEq)]
struct Told {
    aim: Aim,
    hint: usize,
    waiting: usize,
    lead: Duration,
    is_broken: bool,
}

/// Tells what has changed.
fn tell(fleet: &Fleet, pool: &Pool, view: &PoolView, aim: Aim, told: &mut BTreeMap<LanguageId, Told>) {
    let is_broken = pool.breaker().is_open();
    let now = Told {
        aim,
        hint: view.outlook.hint,
        waiting: view.waiting.saturating_sub(view.ready),
        lead: view.outlook.lead,
        is_broken,
    };
    let language = &view.language;
    let before = told.get(language);
    if before == Some(&now) {
        return;
    }
    let Told { aim: Aim { floor, target }, hint, waiting, lead, is_broken } = now;
    let observer = &fleet.observer;
    observer.pool_target(language, target);
    observer.pool_floor(language, floor);
    observer.pool_hint(language, hint);
    observer.pool_waiting(language, waiting);
    observer.lead_time(language, lead);
    if before.map_or(is_broken, |before| before.is_broken != is_broken) {
        observer.breaker_moved(language, is_broken);
    }
    told.insert(language.clone(), now);
}

/// Drops idle sandboxes that died or are past their age.
fn inspect(fleet: &Fleet) {
    for pool in fleet.pools.values() {
        let dropped = pool.shelf.sift(|ready| ready.is_alive() && ready.age() < recycle_age(fleet, ready.number()));
        if dropped > 0 {
            debug!(language = %pool.config.language, dropped, "idle sandboxes were given up");
            fleet.shelved.notify_one();
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
    let felt = usize::from(!fleet.is_light(pool));
    fleet.activity.busy().booting += felt;
    let (fleet, language) = (Arc::clone(fleet), language.clone());
    // Its own task, never aborted: a creation that is under way cannot be called back, only destroyed once it is known.
    tokio::spawn(async move {
        let Some(pool) = fleet.pools.get(&language) else { return };
        boot(&fleet, pool, custody, &spec).await;
        fleet.activity.busy().booting -= felt;
        pool.booting.fetch_sub(1, Ordering::SeqCst);
        fleet.changed.notify_one();
    });
}

async fn boot(fleet: &Fleet, pool: &Pool, custody: Custody, spec: &SandboxSpec) {
    let since = Instant::now();
    // Another command than a step's own takes longer than the step would: not for whoever waits already. Who is about to take what
    // is ready counts as waiting too, and is not meant.
    let is_awaited = || pool.waiting() > pool.shelf.ready();
    let arming = || pool.config.arming.as_ref().filter(|arming| arming.command.is_none() || !is_awaited());
    let warmup = Warmup { rehearsal: pool.config.rehearsal.as_ref(), arming: &arming };
    let result = Ready::boot(custody, spec, warmup, &*fleet.engine, fleet.config.boot_patience).await;
    let took = since.elapsed();
    let told = result.as_ref().map(|_| ()).map_err(|error| error.kind());
    fleet.observer.boot_finished(&spec.language, told, took);
    match result {
        Ok(ready) => {
            pool.breaker().succeeded();
            pool.demand().booted(took);
            ready.memory_in_use().into_iter().for_each(|bytes| fleet.idle_cost().add(bytes));
            debug!(sandbox.id = %spec.id, language = %spec.language, duration_ms = took.as_millis() as u64, "ready");
            if !fleet.is_closed() {
                pool.shelf.offer(ready);
                fleet.shelved.notify_one();
            }
        }
        Err(error) => {
            let is_open = {
                let mut breaker = pool.breaker();
                breaker.failed(Instant::now().into_std());
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
