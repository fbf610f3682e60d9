//! What a soak counted.

use std::{
    collections::BTreeMap,
    fs,
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{Plan, work::End};

/// What the service's process holds at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Holdings {
    memory_kib: u64,
    descriptors: u64,
}

/// Counts while the soak goes on.
pub struct Report {
    since: Instant,
    ends: Mutex<BTreeMap<&'static str, BTreeMap<String, usize>>>,
    /// What was wrong or lost, in words.
    faults: Mutex<Vec<String>>,
    mischief: Mutex<BTreeMap<&'static str, usize>>,
    holdings: Mutex<Vec<Holdings>>,
}

pub struct Figures {
    plan: Plan,
    took: Duration,
    /// By kind of job, then by what came of it.
    ends: BTreeMap<&'static str, BTreeMap<String, usize>>,
    mischief: BTreeMap<&'static str, usize>,
    holdings: Vec<Holdings>,
    leaked: usize,
    faults: Vec<String>,
}

/// In words, of all that may go wrong the same way.
const MOST_FAULTS: usize = 50;

/// Samples before this share of the soak belong to the warm-up: one in so many.
const WARM_UP: usize = 10;

/// By how much the last quarter may hold more than the first before it is a leak: what an allocator keeps after a few
/// answers of some megabytes, and what clients that just came have open.
const MORE_MEMORY_KIB: u64 = 16 << 10;
const MORE_DESCRIPTORS: u64 = 16;

impl Holdings {
    pub fn of(pid: u32) -> Option<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let memory =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse().ok());
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Some(Self { memory_kib: memory?, descriptors })
    }
}

impl Default for Report {
    fn default() -> Self {
        Self {
            since: Instant::now(),
            ends: Mutex::default(),
            faults: Mutex::default(),
            mischief: Mutex::default(),
            holdings: Mutex::default(),
        }
    }
}

impl Report {
    pub fn heard(&self, work: &'static str, end: End) {
        let (word, fault) = match end {
            End::Right => ("as expected".to_owned(), None),
            End::Disturbed(word) => (word, None),
            End::Wrong(answer) => ("wrong".to_owned(), Some(answer)),
            End::Lost(error) => ("lost".to_owned(), Some(error)),
        };
        if let Some(fault) = fault {
            let at = self.since.elapsed().as_secs();
            self.faults.lock().unwrap().push(format!("{at} s, {work}, {word}: {fault}"));
        }
        *self.ends.lock().unwrap().entry(work).or_default().entry(word).or_default() += 1;
    }

    pub fn did(&self, mischief: &'static str) {
        *self.mischief.lock().unwrap().entry(mischief).or_default() += 1;
    }

    /// Nothing, when the process could not be looked at.
    pub fn saw(&self, holdings: Option<Holdings>) {
        self.holdings.lock().unwrap().extend(holdings);
    }

    pub fn end(self, plan: Plan, leaked: usize, panics: usize, slots: u64) -> Figures {
        let mut faults = self.faults.into_inner().unwrap();
        faults.truncate(MOST_FAULTS);
        if leaked > 0 {
            faults.push(format!("{leaked} sandboxes or processes too many or too few were left"));
        }
        if panics > 0 {
            faults.push(format!("the service panicked {panics} times"));
        }
        if slots > 0 {
            faults.push(format!("{slots} run slots were never given back"));
        }
        let figures = Figures {
            plan,
            took: self.since.elapsed(),
            ends: self.ends.into_inner().unwrap(),
            mischief: self.mischief.into_inner().unwrap(),
            holdings: self.holdings.into_inner().unwrap(),
            leaked,
            faults,
        };
        figures.checked()
    }
}

impl Figures {
    /// What broke a promise, in words; nothing after a good soak.
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    pub fn count(&self, word: &str) -> usize {
        self.ends.values().filter_map(|ends| ends.get(word)).sum()
    }

    fn answered(&self) -> usize {
        self.ends.values().flat_map(BTreeMap::values).sum::<usize>() - self.count("lost")
    }

    fn checked(mut self) -> Self {
        let unanswered = self.plan.jobs - self.answered();
        if unanswered > 0 {
            self.faults.push(format!("{unanswered} requests have no answer"));
        }
        let [memory, descriptors] = self.growth();
        if memory.1 > memory.0 + MORE_MEMORY_KIB {
            self.faults.push(format!("the service's memory grew from {} to {} KiB", memory.0, memory.1));
        }
        if descriptors.1 > descriptors.0 + MORE_DESCRIPTORS {
            self.faults.push(format!("the service's open files grew from {} to {}", descriptors.0, descriptors.1));
        }
        self
    }

    /// Medians of the first quarter after the warm-up and of the last: memory in KiB, and open files.
    fn growth(&self) -> [(u64, u64); 2] {
        let steady = &self.holdings[self.holdings.len() / WARM_UP..];
        let quarter = steady.len().div_ceil(4);
        let (first, last) = (&steady[..quarter], &steady[steady.len() - quarter..]);
        [|one: &Holdings| one.memory_kib, |one: &Holdings| one.descriptors]
            .map(|of| (median(first, of), median(last, of)))
    }

    pub fn table(&self) -> String {
        let took = self.took.as_secs_f64();
        let jobs = self.plan.jobs;
        let mut lines = vec![format!("{jobs} jobs in {took:.0} s, {:.1} a second", jobs as f64 / took)];
        let words: std::collections::BTreeSet<_> = self.ends.values().flat_map(BTreeMap::keys).collect();
        let head: String = words.iter().map(|word| format!("{word:>20}")).collect();
        lines.push(format!("{:<26}{:>8}{head}", "", "sent"));
        let sum = |ends: &BTreeMap<String, usize>| ends.values().sum::<usize>();
        for (work, ends) in &self.ends {
            let cells: String =
                words.iter().map(|word| format!("{:>20}", ends.get(*word).copied().unwrap_or(0))).collect();
            lines.push(format!("{work:<26}{:>8}{cells}", sum(ends)));
        }
        let cells: String = words.iter().map(|word| format!("{:>20}", self.count(word))).collect();
        lines.push(format!("{:<26}{jobs:>8}{cells}", "all"));
        let (lost, wrong) = (self.count("lost"), self.count("wrong"));
        lines.push(format!("answered {}, lost {lost}, wrong {wrong}, leaked {}", self.answered(), self.leaked));
        lines.extend(self.mischief.iter().map(|(kind, times)| format!("{times:>5} times: {kind}")));
        let [memory, descriptors] = self.growth();
        let quarters = "medians of the first quarter after the warm-up, and of the last";
        lines.push(format!("the service's memory: {} and {} KiB ({quarters})", memory.0, memory.1));
        lines.push(format!("its open files: {} and {}", descriptors.0, descriptors.1));
        lines.extend(self.faults.iter().map(|fault| format!("FAULT {fault}")));
        lines.join("\n")
    }

    pub fn json(&self) -> Value {
        let [memory, descriptors] = self.growth();
        let samples: Vec<_> = self.holdings.iter().map(|one| json!([one.memory_kib, one.descriptors])).collect();
        json!({
            "jobs": self.plan.jobs,
            "between_mischief_ms": self.plan.between.as_millis() as u64,
            "seconds": self.took.as_secs_f64(),
            "answered": self.answered(),
            "lost": self.count("lost"),
            "wrong": self.count("wrong"),
            "leaked": self.leaked,
            "ends": self.ends,
            "mischief": self.mischief,
            "memory_kib": {"first_quarter": memory.0, "last_quarter": memory.1},
            "open_files": {"first_quarter": descriptors.0, "last_quarter": descriptors.1},
            "samples_memory_kib_and_open_files": samples,
            "faults": self.faults,
        })
    }
}

fn median(of: &[Holdings], figure: impl Fn(&Holdings) -> u64) -> u64 {
    let mut all: Vec<_> = of.iter().map(figure).collect();
    all.sort_unstable();
    all.get(all.len() / 2).copied().unwrap_or(0)
}
