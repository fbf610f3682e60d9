//! What operators see: log lines, metrics and traces. Prometheus, procfs, prost and tracing-subscriber are known here and nowhere
//! else.

mod catalogue;
mod logging;
mod otlp;
mod pressure;
mod process;

use std::time::Duration;

use prometheus::{Error, Registry, TextEncoder};

use catalogue::Catalogue;
pub use logging::{Format, LoggingError, start as start_logging};
pub use otlp::{Headers, Otlp, OtlpConfig};
use pressure::Pressure;
use process::Process;

use crate::{
    job::LanguageId,
    observe::{
        BootFault, CaseEnd, ClaimEnd, EngineFault, EngineOperation, JobEnd, Line, Observer, Rejection, SandboxState,
        StageKind,
    },
};

/// Counts what the service tells.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    catalogue: Catalogue,
}

impl Metrics {
    /// # Errors
    /// When two metrics bear the same name: a defect of the catalogue.
    pub fn new(languages: &[LanguageId]) -> Result<Self, Error> {
        let registry = Registry::new();
        let catalogue = Catalogue::register(&registry, languages)?;
        registry.register(Box::new(Pressure::of_host()?))?;
        registry.register(Box::new(Process::this()?))?;
        Ok(Self { registry, catalogue })
    }

    /// The Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "the metrics could not be written down");
            String::new()
        })
    }
}

impl Observer for Metrics {
    fn job_finished(&self, language: &LanguageId, end: JobEnd, total: Duration) {
        self.catalogue.jobs.finished.with_label_values(&[language.as_str(), end.label()]).inc();
        self.catalogue.jobs.duration.with_label_values(&[language.as_str()]).observe(total.as_secs_f64());
    }

    fn overhead_measured(&self, language: &LanguageId, overhead: Duration) {
        self.catalogue.jobs.overhead.with_label_values(&[language.as_str()]).observe(overhead.as_secs_f64());
    }

    fn job_rejected(&self, reason: Rejection) {
        self.catalogue.jobs.rejected.with_label_values(&[reason.label()]).inc();
    }

    fn queue_waited(&self, line: Line, wait: Duration) {
        self.catalogue.jobs.queue_wait.with_label_values(&[line.label()]).observe(wait.as_secs_f64());
    }

    fn queue_length(&self, line: Line, jobs: usize) {
        self.catalogue.jobs.queue_jobs.with_label_values(&[line.label()]).set(jobs as f64);
    }

    fn queue_capacity(&self, jobs: usize) {
        self.catalogue.jobs.queue_capacity.set(jobs as f64);
    }

    fn claim_finished(&self, language: &LanguageId, end: ClaimEnd, wait: Duration) {
        let labels = [language.as_str(), end.label()];
        self.catalogue.pool.claims.with_label_values(&labels).inc();
        self.catalogue.pool.claim_wait.with_label_values(&labels).observe(wait.as_secs_f64());
    }

    fn stage_finished(&self, language: &LanguageId, stage: StageKind, wall: Duration) {
        let labels = [language.as_str(), stage.label()];
        self.catalogue.jobs.stage_duration.with_label_values(&labels).observe(wall.as_secs_f64());
    }

    fn program_used(&self, language: &LanguageId, stage: StageKind, cpu: Duration, memory_bytes: u64) {
        let labels = [language.as_str(), stage.label()];
        self.catalogue.jobs.program_cpu.with_label_values(&labels).observe(cpu.as_secs_f64());
        self.catalogue.jobs.program_memory.with_label_values(&labels).observe(memory_bytes as f64);
    }

    fn case_judged(&self, language: &LanguageId, end: CaseEnd) {
        self.catalogue.jobs.judge_cases.with_label_values(&[language.as_str(), end.label()]).inc();
    }

    fn boot_finished(&self, language: &LanguageId, result: Result<(), BootFault>, took: Duration) {
        match result {
            Ok(()) => {
                self.catalogue.pool.sandbox_boot.with_label_values(&[language.as_str()]).observe(took.as_secs_f64());
            }
            Err(kind) => self.catalogue.pool.boots_failed.with_label_values(&[language.as_str(), kind.label()]).inc(),
        }
    }

    fn destroy_finished(&self, took: Duration) {
        self.catalogue.pool.sandbox_destroy.observe(took.as_secs_f64());
    }

    fn sandbox_moved(&self, language: &LanguageId, from: Option<SandboxState>, to: Option<SandboxState>) {
        let gauge =
            |state: SandboxState| self.catalogue.pool.sandboxes.with_label_values(&[language.as_str(), state.label()]);
        if let Some(from) = from {
            gauge(from).dec();
        }
        if let Some(to) = to {
            gauge(to).inc();
        }
    }

    fn pool_target(&self, language: &LanguageId, target: usize) {
        self.catalogue.pool.target.with_label_values(&[language.as_str()]).set(target as f64);
    }

    fn pool_floor(&self, language: &LanguageId, floor: usize) {
        self.catalogue.pool.floor.with_label_values(&[language.as_str()]).set(floor as f64);
    }

    fn pool_hint(&self, language: &LanguageId, hint: usize) {
        self.catalogue.pool.hint.with_label_values(&[language.as_str()]).set(hint as f64);
    }

    fn pool_waiting(&self, language: &LanguageId, waiting: usize) {
        self.catalogue.pool.waiting.with_label_values(&[language.as_str()]).set(waiting as f64);
    }

    fn lead_time(&self, language: &LanguageId, lead: Duration) {
        self.catalogue.pool.lead_time.with_label_values(&[language.as_str()]).set(lead.as_secs_f64());
    }

    fn budget(&self, configured: usize, allowed: usize) {
        self.catalogue.pool.budget_configured.set(configured as f64);
        self.catalogue.pool.budget.set(allowed as f64);
    }

    fn breaker_moved(&self, language: &LanguageId, is_open: bool) {
        self.catalogue.pool.breaker_open.with_label_values(&[language.as_str()]).set(if is_open { 1.0 } else { 0.0 });
    }

    fn run_slots(&self, slots: usize) {
        self.catalogue.jobs.run_slots.set(slots as f64);
    }

    fn run_slots_in_use(&self, in_use: usize) {
        self.catalogue.jobs.run_slots_in_use.set(in_use as f64);
    }

    fn engine_called(&self, operation: EngineOperation, result: Result<(), EngineFault>, took: Duration) {
        self.catalogue.engine.request.with_label_values(&[operation.label()]).observe(took.as_secs_f64());
        // An engine that refuses is there.
        let is_up = !matches!(result, Err(EngineFault::Unreachable | EngineFault::Timeout));
        self.catalogue.engine.up.set(if is_up { 1.0 } else { 0.0 });
        if let Err(kind) = result {
            self.catalogue.engine.errors.with_label_values(&[operation.label(), kind.label()]).inc();
        }
    }

    fn compile_looked_up(&self, found: bool) {
        self.catalogue.jobs.compile_cache.with_label_values(&[if found { "hit" } else { "miss" }]).inc();
    }

    fn compiles_kept(&self, bytes: usize) {
        self.catalogue.jobs.compile_cache_bytes.set(bytes as f64);
    }

    fn orphan_reaped(&self) {
        self.catalogue.pool.orphans_reaped.inc();
    }

    fn connection_opened(&self) {
        self.catalogue.front.connections.inc();
    }

    fn connection_ended(&self) {
        self.catalogue.front.connections.dec();
    }

    fn in_flight_limit(&self, bytes: usize) {
        self.catalogue.front.in_flight_bytes_limit.set(bytes as f64);
    }

    fn in_flight_taken(&self, bytes: usize) {
        self.catalogue.front.in_flight_bytes.add(bytes as f64);
    }

    fn in_flight_given_back(&self, bytes: usize) {
        self.catalogue.front.in_flight_bytes.sub(bytes as f64);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    use prometheus::proto::MetricType;

    use super::*;

    fn metrics() -> Metrics {
        Metrics::new(&[LanguageId::new("c"), LanguageId::new("python")]).unwrap()
    }

    fn value(metrics: &Metrics, series: &str) -> Option<String> {
        let text = metrics.render();
        text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ').map(str::to_owned))
    }

    #[test]
    fn every_series_is_there_before_anything_happened() {
        let metrics = metrics();
        for series in [
            "caisson_jobs_total{language=\"python\",outcome=\"abandoned\"}",
            "caisson_jobs_rejected_total{reason=\"draining\"}",
            "caisson_claim_wait_seconds_count{language=\"c\",result=\"cold\"}",
            "caisson_job_overhead_seconds_bucket{language=\"c\",le=\"0.0005\"}",
            "caisson_engine_errors_total{kind=\"timeout\",operation=\"exec\"}",
            "caisson_pool_sandboxes{language=\"python\",state=\"destroying\"}",
            "caisson_queue_wait_seconds_bucket{priority=\"batch\",le=\"60\"}",
            "caisson_program_memory_bytes_bucket{language=\"c\",stage=\"run\",le=\"1048576\"}",
            "caisson_judge_cases_total{language=\"c\",verdict=\"skipped\"}",
            "caisson_orphans_reaped_total",
        ] {
            assert_eq!(value(&metrics, series).as_deref(), Some("0"), "{series}");
        }
    }

    #[test]
    fn a_sandbox_is_counted_where_it_is() {
        let metrics = metrics();
        let language = LanguageId::new("c");
        metrics.sandbox_moved(&language, None, Some(SandboxState::Booting));
        metrics.sandbox_moved(&language, Some(SandboxState::Booting), Some(SandboxState::Ready));
        let state = |state| value(&metrics, &format!("caisson_pool_sandboxes{{language=\"c\",state=\"{state}\"}}"));
        assert_eq!((state("booting").as_deref(), state("ready").as_deref()), (Some("0"), Some("1")));
    }

    #[test]
    fn an_engine_call_that_failed_is_timed_and_counted() {
        let metrics = metrics();
        metrics.engine_called(EngineOperation::Create, Err(EngineFault::Refused), Duration::from_millis(2));
        let errors = value(&metrics, "caisson_engine_errors_total{kind=\"refused\",operation=\"create\"}");
        assert_eq!(errors.as_deref(), Some("1"));
        let calls = value(&metrics, "caisson_engine_request_seconds_count{operation=\"create\"}");
        assert_eq!(calls.as_deref(), Some("1"));
    }

    #[test]
    fn every_name_ends_in_its_unit_and_every_help_is_a_sentence() {
        for family in metrics().registry.gather() {
            let (name, help) = (family.name(), family.help());
            let Some(known) = name.strip_prefix("caisson_") else {
                assert!(name.starts_with("process_"), "{name}");
                continue;
            };
            let is_counter = family.get_field_type() == MetricType::COUNTER;
            assert_eq!(known.ends_with("_total"), is_counter, "{name}");
            if family.get_field_type() == MetricType::HISTOGRAM {
                assert!(known.ends_with("_seconds") || known.ends_with("_bytes"), "{name}");
            }
            // Base units only, and no type in the name.
            for word in known.split('_') {
                let foreign = ["ms", "millis", "milliseconds", "micros", "kib", "mib", "percent", "gauge", "counter"];
                assert!(!foreign.contains(&word), "{name}");
            }
            assert!(help.starts_with(|first: char| !first.is_lowercase()) && help.ends_with('.'), "{name}: {help}");
        }
    }

    #[test]
    fn promtool_has_nothing_to_complain_about() {
        let mut promtool = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("promtool is needed: apt-get install prometheus");
        promtool.stdin.take().unwrap().write_all(metrics().render().as_bytes()).unwrap();
        let output = promtool.wait_with_output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
    }
}
