//! Destroys sandboxes of ours that nobody answers for: those of an earlier boot that was killed, those whose creation the
//! engine finished after their destruction, and what runs on of those that the engine has forgotten.

use std::{sync::Arc, time::Duration};

use tokio::time::sleep;
use tracing::{info, warn};

use crate::{
    engine::{Destroy, Engine, EngineError},
    observe::Observer,
    sandbox::Ledger,
};

/// What a killed service left is gone within this, and the first round comes before the first boot.
const PERIOD: Duration = Duration::from_secs(5);

pub async fn run(ledger: Arc<Ledger>, engine: Arc<dyn Engine>, observer: Arc<dyn Observer>) {
    loop {
        sleep(PERIOD).await;
        if let Err(error) = sweep(&ledger, &*engine, &*observer).await {
            warn!(error = &error as &dyn std::error::Error, "the janitor's round was cut short");
        }
    }
}

/// One round. An orphan that would not go does not keep the others; it is told at the end, and tried again in the next.
pub async fn sweep(ledger: &Ledger, engine: &dyn Engine, observer: &dyn Observer) -> Result<(), EngineError> {
    // Before the list: what is destroyed while the list is made must not look like an orphan.
    let known = ledger.known();
    let mut result = Ok(());
    for id in engine.list().await? {
        if known.contains(&id) || ledger.knows(&id) {
            continue;
        }
        match engine.destroy(&id, Destroy::Force).await {
            Ok(()) => {
                observer.orphan_reaped();
                info!(sandbox.id = %id, "an orphan was destroyed");
            }
            Err(error) => result = Err(error),
        }
    }
    for _ in 0..engine.lay_ghosts(ledger.uids()).await? {
        observer.orphan_reaped();
    }
    result
}
