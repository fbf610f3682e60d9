//! How many sandboxes the host has memory for. The budget is a number that somebody wrote down; what is left of the
//! memory is what there is.

use std::{collections::VecDeque, fs};

/// What an idle sandbox takes, by what those that came up last took.
#[derive(Debug, Default)]
pub struct IdleCost {
    last: VecDeque<u64>,
}

/// Fewer and one sandbox counts for all; more and a new image is noticed late.
const SANDBOXES: usize = 64;

/// Before there was one, and where the host cannot see them: more than most take.
const UNKNOWN: u64 = 8 << 20;

/// What the engine keeps beside each: its shim takes 3.2 MiB that it shares with nobody (measured, containerd 1.6).
const BESIDE: u64 = 4 << 20;

impl IdleCost {
    /// One came up, and takes so much.
    pub fn add(&mut self, bytes: u64) {
        if self.last.len() == SANDBOXES {
            self.last.pop_front();
        }
        self.last.push_back(bytes);
    }

    /// Of one, with what goes with it: the mean, since it is reckoned for many.
    pub fn bytes(&self) -> u64 {
        let sum: u64 = self.last.iter().sum();
        sum.checked_div(self.last.len() as u64).unwrap_or(UNKNOWN) + BESIDE
    }
}

/// `cost`: of an idle one, not 0. `least`: with fewer there would be no getting on at all, and what that costs was decided with the run slots.
pub fn allowed(configured: usize, least: usize, on_host: usize, available: u64, reserve: u64, cost: u64) -> usize {
    // What is on the host is in what is not available any more.
    let more = usize::try_from(available.saturating_sub(reserve) / cost).unwrap_or(usize::MAX);
    let least = least.min(configured);
    // Over the reserve, idle ones go until it is there again.
    let lacking = usize::try_from(reserve.saturating_sub(available).div_ceil(cost)).unwrap_or(usize::MAX);
    on_host.saturating_add(more).saturating_sub(lacking).clamp(least, configured)
}

/// What new programs can have without others being swapped out, as the kernel estimates it.
pub fn available() -> Option<u64> {
    parse(&fs::read_to_string("/proc/meminfo").ok()?)
}

fn parse(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const COST: u64 = 12 << 20;

    #[test]
    fn the_cost_of_an_idle_one_is_measured() {
        let mut cost = IdleCost::default();
        assert_eq!(cost.bytes(), UNKNOWN + BESIDE);
        cost.add(2 << 20);
        cost.add(4 << 20);
        assert_eq!(cost.bytes(), (3 << 20) + BESIDE);
        (0..SANDBOXES).for_each(|_| cost.add(16 << 20));
        assert_eq!(cost.bytes(), (16 << 20) + BESIDE);
    }

    #[test]
    fn the_budget_is_what_was_configured_where_there_is_memory_for_it() {
        assert_eq!(allowed(64, 3, 10, 8 * GIB, GIB, COST), 64);
    }

    #[test]
    fn it_is_less_where_there_is_none_and_never_too_little_to_work() {
        assert_eq!(allowed(64, 3, 10, GIB + 5 * COST, GIB, COST), 15);
        assert_eq!(allowed(64, 3, 10, GIB - 4 * COST, GIB, COST), 6);
        assert_eq!(allowed(64, 3, 10, 0, GIB, COST), 3);
        assert_eq!(allowed(2, 3, 0, 0, GIB, COST), 2);
    }

    #[test]
    fn the_kernel_says_what_is_available() {
        assert_eq!(parse("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(parse("MemTotal: 9 kB\n"), None);
        assert!(available().is_some_and(|bytes| bytes > 0));
    }
}
