//! The engine that makes sandboxes, as its answers show it.

use prometheus::{CounterVec, Error, Gauge, HistogramVec, Registry};

use super::make::{CALLS, counters, gauge, histograms};
use crate::observe::{EngineFault, EngineOperation};

#[derive(Debug)]
pub struct Engine {
    pub request: HistogramVec,
    pub errors: CounterVec,
    pub up: Gauge,
}

impl Engine {
    pub fn register(registry: &Registry) -> Result<Self, Error> {
        let engine = Self {
            request: histograms(
                registry,
                "caisson_engine_request_seconds",
                "Calls to the engine that makes sandboxes, failed ones included.",
                CALLS,
                &["operation"],
            )?,
            errors: counters(
                registry,
                "caisson_engine_errors_total",
                "Calls to the engine that failed.",
                &["operation", "kind"],
            )?,
            up: gauge(
                registry,
                "caisson_engine_up",
                "1 if the last call to the engine was answered, if only by a refusal.",
            )?,
        };
        for operation in EngineOperation::ALL {
            engine.request.with_label_values(&[operation.label()]);
            for kind in EngineFault::ALL {
                engine.errors.with_label_values(&[operation.label(), kind.label()]);
            }
        }
        Ok(engine)
    }
}
