//! What the sandbox consumes, read from its own control group (v1 and v2). Only the control group tells the truth: a
//! process's own accounting forgets orphans and children whose end nobody waited for. Where it is not to be seen,
//! as processor time is not in gVisor, the server reads the host's.

use std::{fs::File, io, os::unix::fs::FileExt, path::Path};

const ROOT: &str = "/sys/fs/cgroup";

/// PID 1 and the agent.
const HELPERS: u64 = 2;

/// Open files of the control group; reading one is a microsecond or two.
pub struct Meter {
    cpu: Option<Source>,
    memory: Source,
    memory_peak: Option<Source>,
    oom_kills: Option<Source>,
    forks_refused: Option<Source>,
    helpers: Helpers,
    /// Processes that the control group lets the whole sandbox have.
    processes_max: Option<u64>,
}

struct Source {
    file: File,
    /// The line that holds the number; empty when the file is the number.
    key: &'static str,
    scale: u64,
}

/// One look at the meters.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reading {
    /// Without the agent's own two processes.
    pub cpu_ns: u64,
    pub memory_bytes: u64,
    pub memory_peak_bytes: u64,
    pub oom_kills: u64,
    pub forks_refused: u64,
}

impl Meter {
    pub fn open() -> io::Result<Self> {
        let v2 = Path::new(ROOT).join("cgroup.controllers").exists();
        let (cpu, memory, peak, oom, pids, pids_max) = if v2 {
            (
                ("cpu.stat", "usage_usec", 1000),
                ("memory.current", "", 1),
                ("memory.peak", "", 1),
                ("memory.events", "oom_kill", 1),
                ("pids.events", "max", 1),
                ("pids.max", "", 1),
            )
        } else {
            (
                ("cpuacct/cpuacct.usage", "", 1),
                ("memory/memory.usage_in_bytes", "", 1),
                ("memory/memory.max_usage_in_bytes", "", 1),
                ("memory/memory.oom_control", "oom_kill", 1),
                ("pids/pids.events", "max", 1),
                ("pids/pids.max", "", 1),
            )
        };
        Ok(Self {
            cpu: Source::open(cpu).ok(),
            memory: Source::open(memory).map_err(|error| io::Error::other(format!("{ROOT}/{}: {error}", memory.0)))?,
            memory_peak: Source::open(peak).ok(),
            oom_kills: Source::open(oom).ok(),
            forks_refused: Source::open(pids).ok(),
            helpers: Helpers::new()?,
            processes_max: Source::open(pids_max).and_then(|source| source.read()).ok(),
        })
    }

    /// Whether processor time is to be seen; otherwise it is always 0.
    pub fn sees_cpu(&self) -> bool {
        self.cpu.is_some()
    }

    /// What limits are checked against while a program runs: processor time of the job, memory of the sandbox.
    pub fn now(&self) -> io::Result<(u64, u64)> {
        Ok((self.job_cpu_ns()?, self.memory.read()?))
    }

    /// Whether the control group refuses the job's next process where a limit of so many would.
    pub fn bounds_processes(&self, processes: u64) -> bool {
        self.forks_refused.is_some() && self.processes_max.is_some_and(|max| max <= processes.saturating_add(HELPERS))
    }

    fn job_cpu_ns(&self) -> io::Result<u64> {
        match &self.cpu {
            Some(cpu) => Ok(cpu.read()?.saturating_sub(self.helpers.cpu_ns()?)),
            None => Ok(0),
        }
    }

    pub fn read(&self) -> io::Result<Reading> {
        let optional = |source: &Option<Source>| source.as_ref().map_or(Ok(0), Source::read);
        Ok(Reading {
            cpu_ns: self.job_cpu_ns()?,
            memory_bytes: self.memory.read()?,
            memory_peak_bytes: optional(&self.memory_peak)?,
            oom_kills: optional(&self.oom_kills)?,
            forks_refused: optional(&self.forks_refused)?,
        })
    }
}

impl Source {
    fn open((path, key, scale): (&str, &'static str, u64)) -> io::Result<Self> {
        let file = File::open(Path::new(ROOT).join(path))?;
        Ok(Self { file, key, scale })
    }

    fn read(&self) -> io::Result<u64> {
        let mut text = [0; 1024];
        let length = self.file.read_at(&mut text, 0)?;
        number(&String::from_utf8_lossy(&text[..length]), self.key)
            .map(|number| number.saturating_mul(self.scale))
            .ok_or_else(|| io::Error::other("the control group's meter is not a number"))
    }
}

fn number(text: &str, key: &str) -> Option<u64> {
    let mut words = text.split_ascii_whitespace();
    if key.is_empty() {
        return words.next()?.parse().ok();
    }
    words.find(|word| *word == key)?;
    words.next()?.parse().ok()
}

/// Processor time of the agent's own two processes since they began: it is in the control group's and is not the job's.
#[derive(Debug, Clone, Copy)]
pub struct Helpers {
    init: libc::clockid_t,
}

impl Helpers {
    pub fn new() -> io::Result<Self> {
        let mut init = 0;
        // SAFETY: `init` is a valid place for the answer.
        match unsafe { libc::clock_getcpuclockid(1, &mut init) } {
            0 => Ok(Self { init }),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    pub fn cpu_ns(self) -> io::Result<u64> {
        Ok(clock_ns(libc::CLOCK_PROCESS_CPUTIME_ID)? + clock_ns(self.init)?)
    }
}

fn clock_ns(clock: libc::clockid_t) -> io::Result<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for the answer.
    match unsafe { libc::clock_gettime(clock, &mut time) } {
        0 => Ok(time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn a_number_is_found_alone_or_behind_its_key() {
        assert_eq!(number("12345\n", ""), Some(12345));
        assert_eq!(number("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "oom_kill"), Some(3));
        assert_eq!(number("usage_usec 7\nuser_usec 5\n", "usage_usec"), Some(7));
        assert_eq!(number("max", ""), None);
        assert_eq!(number("low 0\n", "oom_kill"), None);
    }
}
