//! Which engine makes the sandboxes.

use std::sync::Arc;

use tracing::info;

use super::{
    pool_config,
    runtime::{AutoRuntime, TrialConfig},
};
use crate::{
    config::{self, Config, EngineChoice, RuntimeChoice},
    engine::{
        Engine,
        docker::{DockerConfig, DockerEngine, Handoff},
        native::{NativeConfig, NativeEngine},
    },
    language::Language,
    observe::Observer,
    sandbox::LedgerConfig,
};

pub struct Chosen {
    pub engine: Arc<dyn Engine>,
    /// Whether its sandboxes take this host's memory, as far as that can be told.
    pub is_here: bool,
    /// For whom it does not answer.
    pub address: String,
}

/// What is configured, or else Docker where it answers, native where that can work, and Docker again where neither does: it
/// may be on its way.
pub async fn choose(config: &Config, owner: &str, boot: &str, observer: &Arc<dyn Observer>) -> Chosen {
    let docker = || {
        let engine = docker(config, owner, boot, Arc::clone(observer));
        let host = &config.docker.host;
        Chosen { engine, is_here: host.starts_with("unix://"), address: host.clone() }
    };
    let native = || {
        let engine = native(config, owner, Arc::clone(observer));
        Chosen { engine: Arc::new(engine), is_here: true, address: config.native.roots.display().to_string() }
    };
    match config.engine {
        EngineChoice::Docker => docker(),
        EngineChoice::Native => native(),
        EngineChoice::Auto => {
            let by_docker = docker();
            let Err(why_not) = by_docker.engine.probe().await else {
                info!(host = by_docker.address, "engine = \"auto\": Docker answers and is used");
                return by_docker;
            };
            let natively = native();
            match could_work(&*natively.engine, &config.languages).await {
                Ok(()) => {
                    let why_not: &dyn std::error::Error = &why_not;
                    info!(why_not, "engine = \"auto\": Docker does not answer, sandboxes are made natively");
                    natively
                }
                Err(lack) => {
                    info!(
                        lack,
                        "engine = \"auto\": Docker does not answer, and sandboxes cannot be made natively either"
                    );
                    by_docker
                }
            }
        }
    }
}

/// Or in words why not.
async fn could_work(engine: &dyn Engine, languages: &[Language]) -> Result<(), String> {
    if let Err(error) = engine.probe().await {
        return Err(super::examine::chain(&error));
    }
    for language in languages {
        if !matches!(engine.has_image(&language.image).await, Ok(true)) {
            return Err(format!("the root of {} is not there: images/roots.sh makes it", language.image));
        }
    }
    Ok(())
}

fn docker(config: &Config, owner: &str, boot: &str, observer: Arc<dyn Observer>) -> Arc<dyn Engine> {
    let config::Docker { host, handoff, runtime, seccomp, cpu_shares, request_patience } = config.docker.clone();
    let (runtime, is_auto) = match runtime {
        RuntimeChoice::Auto => (None, true),
        RuntimeChoice::Engine => (None, false),
        RuntimeChoice::Named(name) => (Some(name), false),
    };
    let docker = DockerConfig {
        host,
        handoff: match handoff {
            config::Handoff::Exec => Handoff::Exec,
            config::Handoff::Attach => Handoff::Attach,
        },
        owner: owner.to_owned(),
        boot: boot.to_owned(),
        runtime,
        seccomp,
        cpu_shares,
        patience: request_patience,
    };
    let engine = Arc::new(DockerEngine::new(docker, observer));
    if is_auto { Arc::new(AutoRuntime::new(engine, trial_config(config, owner, boot))) } else { engine }
}

fn trial_config(config: &Config, owner: &str, boot: &str) -> TrialConfig {
    let without = config.languages.iter().filter(|language| language.runtime.is_none());
    TrialConfig {
        pools: without.map(|language| pool_config(language, 0)).collect(),
        cpus: config.pool.cpus,
        boot_patience: config.pool.boot_patience,
        ledger: LedgerConfig {
            owner: owner.to_owned(),
            boot: boot.to_owned(),
            budget: 1,
            // Behind those of the service's own budget.
            uid_base: config.pool.uid_base + 2 * config.pool.budget as u32,
        },
    }
}

fn native(config: &Config, owner: &str, observer: Arc<dyn Observer>) -> NativeEngine {
    let config = NativeConfig {
        roots: config.native.roots.clone(),
        owner: owner.to_owned(),
        seccomp: config.docker.seccomp.clone(),
        patience: config.docker.request_patience,
    };
    NativeEngine::new(config, observer)
}
