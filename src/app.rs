//! The composition root: who knows whom, in which order things start, and in which they end.
//!
//! ```text
//! start   logging - metrics - listener - engine - fleet (orphans go, shelves fill) - dispatch - HTTP
//! end     SIGTERM or SIGINT - dispatch refuses - jobs end - sandboxes go - HTTP ends - the last spans are sent
//! ```

mod choice;
mod descriptors;
mod examine;
mod runtime;

use std::{
    io,
    net::SocketAddr,
    process,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    task::JoinError,
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use choice::Chosen;
pub use examine::{Finding, Problem, examine};

use crate::{
    api::{self, Api, ApiConfig, ApiKey, Build, Connections, ExitStatus, KeyLimits, Rate, Room, Scope},
    config::{self, Config, KeyScope, LogFormat, SeedExitStatus},
    dispatch::{Dispatch, DispatchConfig},
    engine::{Engine, EngineInfo},
    language::{Catalogue, Language},
    observe::Observer,
    pool::{Fleet, FleetConfig, PoolConfig, Schedule},
    sandbox::LedgerConfig,
    telemetry::{self, Headers, LoggingError, Metrics, Otlp, OtlpConfig},
};

/// Why the service ended otherwise than by being told to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error(transparent)]
    Logging(#[from] LoggingError),
    #[error("the metrics could not be set up")]
    Metrics(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("server.listen: could not listen on {address}; if another server does, give this one another address")]
    Listen { address: SocketAddr, source: io::Error },
    #[error("could not listen for signals")]
    Signals(#[source] io::Error),
    #[error("the HTTP server ended by itself")]
    Http(#[source] JoinError),
    #[error("the engine does not remove the last sandboxes; the next start will")]
    Left,
}

/// Beyond the drain's own patience: what removing the last sandboxes may take. It is more than an engine needs that
/// answers; one that does not must not keep this process for ever.
const CLEAN_UP_PATIENCE: Duration = Duration::from_secs(15);

/// Once the last job is answered: what clients get to read their answers. Those that keep a connection open without a
/// request on it are closed at once.
const HANG_UP_PATIENCE: Duration = Duration::from_secs(2);

/// Serves until SIGTERM or SIGINT, then drains.
pub async fn serve(config: Config) -> Result<(), ServeError> {
    let otlp = config.telemetry.otlp.clone();
    let trace_ratio = otlp.as_ref().map_or(0.0, |otlp| otlp.sample_ratio);
    let otlp = otlp.map(otlp_config).map(Otlp::start);
    telemetry::start_logging(log_format(config.log.format), &config.log.filter, otlp.as_ref())?;
    descriptors::allow_all();
    let mut signals = Signals::listen().map_err(ServeError::Signals)?;
    let keys: Vec<_> = config.languages.iter().map(|language| language.key.clone()).collect();
    let metrics = Arc::new(Metrics::new(&keys).map_err(|error| ServeError::Metrics(Box::new(error)))?);
    let observer: Arc<dyn Observer> = metrics.clone();
    let address = config.server.listen;
    let listener = TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })?;
    let address = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;

    let boot = boot_id();
    let Chosen { engine, is_here, address: _ } = choice::choose(&config, &config.pool.owner, &boot, &observer).await;
    let engine_name = name_of(&*engine).await;
    let fleet = Fleet::start(fleet_config(&config, boot, is_here), engine, Arc::clone(&observer)).await;
    let config::Pool { run_slots, queue, queue_patience, compile_cache_bytes, .. } = config.pool;
    let dispatch_config = DispatchConfig { run_slots, queue, queue_patience, compile_cache_bytes };
    let dispatch = Dispatch::new(dispatch_config, fleet, Arc::clone(&observer));
    let drain_patience = config.server.drain_patience;
    let api = Api {
        dispatch: Arc::clone(&dispatch),
        room: Room::new(config.server.max_in_flight_bytes, Arc::clone(&observer)),
        observer,
        config: api_config(config.server, config.compat, engine_name, trace_ratio),
        catalogue: Arc::new(Catalogue::new(config.languages)),
        metrics: Arc::new(move || metrics.render()),
    };
    let stop = CancellationToken::new();
    let mut http = tokio::spawn(api::serve(listener, api, stop.clone().cancelled_owned()));
    info!(%address, languages = keys.len(), "listening");

    let ended = tokio::select! {
        ended = &mut http => Some(ended),
        () = signals.next() => None,
    };
    info!("draining");
    let drained = timeout(drain_patience + CLEAN_UP_PATIENCE, drain(&dispatch, drain_patience, &mut signals)).await;
    stop.cancel();
    let ended = match ended {
        Some(ended) => Ok(ended),
        None => timeout(HANG_UP_PATIENCE, &mut http).await,
    };
    // Whoever reads no answer, or sends no request to its end, is not waited for any longer.
    if let Ok(ended) = ended {
        ended.map_err(ServeError::Http)?;
    }
    if let Some(otlp) = otlp {
        otlp.flush().await;
    }
    drained.map_err(|_| ServeError::Left)?;
    info!("ended; no sandbox is left");
    Ok(())
}

/// A second signal cuts it short: what still runs is ended.
async fn drain(dispatch: &Dispatch, patience: Duration, signals: &mut Signals) {
    tokio::select! {
        () = dispatch.drain(patience) => return,
        () = signals.next() => {}
    }
    warn!("told again: what still runs is ended");
    dispatch.drain(Duration::ZERO).await;
}

async fn name_of(engine: &dyn Engine) -> String {
    match engine.probe().await {
        Ok(EngineInfo {
            name,
            version,
            api_version,
            runtime,
            runtime_reason: _,
            runtimes: _,
            cgroup_version,
            lacks,
        }) => {
            info!(version, api_version, runtime, cgroup_version, "{name} answers");
            if !lacks.is_empty() {
                warn!(
                    lacks = lacks.join(", "),
                    "the engine cannot keep all that a sandbox promises; see caisson doctor"
                );
            }
            format!("{name} {version}")
        }
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            warn!(error, "the engine does not answer; going on in the hope that it will; see caisson doctor");
            "unknown".to_owned()
        }
    }
}

fn fleet_config(config: &Config, boot: String, is_here: bool) -> FleetConfig {
    let config::Pool {
        owner,
        budget,
        creators,
        run_slots,
        queue: _,
        queue_patience: _,
        cpus,
        most_ready,
        memory_reserve_bytes,
        schedules,
        uid_base,
        boot_patience,
        recycle_after,
        compile_cache_bytes: _,
    } = config.pool.clone();
    FleetConfig {
        ledger: LedgerConfig { owner, boot, budget, uid_base },
        pools: config.languages.iter().map(|language| pool_config(language, most_ready)).collect(),
        schedules: schedules.into_iter().map(schedule).collect(),
        creators,
        run_slots,
        memory_reserve: is_here.then_some(memory_reserve_bytes),
        boot_patience,
        recycle_after,
        cpus,
    }
}

fn schedule(schedule: config::Schedule) -> Schedule {
    let config::Schedule { language, cron, size, hold } = schedule;
    Schedule { language, cron, size, hold }
}

fn pool_config(language: &Language, most: usize) -> PoolConfig {
    PoolConfig {
        language: language.key.clone(),
        image: language.image.clone(),
        runtime: language.runtime.clone(),
        size: language.pool_size,
        most,
        ceiling: language.ceiling.0,
        rehearsal: language.rehearsal(),
        arming: language.arming(),
    }
}

fn api_config(server: config::Server, compat: config::Compat, engine: String, trace_ratio: f64) -> ApiConfig {
    let config::Server {
        listen: _,
        max_connections,
        idle_patience,
        max_body_bytes,
        max_in_flight_bytes: _,
        max_files,
        default_deadline,
        max_deadline,
        drain_patience: _,
        keys,
    } = server;
    let config::Compat { exit_status } = compat;
    ApiConfig {
        connections: Connections { most: max_connections, patience: idle_patience },
        max_body_bytes,
        max_files,
        default_deadline,
        max_deadline,
        keys: keys.into_iter().map(api_key).collect(),
        seed_exit_status: match exit_status {
            SeedExitStatus::Program => ExitStatus::Program,
            SeedExitStatus::Head => ExitStatus::Head,
        },
        build: Build { version: env!("CARGO_PKG_VERSION").to_owned(), engine },
        trace_ratio,
    }
}

fn api_key(key: config::Key) -> ApiKey {
    let config::Key { name, token, scopes, rate, max_concurrent } = key;
    let scope = |scope| match scope {
        KeyScope::Execute => Scope::Execute,
        KeyScope::Admin => Scope::Admin,
    };
    let rate = rate.map(|config::KeyRate { per_second, burst }| Rate { per_second, burst });
    let limits = KeyLimits { rate, concurrent: max_concurrent };
    ApiKey { name, token, scopes: scopes.into_iter().map(scope).collect(), limits }
}

fn otlp_config(otlp: config::Otlp) -> OtlpConfig {
    // Who decides which traces are exported is the API, where they begin.
    let config::Otlp { endpoint, headers, service_name, sample_ratio: _ } = otlp;
    OtlpConfig { endpoint, headers: Headers(headers), service_name }
}

fn log_format(format: LogFormat) -> telemetry::Format {
    match format {
        LogFormat::Human => telemetry::Format::Human,
        LogFormat::Json => telemetry::Format::Json,
    }
}

/// Tells this run of the service from every other of the same owner.
fn boot_id() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{:x}{:x}", since.as_millis(), process::id())
}

/// The two ways of being told to end.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
