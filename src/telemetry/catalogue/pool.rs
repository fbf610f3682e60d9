//! Sandboxes: how they come, where they are, who gets them, and how many there may be.

use prometheus::{Counter, CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramVec, Registry};

use super::make::{BOOTS, WAITS, counters, gauge, gauges, histogram, histograms, put};
use crate::observe::{BootFault, ClaimEnd, SandboxState};

#[derive(Debug)]
pub struct Pool {
    pub claims: CounterVec,
    pub claim_wait: HistogramVec,
    pub sandbox_boot: HistogramVec,
    pub boots_failed: CounterVec,
    pub sandbox_destroy: Histogram,
    pub sandboxes: GaugeVec,
    pub target: GaugeVec,
    pub floor: GaugeVec,
    pub hint: GaugeVec,
    pub waiting: GaugeVec,
    pub lead_time: GaugeVec,
    pub budget: Gauge,
    pub budget_configured: Gauge,
    pub breaker_open: GaugeVec,
    pub orphans_reaped: Counter,
}

impl Pool {
    pub fn register(registry: &Registry, languages: &[&str]) -> Result<Self, Error> {
        let pool = Self {
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
                WAITS,
                &["language", "result"],
            )?,
            sandbox_boot: histograms(
                registry,
                "caisson_sandbox_boot_seconds",
                "From the order to make a sandbox until it is ready, of those that became ready.",
                BOOTS,
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
                BOOTS,
            )?,
            sandboxes: gauges(
                registry,
                "caisson_pool_sandboxes",
                "Sandboxes on the host by where they are in their life.",
                &["language", "state"],
            )?,
            target: gauges(registry, "caisson_pool_target", "Ready sandboxes wanted.", &["language"])?,
            floor: gauges(
                registry,
                "caisson_pool_floor",
                "The part of the target that is kept even while programs run.",
                &["language"],
            )?,
            hint: gauges(
                registry,
                "caisson_pool_hint",
                "Ready sandboxes that a hint or a schedule asks for now.",
                &["language"],
            )?,
            waiting: gauges(
                registry,
                "caisson_pool_waiting",
                "Jobs that have a run slot and wait for a sandbox.",
                &["language"],
            )?,
            lead_time: gauges(
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
            orphans_reaped: put(
                registry,
                Counter::new("caisson_orphans_reaped_total", "Sandboxes of an earlier run that were destroyed.")?,
            )?,
        };
        pool.begin_at_zero(languages);
        Ok(pool)
    }

    fn begin_at_zero(&self, languages: &[&str]) {
        for language in languages {
            self.sandbox_boot.with_label_values(&[language]);
            let of_language =
                [&self.target, &self.floor, &self.hint, &self.waiting, &self.lead_time, &self.breaker_open];
            for gauge in of_language {
                gauge.with_label_values(&[language]);
            }
            for end in ClaimEnd::ALL {
                self.claims.with_label_values(&[*language, end.label()]);
                self.claim_wait.with_label_values(&[*language, end.label()]);
            }
            for kind in BootFault::ALL {
                self.boots_failed.with_label_values(&[*language, kind.label()]);
            }
            for state in SandboxState::ALL {
                self.sandboxes.with_label_values(&[*language, state.label()]);
            }
        }
    }
}
