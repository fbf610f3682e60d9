//! Jobs and judgings: whether they were taken, how long they waited, how they ended and what their programs used.

use prometheus::{CounterVec, Error, Gauge, GaugeVec, HistogramVec, Registry};

use super::make::{RUNS, SIZES, WAITS, counters, gauge, gauges, histograms};
use crate::observe::{CaseEnd, JobEnd, Line, Rejection, StageKind};

#[derive(Debug)]
pub struct Jobs {
    pub overhead: HistogramVec,
    pub duration: HistogramVec,
    pub finished: CounterVec,
    pub rejected: CounterVec,
    pub queue_wait: HistogramVec,
    pub queue_jobs: GaugeVec,
    pub queue_capacity: Gauge,
    pub run_slots: Gauge,
    pub run_slots_in_use: Gauge,
    pub stage_duration: HistogramVec,
    pub program_cpu: HistogramVec,
    pub program_memory: HistogramVec,
    pub judge_cases: CounterVec,
    pub compile_cache: CounterVec,
    pub compile_cache_bytes: Gauge,
}

impl Jobs {
    pub fn register(registry: &Registry, languages: &[&str]) -> Result<Self, Error> {
        let jobs = Self {
            overhead: histograms(
                registry,
                "caisson_job_overhead_seconds",
                "Whole time of an answered job less its compile and run: what the service itself costs, waits included.",
                WAITS,
                &["language"],
            )?,
            duration: histograms(
                registry,
                "caisson_job_duration_seconds",
                "Whole time of an accepted job, its waits included.",
                RUNS,
                &["language"],
            )?,
            finished: counters(
                registry,
                "caisson_jobs_total",
                "Accepted jobs by how they ended.",
                &["language", "outcome"],
            )?,
            rejected: counters(registry, "caisson_jobs_rejected_total", "Jobs turned away.", &["reason"])?,
            queue_wait: histograms(
                registry,
                "caisson_queue_wait_seconds",
                "How long jobs waited for a run slot, whether they got one or not.",
                WAITS,
                &["priority"],
            )?,
            queue_jobs: gauges(registry, "caisson_queue_jobs", "Jobs that wait for a run slot.", &["priority"])?,
            queue_capacity: gauge(
                registry,
                "caisson_queue_capacity",
                "Jobs that may wait for a run slot; further ones may wait for a sandbox while slots are free.",
            )?,
            run_slots: gauge(registry, "caisson_run_slots", "Jobs that may run at once.")?,
            run_slots_in_use: gauge(registry, "caisson_run_slots_in_use", "Jobs that run.")?,
            stage_duration: histograms(
                registry,
                "caisson_stage_duration_seconds",
                "Wall time of compiling, running and checking, as measured in the sandbox.",
                RUNS,
                &["language", "stage"],
            )?,
            program_cpu: histograms(
                registry,
                "caisson_program_cpu_seconds",
                "Processor time that programs used, of all their processes.",
                RUNS,
                &["language", "stage"],
            )?,
            program_memory: histograms(
                registry,
                "caisson_program_memory_bytes",
                "Peak memory of programs, of all their processes, files included.",
                SIZES,
                &["language", "stage"],
            )?,
            judge_cases: counters(
                registry,
                "caisson_judge_cases_total",
                "Cases of judged submissions by their verdict.",
                &["language", "verdict"],
            )?,
            compile_cache: counters(
                registry,
                "caisson_compile_cache_total",
                "Compiles that were looked for in the cache, by whether they were there.",
                &["result"],
            )?,
            compile_cache_bytes: gauge(
                registry,
                "caisson_compile_cache_bytes",
                "What is kept of compiles done before.",
            )?,
        };
        jobs.begin_at_zero(languages);
        Ok(jobs)
    }

    fn begin_at_zero(&self, languages: &[&str]) {
        for reason in Rejection::ALL {
            self.rejected.with_label_values(&[reason.label()]);
        }
        for line in Line::ALL {
            self.queue_wait.with_label_values(&[line.label()]);
            self.queue_jobs.with_label_values(&[line.label()]);
        }
        for result in ["hit", "miss"] {
            self.compile_cache.with_label_values(&[result]);
        }
        for language in languages {
            for of_language in [&self.overhead, &self.duration] {
                of_language.with_label_values(&[language]);
            }
            for end in JobEnd::ALL {
                self.finished.with_label_values(&[*language, end.label()]);
            }
            for end in CaseEnd::ALL {
                self.judge_cases.with_label_values(&[*language, end.label()]);
            }
            for stage in StageKind::ALL {
                for of_stage in [&self.stage_duration, &self.program_cpu, &self.program_memory] {
                    of_stage.with_label_values(&[*language, stage.label()]);
                }
            }
        }
    }
}
