//! What this process uses, under the names that Prometheus's own clients have for it; read anew at each scrape.
//!
//! In place of the prometheus crate's collector, which counts processor time in whole seconds: more than a service of
//! this kind uses in a minute.

use procfs::{ProcResult, WithCurrentSystemInfo, process::Process as OnHost};
use prometheus::{
    Counter, Error, Gauge,
    core::{Collector, Desc},
    proto::MetricFamily,
};

pub struct Process(Values);

/// One series each.
struct Values {
    cpu: Counter,
    open_fds: Gauge,
    max_fds: Gauge,
    virtual_memory: Gauge,
    resident_memory: Gauge,
    start_time: Gauge,
    threads: Gauge,
}

impl Process {
    pub fn this() -> Result<Self, Error> {
        Values::new().map(Self)
    }
}

impl Values {
    fn new() -> Result<Self, Error> {
        let gauge = |name: &str, help: &str| Gauge::new(name, help);
        Ok(Self {
            cpu: Counter::new("process_cpu_seconds_total", "Processor time of the service, user and system.")?,
            open_fds: gauge("process_open_fds", "Open file descriptors of the service.")?,
            max_fds: gauge("process_max_fds", "The most file descriptors that the service may have open.")?,
            virtual_memory: gauge("process_virtual_memory_bytes", "Address space of the service.")?,
            resident_memory: gauge("process_resident_memory_bytes", "Memory of the service that is resident.")?,
            start_time: gauge("process_start_time_seconds", "When the service began, in seconds since 1970.")?,
            threads: gauge("process_threads", "Threads of the service.")?,
        })
    }

    fn read(&self) -> ProcResult<()> {
        let process = OnHost::myself()?;
        let stat = process.stat()?;
        let ticks = procfs::ticks_per_second() as f64;
        self.cpu.inc_by((stat.utime + stat.stime) as f64 / ticks);
        self.open_fds.set(process.fd_count()? as f64);
        let most = process.limits()?.max_open_files.soft_limit;
        self.max_fds.set(match most {
            procfs::process::LimitValue::Value(most) => most as f64,
            procfs::process::LimitValue::Unlimited => f64::INFINITY,
        });
        self.virtual_memory.set(stat.vsize as f64);
        self.resident_memory.set(stat.rss_bytes().get() as f64);
        self.start_time.set(procfs::boot_time_secs()? as f64 + stat.starttime as f64 / ticks);
        self.threads.set(stat.num_threads as f64);
        Ok(())
    }

    fn all(&self) -> [&dyn Collector; 7] {
        let Self { cpu, open_fds, max_fds, virtual_memory, resident_memory, start_time, threads } = self;
        [cpu, open_fds, max_fds, virtual_memory, resident_memory, start_time, threads]
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.0.all().into_iter().flat_map(Collector::desc).collect()
    }

    /// Nothing is kept between two scrapes: the kernel's sums are the counters.
    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(values) = Values::new() else { return Vec::new() };
        if let Err(error) = values.read() {
            tracing::warn!(error = &error as &dyn std::error::Error, "what this process uses could not be read");
            return Vec::new();
        }
        values.all().into_iter().flat_map(Collector::collect).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    fn value(name: &str) -> f64 {
        let families = Process::this().unwrap().collect();
        let family = families.iter().find(|family| family.name() == name).unwrap_or_else(|| panic!("no {name}"));
        let metric = &family.get_metric()[0];
        metric.get_counter().get_value() + metric.get_gauge().get_value()
    }

    #[test]
    fn processor_time_is_told_in_parts_of_a_second() {
        let before = value("process_cpu_seconds_total");
        let since = Instant::now();
        let mut after = before;
        // Some other thread of this process may use more meanwhile, and a loaded machine give less.
        while after - before < 0.05 {
            assert!(since.elapsed() < Duration::from_secs(30), "{before} to {after}");
            after = value("process_cpu_seconds_total");
        }
        assert!(after - before < 0.9, "{before} to {after}");
    }

    #[test]
    fn every_other_figure_is_plausible() {
        for name in ["process_open_fds", "process_threads"] {
            assert!((1.0..1e5).contains(&value(name)), "{name}");
        }
        assert!(value("process_max_fds") >= value("process_open_fds"));
        assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
        assert!(value("process_resident_memory_bytes") > 1e6);
        let year_2020 = 1.577e9;
        assert!(value("process_start_time_seconds") > year_2020);
    }
}
