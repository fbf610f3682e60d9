//! How long the host's tasks waited for want of processors, memory or I/O: the kernel's pressure stall information, read
//! anew at each scrape. It tells a slow service from a slow host.
//!
//! Format and meaning: <https://docs.kernel.org/accounting/psi.html>. Inside a container these are still the host's.

use std::{fs, path::PathBuf};

use prometheus::{
    CounterVec, Error, Gauge, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Nothing is kept between two scrapes: the kernel's sums are the counters.
pub struct Pressure {
    directory: PathBuf,
    blank: Values,
}

struct Values {
    waited: CounterVec,
    available: Gauge,
}

const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// The sums of one resource. `full` is absent for the processor on kernels before 5.13.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Waited {
    some: f64,
    full: f64,
}

impl Pressure {
    pub fn of_host() -> Result<Self, Error> {
        Self::below("/proc/pressure")
    }

    fn below(directory: impl Into<PathBuf>) -> Result<Self, Error> {
        Ok(Self { directory: directory.into(), blank: Values::new()? })
    }

    fn read(&self) -> Result<Values, Error> {
        let values = Values::new()?;
        let mut is_told = true;
        for resource in RESOURCES {
            // A kernel that was built or started without it has no such file, or one that cannot be read.
            let text = fs::read_to_string(self.directory.join(resource)).unwrap_or_default();
            let waited = parse(&text);
            is_told &= waited.is_some();
            let Waited { some, full } = waited.unwrap_or_default();
            values.waited.with_label_values(&[resource, "some"]).inc_by(some);
            values.waited.with_label_values(&[resource, "full"]).inc_by(full);
        }
        values.available.set(if is_told { 1.0 } else { 0.0 });
        Ok(values)
    }
}

impl Values {
    fn new() -> Result<Self, Error> {
        let waited = Opts::new(
            "caisson_host_pressure_seconds_total",
            "Time in which at least one task of the host (some), or all of them (full), waited for the resource.",
        );
        let available = "1 if the kernel tells its pressure; where it is 0 the counters say nothing.";
        Ok(Self {
            waited: CounterVec::new(waited, &["resource", "kind"])?,
            available: Gauge::new("caisson_host_pressure_available", available)?,
        })
    }
}

impl Collector for Pressure {
    fn desc(&self) -> Vec<&Desc> {
        [self.blank.waited.desc(), self.blank.available.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let Ok(Values { waited, available }) = self.read() else { return Vec::new() };
        [waited.collect(), available.collect()].concat()
    }
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=MICROSECONDS`, and likewise `full`.
fn parse(text: &str) -> Option<Waited> {
    let total = |kind: &str| {
        let words = text.lines().find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
        let micros: u64 = words.split(' ').find_map(|word| word.strip_prefix("total="))?.parse().ok()?;
        Some(micros as f64 / 1e6)
    };
    Some(Waited { some: total("some")?, full: total("full").unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(pressure: &Pressure) -> String {
        prometheus::TextEncoder::new().encode_to_string(&pressure.collect()).unwrap()
    }

    #[test]
    fn sums_are_microseconds_and_become_seconds() {
        let text = "some avg10=1.81 avg60=2.12 avg300=7.00 total=3091055978\nfull avg10=0.00 avg60=0.00 total=5000\n";
        assert_eq!(parse(text), Some(Waited { some: 3091.055978, full: 0.005 }));
    }

    #[test]
    fn an_older_kernel_has_no_full_line_for_the_processor() {
        assert_eq!(parse("some avg10=0.00 total=1000000\n"), Some(Waited { some: 1.0, full: 0.0 }));
    }

    #[test]
    fn what_is_no_pressure_is_taken_for_none() {
        for text in ["", "some", "some total=", "some total=-1", "somewhat total=1", "full avg10=0.00 total=1"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_kernel_that_tells_nothing_leaves_every_series_at_zero_and_says_so() {
        let text = exported(&Pressure::below("/nonexistent").unwrap());
        for line in [
            "caisson_host_pressure_available 0",
            "caisson_host_pressure_seconds_total{kind=\"full\",resource=\"io\"} 0",
            "caisson_host_pressure_seconds_total{kind=\"some\",resource=\"cpu\"} 0",
        ] {
            assert!(text.lines().any(|known| known == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn each_scrape_reads_anew() {
        let directory = std::env::temp_dir().join(format!("caisson-pressure-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let pressure = Pressure::below(&directory).unwrap();
        for seconds in [1, 3] {
            for resource in RESOURCES {
                let line = format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={seconds}000000\n");
                fs::write(directory.join(resource), line).unwrap();
            }
            let series = format!("{{kind=\"some\",resource=\"memory\"}} {seconds}\n");
            assert!(exported(&pressure).contains(&series), "{series}");
        }
        assert!(exported(&pressure).contains("caisson_host_pressure_available 1\n"));
        fs::remove_dir_all(directory).unwrap();
    }
}
