//! `docker.runtime = "auto"`: an engine that makes its sandboxes with crun where that works, otherwise with its default.
//!
//! Whether it works is tried, not guessed: a runtime may be known and refuse the host all the same, as crun does where both
//! versions of control groups are mounted in its sight. So one sandbox is made before the first is needed, in the ordinary
//! way and with its inspection, and destroyed.

mod decision;
#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;
use tracing::{info, warn};

use self::decision::{Decision, PREFERRED, Tried};
use super::examine::chain;
use crate::{
    engine::{Destroy, Engine, EngineError, EngineInfo, Link, Listed, SandboxId, SandboxSpec, Weight},
    observe::{Deaf, EngineFault},
    pool::PoolConfig,
    sandbox::{Ledger, LedgerConfig, Ready, Warmup},
};

#[derive(Debug)]
pub struct AutoRuntime {
    engine: Arc<dyn Engine>,
    trials: Trials,
    /// Made anew when the engine has forgotten what was decided for.
    decided: Mutex<Arc<OnceCell<Decision>>>,
}

#[derive(Debug, Clone)]
pub struct TrialConfig {
    /// Those of languages that leave the runtime to us; one of the first whose image is there is made.
    pub pools: Vec<PoolConfig>,
    pub cpus: f64,
    pub boot_patience: Duration,
    /// Its uids must not be the fleet's.
    pub ledger: LedgerConfig,
}

/// Sandboxes that are made only to see whether they can be.
#[derive(Debug)]
struct Trials {
    config: TrialConfig,
    /// How many there have been: each has a name of its own.
    number: AtomicU64,
    /// That of the one under way: it is no orphan, though the fleet does not know it.
    under_way: Mutex<Option<Arc<Ledger>>>,
}

impl AutoRuntime {
    pub fn new(engine: Arc<dyn Engine>, config: TrialConfig) -> Self {
        let trials = Trials { config, number: AtomicU64::new(1), under_way: Mutex::default() };
        Self { engine, trials, decided: Mutex::default() }
    }

    fn decided(&self) -> MutexGuard<'_, Arc<OnceCell<Decision>>> {
        self.decided.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `None` while it cannot be found out. Who comes in the meantime waits for the one trial.
    async fn decision(&self) -> Option<Decision> {
        let decided = Arc::clone(&self.decided());
        let decision = decided.get_or_try_init(|| async { self.decide().await.ok_or(()) }).await;
        decision.ok().cloned()
    }

    async fn decide(&self) -> Option<Decision> {
        let EngineInfo { runtime: default, runtimes, .. } = self.engine.probe().await.ok()?;
        let decision = match Decision::without_trial(&runtimes, &default) {
            Some(decision) => decision,
            None => {
                let pool = self.trials.pool(&*self.engine).await?;
                let tried = self.trials.run(pool, Some(PREFERRED), &*self.engine).await;
                Decision::by_trial(tried, self.trials.run(pool, None, &*self.engine)).await?
            }
        };
        let runtime = decision.runtime.unwrap_or(&default);
        info!(runtime, reason = decision.reason, "docker.runtime = \"auto\"");
        Some(decision)
    }

    /// True where the engine was given another set of runtimes since `runtime` was decided for.
    async fn has_forgotten(&self, runtime: &str) -> bool {
        matches!(self.engine.probe().await, Ok(info) if info.runtimes.iter().all(|known| known != runtime))
    }

    /// The next who asks decides anew. Of several who were refused one has done so already.
    fn forget(&self, runtime: &str) {
        let mut decided = self.decided();
        if decided.get().is_some_and(|decision| decision.runtime == Some(runtime)) {
            warn!(runtime, "the engine does not know the runtime any more; docker.runtime = \"auto\" decides anew");
            *decided = Arc::default();
        }
    }

    async fn create_with(&self, runtime: Option<&str>, spec: &SandboxSpec) -> Result<Link, EngineError> {
        let runtime = runtime.map(str::to_owned);
        self.engine.create(&SandboxSpec { runtime, ..spec.clone() }).await
    }

    async fn bring_up(&self, spec: &SandboxSpec) -> Result<Link, EngineError> {
        if spec.runtime.is_some() {
            return self.engine.create(spec).await;
        }
        let Some(runtime) = self.runtime().await else { return self.engine.create(spec).await };
        let error = match self.create_with(Some(runtime), spec).await {
            Err(error) if error.kind == EngineFault::Refused => error,
            made => return made,
        };
        if !self.has_forgotten(runtime).await {
            return Err(error);
        }
        self.forget(runtime);
        let runtime = self.runtime().await;
        self.create_with(runtime, spec).await
    }

    async fn runtime(&self) -> Option<&'static str> {
        self.decision().await?.runtime
    }
}

impl Trials {
    fn under_way(&self) -> MutexGuard<'_, Option<Arc<Ledger>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_of_one(&self, id: &SandboxId) -> bool {
        self.under_way().as_ref().is_some_and(|ledger| ledger.knows(id))
    }

    async fn pool(&self, engine: &dyn Engine) -> Option<&PoolConfig> {
        for pool in &self.config.pools {
            if matches!(engine.has_image(&pool.image).await, Ok(true)) {
                return Some(pool);
            }
        }
        None
    }

    /// Returns when the sandbox is gone again. One that will not go has the owner's labels and is found by the janitor.
    async fn run(&self, pool: &PoolConfig, runtime: Option<&str>, engine: &dyn Engine) -> Tried {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        // The fleet's sandboxes have the boot in their names as it is.
        let TrialConfig { pools: _, cpus, boot_patience, ledger } = self.config.clone();
        let boot = format!("{}t{number}", ledger.boot);
        let (ledger, mut remains) = Ledger::new(LedgerConfig { boot, ..ledger }, Arc::new(Deaf));
        let custody = ledger.take(&pool.language).ok_or("there is no room for it")?;
        let _until = UnderWay::new(self, ledger);
        let spec = SandboxSpec { runtime: runtime.map(str::to_owned), ..pool.spec(&custody, cpus) };
        let booted =
            Ready::boot(custody, &spec, Warmup { rehearsal: None, arming: &|| None }, engine, boot_patience).await;
        let tried = booted.as_ref().map(|_| ()).map_err(|error| chain(error));
        drop(booted);
        // Its custody has ended: there is one to destroy, whether it came up or not.
        if let Some(remains) = remains.recv().await {
            match engine.destroy(remains.id(), remains.how).await {
                Ok(()) => remains.gone(),
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    warn!(sandbox.id = %remains.id(), error, "a sandbox made to try a runtime is left to the janitor");
                }
            }
        }
        tried
    }
}

/// For as long as it lives the sandboxes of this ledger are no orphans.
struct UnderWay<'t>(&'t Trials);

impl<'t> UnderWay<'t> {
    fn new(trials: &'t Trials, ledger: Arc<Ledger>) -> Self {
        *trials.under_way() = Some(ledger);
        Self(trials)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        *self.0.under_way() = None;
    }
}

impl Engine for AutoRuntime {
    fn create<'a>(&'a self, spec: &'a SandboxSpec) -> BoxFuture<'a, Result<Link, EngineError>> {
        Box::pin(self.bring_up(spec))
    }

    fn destroy<'a>(&'a self, id: &'a SandboxId, how: Destroy) -> BoxFuture<'a, Result<(), EngineError>> {
        self.engine.destroy(id, how)
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Listed>, EngineError>> {
        Box::pin(async move {
            let mut listed = self.engine.list().await?;
            listed.retain(|listed| !self.trials.is_of_one(&listed.id));
            Ok(listed)
        })
    }

    fn lay_ghosts(&self, uids: Range<u32>) -> BoxFuture<'_, Result<usize, EngineError>> {
        self.engine.lay_ghosts(uids)
    }

    fn probe(&self) -> BoxFuture<'_, Result<EngineInfo, EngineError>> {
        Box::pin(async move {
            let info = self.engine.probe().await?;
            Ok(match self.decision().await {
                Some(Decision { runtime, reason }) => EngineInfo {
                    runtime: runtime.map_or(info.runtime, str::to_owned),
                    runtime_reason: Some(format!("docker.runtime = \"auto\": {reason}")),
                    ..info
                },
                None => info,
            })
        })
    }

    fn has_image<'a>(&'a self, image: &'a str) -> BoxFuture<'a, Result<bool, EngineError>> {
        self.engine.has_image(image)
    }

    fn weight(&self) -> Weight {
        self.engine.weight()
    }
}
