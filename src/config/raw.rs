//! The configuration as it is written: every key, its type and its default. What a value means is decided in `check`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `config/caisson.toml`. Times in milliseconds, sizes in bytes, as in the API.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Raw {
    pub engine: RawEngine,
    pub server: RawServer,
    pub pool: RawPool,
    pub languages: RawLanguages,
    pub limits: RawStages,
    pub docker: RawDocker,
    pub native: RawNative,
    pub log: RawLog,
    pub telemetry: RawTelemetry,
    pub compat: RawCompat,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawServer {
    pub listen: String,
    pub max_connections: u64,
    pub idle_patience_ms: u64,
    pub max_body_bytes: u64,
    pub max_in_flight_bytes: u64,
    pub max_files: u64,
    pub default_deadline_ms: u64,
    pub max_deadline_ms: u64,
    pub drain_patience_ms: u64,
    pub keys: Vec<RawKey>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawKey {
    pub name: String,
    pub token: String,
    pub scopes: Vec<String>,
    #[serde(default)]
    pub rate_per_second: f64,
    #[serde(default)]
    pub burst: u64,
    #[serde(default)]
    pub max_concurrent: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawPool {
    pub owner: String,
    pub budget: u64,
    pub sizes: BTreeMap<String, u64>,
    pub most_ready: u64,
    pub memory_reserve_bytes: u64,
    pub schedules: Vec<RawSchedule>,
    pub creators: u64,
    pub run_slots: u64,
    pub queue: u64,
    pub queue_patience_ms: u64,
    pub cpus: f64,
    pub uid_base: u64,
    pub boot_patience_ms: u64,
    pub recycle_after_ms: u64,
    pub compile_cache_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawSchedule {
    pub language: String,
    pub cron: String,
    pub size: u64,
    pub hold_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawLanguages {
    pub directory: String,
    pub enabled: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawStages {
    pub compile: RawLimits,
    pub run: RawLimits,
    pub ceiling: RawLimits,
}

/// The names and units of a request's `limits`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RawLimits {
    pub cpu_time_ms: u64,
    pub wall_time_ms: u64,
    pub memory_bytes: u64,
    pub output_bytes: u64,
    pub processes: u64,
    pub file_size_bytes: u64,
    pub open_files: u64,
    pub stack_bytes: u64,
}

/// `auto`, `docker` or `native`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RawEngine(pub String);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawNative {
    pub roots: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawDocker {
    pub host: String,
    pub handoff: String,
    pub runtime: String,
    pub seccomp_profile: String,
    pub cpu_shares: u64,
    pub request_patience_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawLog {
    pub format: String,
    pub filter: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawTelemetry {
    pub otlp_endpoint: String,
    pub otlp_headers: BTreeMap<String, String>,
    pub otlp_service_name: String,
    pub otlp_sample_ratio: f64,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RawCompat {
    pub caisson: RawSeed,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawSeed {
    pub exit_status: String,
}

/// `config/languages/<key>.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawLanguage {
    pub id: String,
    pub name: String,
    pub version: String,
    pub aliases: Vec<String>,
    pub image: String,
    /// That of `docker.runtime` when it is not written.
    pub runtime: String,
    pub source_file: String,
    pub extensions: Vec<String>,
    pub compile: Vec<String>,
    pub run: Vec<String>,
    pub rehearse: Vec<String>,
    pub arm: RawArm,
    pub env: BTreeMap<String, String>,
    pub pool_size: u64,
    /// Begins as the limits of `config/caisson.toml`.
    pub limits: RawStages,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RawArm {
    pub mode: String,
    pub command: Vec<String>,
    pub most_bytes: u64,
    pub alone: bool,
    pub fork: bool,
    pub sees_memory: bool,
    pub run_entry: String,
    pub cold_when: Vec<RawColdRule>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawColdRule {
    pub holds: String,
    #[serde(default)]
    pub within_lines: u64,
    #[serde(default)]
    pub unless: String,
}

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;

impl Default for RawServer {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            max_connections: 1024,
            idle_patience_ms: 60_000,
            max_body_bytes: 4 * MIB,
            max_in_flight_bytes: 1024 * MIB,
            max_files: 256,
            default_deadline_ms: 60_000,
            max_deadline_ms: 300_000,
            drain_patience_ms: 30_000,
            keys: Vec::new(),
        }
    }
}

impl Default for RawPool {
    fn default() -> Self {
        Self {
            owner: "caisson".to_owned(),
            budget: 64,
            sizes: BTreeMap::new(),
            most_ready: 16,
            memory_reserve_bytes: 512 * MIB,
            schedules: Vec::new(),
            creators: 0,
            run_slots: 0,
            queue: 256,
            queue_patience_ms: 300_000,
            cpus: 1.0,
            uid_base: 200_000,
            boot_patience_ms: 20_000,
            recycle_after_ms: 30 * 60 * 1000,
            compile_cache_bytes: 0,
        }
    }
}

impl Default for RawLanguages {
    fn default() -> Self {
        Self { directory: "languages".to_owned(), enabled: Vec::new() }
    }
}

impl Default for RawStages {
    fn default() -> Self {
        Self {
            compile: RawLimits {
                cpu_time_ms: 15_000,
                wall_time_ms: 30_000,
                memory_bytes: 512 * MIB,
                output_bytes: 64 * KIB,
                processes: 128,
                file_size_bytes: 64 * MIB,
                open_files: 256,
                stack_bytes: 64 * MIB,
            },
            run: RawLimits {
                cpu_time_ms: 5_000,
                wall_time_ms: 10_000,
                memory_bytes: 256 * MIB,
                output_bytes: MIB,
                processes: 128,
                file_size_bytes: 64 * MIB,
                open_files: 256,
                stack_bytes: 64 * MIB,
            },
            ceiling: RawLimits {
                cpu_time_ms: 60_000,
                wall_time_ms: 120_000,
                memory_bytes: 512 * MIB,
                output_bytes: 16 * MIB,
                processes: 128,
                file_size_bytes: 256 * MIB,
                open_files: 1024,
                stack_bytes: 256 * MIB,
            },
        }
    }
}

impl Default for RawLanguage {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            version: String::new(),
            aliases: Vec::new(),
            image: String::new(),
            runtime: String::new(),
            source_file: String::new(),
            extensions: Vec::new(),
            compile: Vec::new(),
            run: Vec::new(),
            rehearse: Vec::new(),
            arm: RawArm::default(),
            env: BTreeMap::new(),
            pool_size: 4,
            limits: RawStages::default(),
        }
    }
}

impl Default for RawEngine {
    fn default() -> Self {
        Self("auto".to_owned())
    }
}

impl Default for RawNative {
    fn default() -> Self {
        Self { roots: "/var/lib/caisson/roots".to_owned() }
    }
}

impl Default for RawArm {
    fn default() -> Self {
        Self {
            mode: "off".to_owned(),
            command: Vec::new(),
            most_bytes: 60 * KIB,
            alone: false,
            fork: false,
            sees_memory: false,
            run_entry: String::new(),
            cold_when: Vec::new(),
        }
    }
}

impl Default for RawDocker {
    fn default() -> Self {
        Self {
            host: "unix:///var/run/docker.sock".to_owned(),
            handoff: "exec".to_owned(),
            runtime: "auto".to_owned(),
            seccomp_profile: "seccomp.json".to_owned(),
            cpu_shares: 8192,
            request_patience_ms: 30_000,
        }
    }
}

impl Default for RawLog {
    fn default() -> Self {
        Self { format: "human".to_owned(), filter: "info".to_owned() }
    }
}

impl Default for RawTelemetry {
    fn default() -> Self {
        Self {
            otlp_endpoint: String::new(),
            otlp_headers: BTreeMap::new(),
            otlp_service_name: "caisson".to_owned(),
            otlp_sample_ratio: 1.0,
        }
    }
}

impl Default for RawSeed {
    fn default() -> Self {
        Self { exit_status: "program".to_owned() }
    }
}
