//! Every metric, once: its name, its help, its labels. Labels come from closed sets, and every series exists from the
//! start, so that a rate is right from the first event on and a dashboard has no holes.

use prometheus::{
    Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry,
    core::Collector,
};

use crate::{
    job::LanguageId,
    observe::{BootFault, ClaimEnd, EngineFault, EngineOperation, JobEnd, Rejection, SandboxState, StageKind},
};

/// Seconds. From half a millisecond, which a warm hit's overhead comes down to, to the longest wall time by default.
const BUCKETS: [f64; 20] = [
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];

#[derive(Debug)]
pub struct Catalogue {
    pub job_overhead: HistogramVec,
    pub job_duration: HistogramVec,
    pub jobs: CounterVec,
    pub jobs_rejected: CounterVec,
    pub queue_wait: Histogram,
    pub claims: CounterVec,
    pub claim_wait: HistogramVec,
    pub stage_duration: HistogramVec,
    pub sandbox_boot: HistogramVec,
    pub boots_failed: CounterVec,
    pub sandbox_destroy: Histogram,
    pub pool_sandboxes: GaugeVec,
    pub pool_target: GaugeVec,
    pub run_slots: Gauge,
    pub run_slots_in_use: Gauge,
    pub engine_request: HistogramVec,
    pub engine_errors: CounterVec,
    pub orphans_reaped: Counter,
    pub compile_cache: CounterVec,
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
            queue_wait: histogram(
                registry,
                "caisson_queue_wait_seconds",
                "How long accepted jobs waited for a run slot.",
            )?,
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
            compile_cache: counters(
                registry,
                "caisson_compile_cache_total",
                "Compiles that were looked for in the cache, by whether they were there.",
                &["result"],
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
            self.pool_target.with_label_values(&[language]);
            for end in JobEnd::ALL {
                self.jobs.with_label_values(&[language, end.label()]);
            }
            for end in ClaimEnd::ALL {
                self.claims.with_label_values(&[language, end.label()]);
                self.claim_wait.with_label_values(&[language, end.label()]);
            }
            for stage in StageKind::ALL {
                self.stage_duration.with_label_values(&[language, stage.label()]);
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
