//! What a program may use.

use std::time::Duration;

/// What one step may use. Nothing here is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limits {
    /// Of all processes together.
    pub cpu_time: Duration,
    pub wall_time: Duration,
    /// Of all processes and of the files they write, together.
    pub memory_bytes: u64,
    /// Per stream.
    pub output_bytes: u64,
    pub processes: u64,
    pub file_size_bytes: u64,
    pub open_files: u64,
    pub stack_bytes: u64,
}

/// The most that a request may ask for, field by field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling(pub Limits);

/// The limits that a request names, in the wire's units: milliseconds, bytes, counts.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overrides {
    pub cpu_time_ms: Option<f64>,
    pub wall_time_ms: Option<f64>,
    pub memory_bytes: Option<f64>,
    pub output_bytes: Option<f64>,
    pub processes: Option<f64>,
    pub file_size_bytes: Option<f64>,
    pub open_files: Option<f64>,
    pub stack_bytes: Option<f64>,
}

/// A limit that cannot be granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitFault {
    pub field: &'static str,
    pub detail: String,
}

/// Below these no program of ours starts: a refused request says more than a crash in the loader.
const LEAST_MEMORY: u64 = 1024 * 1024;
const LEAST_STACK: u64 = 64 * 1024;
const LEAST_OPEN_FILES: u64 = 4;

impl Overrides {
    /// The defaults with what the request names put over them, or every fault at once.
    pub fn apply(&self, defaults: &Limits, ceiling: &Ceiling) -> Result<Limits, Vec<LimitFault>> {
        let most = &ceiling.0;
        let mut faults = Vec::new();
        let limits = Limits {
            cpu_time: time("cpu_time_ms", self.cpu_time_ms, defaults.cpu_time, most.cpu_time, &mut faults),
            wall_time: time("wall_time_ms", self.wall_time_ms, defaults.wall_time, most.wall_time, &mut faults),
            memory_bytes: count(
                "memory_bytes",
                self.memory_bytes,
                defaults.memory_bytes,
                LEAST_MEMORY..=most.memory_bytes,
                &mut faults,
            ),
            output_bytes: count(
                "output_bytes",
                self.output_bytes,
                defaults.output_bytes,
                1..=most.output_bytes,
                &mut faults,
            ),
            processes: count("processes", self.processes, defaults.processes, 1..=most.processes, &mut faults),
            file_size_bytes: count(
                "file_size_bytes",
                self.file_size_bytes,
                defaults.file_size_bytes,
                1..=most.file_size_bytes,
                &mut faults,
            ),
            open_files: count(
                "open_files",
                self.open_files,
                defaults.open_files,
                LEAST_OPEN_FILES..=most.open_files,
                &mut faults,
            ),
            stack_bytes: count(
                "stack_bytes",
                self.stack_bytes,
                defaults.stack_bytes,
                LEAST_STACK..=most.stack_bytes,
                &mut faults,
            ),
        };
        // A request that only lowers the clock it names would be odd to refuse, one that only raises CPU time beyond the
        // wall clock's default must not be cut short by a limit it never named.
        let limits = match (self.cpu_time_ms, self.wall_time_ms) {
            (Some(_), None) => {
                Limits { wall_time: defaults.wall_time.max(limits.cpu_time).min(most.wall_time), ..limits }
            }
            _ => limits,
        };
        if faults.is_empty() { Ok(limits) } else { Err(faults) }
    }
}

fn time(
    field: &'static str,
    asked: Option<f64>,
    default: Duration,
    most: Duration,
    faults: &mut Vec<LimitFault>,
) -> Duration {
    let Some(ms) = asked else { return default };
    let most_ms = most.as_secs_f64() * 1e3;
    if ms > 0.0 && ms <= most_ms {
        // At least a microsecond: a positive limit must not become zero by rounding.
        return Duration::from_nanos(((ms * 1e6) as u64).max(1_000));
    }
    let detail =
        if ms > most_ms { format!("is over the ceiling of {most_ms} ms") } else { "must be greater than 0".to_owned() };
    faults.push(LimitFault { field, detail });
    default
}

fn count(
    field: &'static str,
    asked: Option<f64>,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    faults: &mut Vec<LimitFault>,
) -> u64 {
    let Some(value) = asked else { return default };
    let (least, most) = range.into_inner();
    let detail = if value.fract() != 0.0 {
        "must be a whole number".to_owned()
    } else if value > most as f64 {
        format!("is over the ceiling of {most}")
    } else if value < least as f64 {
        format!("must be at least {least}")
    } else {
        return value as u64;
    };
    faults.push(LimitFault { field, detail });
    default
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defaults() -> Limits {
        Limits {
            cpu_time: Duration::from_secs(5),
            wall_time: Duration::from_secs(10),
            memory_bytes: 256 << 20,
            output_bytes: 1 << 20,
            processes: 64,
            file_size_bytes: 64 << 20,
            open_files: 256,
            stack_bytes: 64 << 20,
        }
    }

    fn ceiling() -> Ceiling {
        Ceiling(Limits { cpu_time: Duration::from_secs(60), wall_time: Duration::from_secs(60), ..defaults() })
    }

    #[test]
    fn what_is_not_named_stays_as_configured() {
        assert_eq!(Overrides::default().apply(&defaults(), &ceiling()), Ok(defaults()));
    }

    #[test]
    fn every_fault_is_reported_at_once() {
        let asked = Overrides {
            cpu_time_ms: Some(0.0),
            wall_time_ms: Some(60_001.0),
            memory_bytes: Some(-1.0),
            processes: Some(1.5),
            open_files: Some(f64::NAN),
            ..Overrides::default()
        };
        let fields: Vec<_> =
            asked.apply(&defaults(), &ceiling()).unwrap_err().into_iter().map(|fault| fault.field).collect();
        assert_eq!(fields, ["cpu_time_ms", "wall_time_ms", "memory_bytes", "processes", "open_files"]);
    }

    #[test]
    fn a_fraction_of_a_millisecond_is_a_limit() {
        let asked = Overrides { cpu_time_ms: Some(0.5), ..Overrides::default() };
        assert_eq!(asked.apply(&defaults(), &ceiling()).unwrap().cpu_time, Duration::from_micros(500));
    }

    #[test]
    fn more_cpu_time_brings_the_wall_time_it_needs() {
        let asked = Overrides { cpu_time_ms: Some(20_000.0), ..Overrides::default() };
        assert_eq!(asked.apply(&defaults(), &ceiling()).unwrap().wall_time, Duration::from_secs(20));
    }
}
