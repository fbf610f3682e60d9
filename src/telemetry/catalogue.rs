//! Every metric, once: its name, its help, its labels. Labels come from closed sets, and every series exists from the
//! start, so that a rate is right from the first event on and a dashboard has no holes.

use prometheus::{
    Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry,
    core::Collector,
};

use crate::{
    job::LanguageId,
    observe::{
        BootFault, CaseEnd, ClaimEnd, EngineFault, EngineOperation, JobEnd, Line, Rejection, SandboxState, StageKind,
    },
};

/// Seconds. From half a millisecond, which a warm hit's overhead comes down to, to the longest wall time by default.
const BUCKETS: [f64; 20] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];

/// Bytes: doubled from 1 MiB, below which no program is, to 4 GiB.
const SIZES: [f64; 13] = [
    1048576.0,
    2097152.0,
    4194304.0,
    8388608.0,
    16777216.0,
    33554432.0,
    67108864.0,
    134217728.0,
    268435456.0,
    536870912.0,
    1073741824.0,
    2147483648.0,
    4294967296.0,
];

#[derive(Debug)]
pub struct Catalogue {
    pub job_overhead: HistogramVec,
    pub job_duration: HistogramVec,
    pub jobs: CounterVec,
    pub jobs_rejected: CounterVec,
    pub queue_wait: HistogramVec,
    pub queue_jobs: GaugeVec,
    pub queue_capacity: Gauge,
    pub claims: CounterVec,
    pub claim_wait: HistogramVec,
    pub stage_duration: HistogramVec,
    pub program_cpu: HistogramVec,
    pub program_memory: HistogramVec,
    pub judge_cases: CounterVec,
    pub sandbox_boot: HistogramVec,
    pub boots_failed: CounterVec,
    pub sandbox_destroy: Histogram,
    pub pool_sandboxes: GaugeVec,
    pub pool_target: GaugeVec,
    pub pool_floor: GaugeVec,
    pub pool_hint: GaugeVec,
    pub pool_waiting: GaugeVec,
    pub pool_lead_time: GaugeVec,
    pub budget: Gauge,
    pub budget_configured: Gauge,
    pub breaker_open: GaugeVec,
    pub run_slots: Gauge,
    pub run_slots_in_use: Gauge,
    pub engine_request: HistogramVec,
    pub engine_errors: CounterVec,
    pub engine_up: Gauge,
    pub orphans_reaped: Counter,
    pub compile_cache: CounterVec,
    pub compile_cache_bytes: Gauge,
    pub connections: Gauge,
    pub in_flight_bytes: Gauge,
    pub in_flight_bytes_limit: Gauge,
}

impl Catalogue {
    /// # Errors
    /// When two metrics bear the same name.
    pub fn register(registry: &Registry, languages: &[LanguageId]) -> Result<Self, Error> {
        let version = Opts::new("caisson_build_info", "Always 1; the label tells the version that runs.")
            .const_label("version", env!("CARGO_PKG_VERSION"));
        put(registry, Gauge::with_opts(version)?)?.set(1.0);
        let catalogue = Self {
            job_overhead: histograms(
                registry,
                "caisson_job_overhead_seconds",
                "Whole time of an answered job less its compile and run: what the service itself costs.",
                &["language"],
            )?,
            job_duration: histograms(
                registry,
                "caisson_job_duration_seconds",
                "Whole time of an accepted job, its waits included.",
                &["language"],
            )?,
            jobs: counters(
                registry,
                "caisson_jobs_total",
                "Accepted jobs by how they ended.",
                &["language", "outcome"],
            )?,
            jobs_rejected: counters(registry, "caisson_jobs_rejected_total", "Jobs turned away.", &["reason"])?,
            queue_wait: histograms(
                registry,
                "caisson_queue_wait_seconds",
                "How long jobs waited for a run slot.",
                &["priority"],
            )?,
            queue_jobs: gauges(registry, "caisson_queue_jobs", "Jobs that wait for a run slot.", &["priority"])?,
            queue_capacity: gauge(registry, "caisson_queue_capacity", "Jobs that may wait for a run slot.")?,
            claims: counters(
                registry,
                "caisson_claims_total",
                "Claims by how they ended: met from the shelf (warm), by a sandbox already in the making (late), by one made for them (cold), or not.",
                &["language", "result"],
            )?,
            claim_wait: histograms(
                registry,
                "caisson_claim_wait_seconds",
                "How long claims took, by how they ended.",
                &["language", "result"],
            )?,
            stage_duration: histograms(
                registry,
                "caisson_stage_duration_seconds",
                "Wall time of compiling and running, as measured in the sandbox.",
                &["language", "stage"],
            )?,
            program_cpu: histograms(
                registry,
                "caisson_program_cpu_seconds",
                "Processor time that programs used, of all their processes.",
                &["language", "stage"],
            )?,
            program_memory: put(
                registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "caisson_program_memory_bytes",
                        "Peak memory of programs, of all their processes, files included.",
                    )
                    .buckets(SIZES.to_vec()),
                    &["language", "stage"],
                )?,
            )?,
            judge_cases: counters(
                registry,
                "caisson_judge_cases_total",
                "Cases of judged submissions by their verdict.",
                &["language", "verdict"],
            )?,
            sandbox_boot: histograms(
                registry,
                "caisson_sandbox_boot_seconds",
                "From the order to make a sandbox to its agent's hello.",
                &["language"],
            )?,
            boots_failed: counters(
                registry,
                "caisson_boots_failed_total",
                "Sandboxes that did not come up, by what went wrong.",
                &["language", "kind"],
            )?,
            sandbox_destroy: histogram(
                registry,
                "caisson_sandbox_destroy_seconds",
                "From beginning to remove a sandbox until nothing of it is left.",
            )?,
            pool_sandboxes: gauges(
                registry,
                "caisson_pool_sandboxes",
                "Sandboxes on the host by where they are in their life.",
                &["language", "state"],
            )?,
            pool_target: gauges(registry, "caisson_pool_target", "Ready sandboxes wanted.", &["language"])?,
            pool_floor: gauges(
                registry,
                "caisson_pool_floor",
                "The part of the target that is kept even while programs run.",
                &["language"],
            )?,
            pool_hint: gauges(
                registry,
                "caisson_pool_hint",
                "Ready sandboxes that a hint or a schedule asks for now.",
                &["language"],
            )?,
            pool_waiting: gauges(
                registry,
                "caisson_pool_waiting",
                "Jobs that have a run slot and wait for a sandbox.",
                &["language"],
            )?,
            pool_lead_time: gauges(
                registry,
                "caisson_pool_lead_time_seconds",
                "From wanting a sandbox to having it, 99th percentile, as the policy reckons with it.",
                &["language"],
            )?,
            budget: gauge(
                registry,
                "caisson_budget",
                "Sandboxes that may be on the host at once, dying ones included.",
            )?,
            budget_configured: gauge(
                registry,
                "caisson_budget_configured",
                "The same as configured: more than caisson_budget where memory does not allow it.",
            )?,
            breaker_open: gauges(
                registry,
                "caisson_breaker_open",
                "1 while sandboxes of the language do not come up and its jobs are sent away.",
                &["language"],
            )?,
            run_slots: gauge(registry, "caisson_run_slots", "Jobs that may run at once.")?,
            run_slots_in_use: gauge(registry, "caisson_run_slots_in_use", "Jobs that run.")?,
            engine_request: histograms(
                registry,
                "caisson_engine_request_seconds",
                "Calls to the engine that makes sandboxes.",
                &["operation"],
            )?,
            engine_errors: counters(
                registry,
                "caisson_engine_errors_total",
                "Calls to the engine that failed.",
                &["operation", "kind"],
            )?,
            engine_up: gauge(
                registry,
                "caisson_engine_up",
                "1 if the last call to the engine was answered, if only by a refusal.",
            )?,
            compile_cache_bytes: gauge(
                registry,
                "caisson_compile_cache_bytes",
                "What is kept of compiles done before.",
            )?,
            compile_cache: counters(
                registry,
                "caisson_compile_cache_total",
                "Compiles that were looked for in the cache, by whether they were there.",
                &["result"],
            )?,
            connections: gauge(registry, "caisson_connections", "HTTP connections that are open.")?,
            in_flight_bytes: gauge(
                registry,
                "caisson_in_flight_bytes",
                "Memory set aside for requests and answers under way.",
            )?,
            in_flight_bytes_limit: gauge(
                registry,
                "caisson_in_flight_bytes_limit",
                "What may be set aside for requests and answers at once; beyond it they are turned away.",
            )?,
            orphans_reaped: put(
                registry,
                Counter::new("caisson_orphans_reaped_total", "Sandboxes of an earlier run that were destroyed.")?,
            )?,
        };
        catalogue.begin_at_zero(languages);
        Ok(catalogue)
    }

    fn begin_at_zero(&self, languages: &[LanguageId]) {
        for reason in Rejection::ALL {
            self.jobs_rejected.with_label_values(&[reason.label()]);
        }
        for line in Line::ALL {
            self.queue_wait.with_label_values(&[line.label()]);
            self.queue_jobs.with_label_values(&[line.label()]);
        }
        for result in ["hit", "miss"] {
            self.compile_cache.with_label_values(&[result]);
        }
        for operation in EngineOperation::ALL {
            self.engine_request.with_label_values(&[operation.label()]);
            for kind in EngineFault::ALL {
                self.engine_errors.with_label_values(&[operation.label(), kind.label()]);
            }
        }
        for language in languages {
            let language = language.as_str();
            for of_language in [&self.job_overhead, &self.job_duration, &self.sandbox_boot] {
                of_language.with_label_values(&[language]);
            }
            for of_pool in [
                &self.pool_target,
                &self.pool_floor,
                &self.pool_hint,
                &self.pool_waiting,
                &self.pool_lead_time,
                &self.breaker_open,
            ] {
                of_pool.with_label_values(&[language]);
            }
            for end in CaseEnd::ALL {
                self.judge_cases.with_label_values(&[language, end.label()]);
            }
            for end in JobEnd::ALL {
                self.jobs.with_label_values(&[language, end.label()]);
            }
            for end in ClaimEnd::ALL {
                self.claims.with_label_values(&[language, end.label()]);
                self.claim_wait.with_label_values(&[language, end.label()]);
            }
            for stage in StageKind::ALL {
                for of_stage in [&self.stage_duration, &self.program_cpu, &self.program_memory] {
                    of_stage.with_label_values(&[language, stage.label()]);
                }
            }
            for kind in BootFault::ALL {
                self.boots_failed.with_label_values(&[language, kind.label()]);
            }
            for state in SandboxState::ALL {
                self.pool_sandboxes.with_label_values(&[language, state.label()]);
            }
        }
    }
}

fn put<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

fn histograms(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<HistogramVec, Error> {
    put(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), labels)?)
}

fn histogram(registry: &Registry, name: &str, help: &str) -> Result<Histogram, Error> {
    put(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()))?)
}

fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
    put(registry, CounterVec::new(Opts::new(name, help), labels)?)
}

fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
    put(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<Gauge, Error> {
    put(registry, Gauge::new(name, help)?)
}
