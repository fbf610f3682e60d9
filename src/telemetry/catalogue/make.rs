//! How a metric is made known to the registry.

use prometheus::{
    CounterVec, Error, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, Opts, Registry, core::Collector,
};

/// Waits, and what the service adds: from half a millisecond, which a warm hit's overhead comes down to, to the deadline
/// that a request has by default. Fine where a warm hit and one that had to wait part ways.
pub const WAITS: &[f64] = &[
    0.0005, 0.001, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    30.0, 60.0,
];

/// What programs take, and jobs with them: from a millisecond, below which no program starts and ends, to the longest
/// deadline that a request may have by default.
pub const RUNS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0];

/// Sandboxes that come and go, in some 200 and 30 ms on a quiet host: up to the patience with a boot.
pub const BOOTS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 20.0];

/// Calls to the engine: from one that is answered from its memory to the patience with any.
pub const CALLS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Bytes of memory: doubled from 1 MiB, below which no program is, to 4 GiB. Limits are powers of two as a rule, so that
/// a bucket tells how many stayed below one.
pub const SIZES: &[f64] = &[
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

pub fn put<M: Collector + Clone + 'static>(registry: &Registry, metric: M) -> Result<M, Error> {
    registry.register(Box::new(metric.clone()))?;
    Ok(metric)
}

pub fn histograms(
    registry: &Registry,
    name: &str,
    help: &str,
    buckets: &[f64],
    labels: &[&str],
) -> Result<HistogramVec, Error> {
    put(registry, HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), labels)?)
}

pub fn histogram(registry: &Registry, name: &str, help: &str, buckets: &[f64]) -> Result<Histogram, Error> {
    put(registry, Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec()))?)
}

pub fn counters(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<CounterVec, Error> {
    put(registry, CounterVec::new(Opts::new(name, help), labels)?)
}

pub fn gauges(registry: &Registry, name: &str, help: &str, labels: &[&str]) -> Result<GaugeVec, Error> {
    put(registry, GaugeVec::new(Opts::new(name, help), labels)?)
}

pub fn gauge(registry: &Registry, name: &str, help: &str) -> Result<Gauge, Error> {
    put(registry, Gauge::new(name, help)?)
}
