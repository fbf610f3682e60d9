//! What the figures should be. A target that is missed is told and fails nothing: the machine may be to blame.

use crate::{
    figures::median,
    idle::Cold,
    latency::{Row, Way},
    sustained::{Rate, Rates},
};

#[derive(Debug, Clone)]
pub struct Target {
    pub name: String,
    pub found: f64,
    pub bound: Bound,
}

#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// Of the create-exec-remove row's processor time.
const CPU_NATIVE: f64 = 0.01;
const CPU_DOCKER: f64 = 0.62;
const CPU_ATTACHED: f64 = 0.45;
/// Of bare runs by as many clients.
const NOOP_TO_BARE: f64 = 0.25;
const PYTHON_TO_BARE: f64 = 1.0;
/// Of the create-exec-remove row's rate.
const RATE_TO_NAIVE: f64 = 1.6;
const COLD_CLAIM_MS: f64 = 5.0;
/// Of a bare run of a static program.
const BOOT_TO_BARE: f64 = 2.0;

impl Target {
    pub fn at_most(name: impl Into<String>, found: f64, bound: f64) -> Self {
        Self { name: name.into(), found, bound: Bound::AtMost(bound) }
    }

    fn at_least(name: impl Into<String>, found: f64, bound: f64) -> Self {
        Self { name: name.into(), found, bound: Bound::AtLeast(bound) }
    }

    pub fn is_reached(&self) -> bool {
        match self.bound {
            Bound::AtMost(bound) => self.found <= bound,
            Bound::AtLeast(bound) => self.found >= bound,
        }
    }
}

/// Both paces: a client that never rests finds everything warm, which most do not.
pub fn of_latencies(rows: &[Row]) -> Vec<Target> {
    let mut targets = Vec::new();
    for row in rows {
        for (way, bound) in [Way::OnDocker, Way::OnNative].into_iter().zip(row.targets) {
            if let Some(bound) = bound {
                targets.push(Target::at_most(
                    format!("{}, {}, {}: p50 to bare", row.job, way.name(), row.pace.name()),
                    row.to_bare(way),
                    bound,
                ));
            }
        }
    }
    targets
}

pub fn of_rates(rates: &Rates) -> Vec<Target> {
    let Rates { naive, docker, attached, bare_noop, native_noop, bare_python, native_python, crun: _ } = rates;
    let rate = |of: &Rate, to: &Rate| of.per_second() / to.per_second();
    vec![
        Target::at_most(
            "CPU per sandbox, Docker, to create, exec, remove",
            docker.cpu_ms() / naive.cpu_ms(),
            CPU_DOCKER,
        ),
        Target::at_most(
            "CPU per sandbox, Docker with attach, to create, exec, remove",
            attached.cpu_ms() / naive.cpu_ms(),
            CPU_ATTACHED,
        ),
        Target::at_most(
            "CPU per sandbox, native, to create, exec, remove",
            native_noop.cpu_ms() / naive.cpu_ms(),
            CPU_NATIVE,
        ),
        Target::at_least("sustained no-op, Docker, to create, exec, remove", rate(docker, naive), RATE_TO_NAIVE),
        Target::at_least("sustained no-op, native, to bare", rate(native_noop, bare_noop), NOOP_TO_BARE),
        Target::at_least("sustained python hello, native, to bare", rate(native_python, bare_python), PYTHON_TO_BARE),
    ]
}

pub fn of_cold(cold: &Cold) -> Vec<Target> {
    vec![
        Target::at_most("cold claim on native, p50 in ms", median(&cold.claims), COLD_CLAIM_MS),
        Target::at_most("create to ready on native, to bare", cold.boot / median(&cold.bare), BOOT_TO_BARE),
    ]
}
