//! Destroys sandboxes of ours that nobody answers for: those of an earlier boot that was killed, those whose creation the
//! engine finished after their destruction, and what runs on of those that the engine has forgotten.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{info, warn};

use super::fleet::Fleet;
use crate::{
    engine::{Destroy, Engine, EngineError, Listed, SandboxId},
    observe::Observer,
    sandbox::Ledger,
};

/// What a killed service left is gone within this, and the first round comes before the first boot.
const PERIOD: Duration = Duration::from_secs(5);

pub async fn run(fleet: Arc<Fleet>) {
    loop {
        sleep(PERIOD).await;
        match sweep(&fleet.ledger, &*fleet.engine, &*fleet.observer).await {
            Ok(frozen) => fleet.give_up(&frozen),
            Err(error) => warn!(error = &error as &dyn std::error::Error, "the janitor's round was cut short"),
        }
    }
}

/// One round; tells which of the others are frozen. An orphan that would not go is tried again in the next.
pub async fn sweep(
    ledger: &Ledger,
    engine: &dyn Engine,
    observer: &dyn Observer,
) -> Result<BTreeSet<SandboxId>, EngineError> {
    // Before the list: what is destroyed while the list is made must not look like an orphan.
    let known = ledger.known();
    let mut frozen = BTreeSet::new();
    for Listed { id, is_frozen } in engine.list().await? {
        if known.contains(&id) || ledger.knows(&id) {
            if is_frozen {
                frozen.insert(id);
            }
            continue;
        }
        match engine.destroy(&id, Destroy::Force).await {
            Ok(()) => {
                observer.orphan_reaped();
                info!(sandbox.id = %id, "an orphan was destroyed");
            }
            Err(error) => {
                warn!(sandbox.id = %id, error = &error as &dyn std::error::Error, "an orphan would not go");
            }
        }
    }
    for _ in 0..engine.lay_ghosts(ledger.uids()).await? {
        observer.orphan_reaped();
    }
    Ok(frozen)
}
