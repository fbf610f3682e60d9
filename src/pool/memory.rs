//! How many sandboxes the host has memory for. The budget is a number that somebody wrote down; what is left of the
//! memory is what there is.

use std::fs;

/// An idle sandbox: 3 to 6 MiB of its own, and as much for the process that the engine keeps beside it.
const IDLE_COST: u64 = 12 << 20;

/// `least`: with fewer there would be no getting on at all, and what that costs was decided with the run slots.
pub fn allowed(configured: usize, least: usize, on_host: usize, available: u64, reserve: u64) -> usize {
    // What is on the host is in what is not available any more.
    let more = usize::try_from(available.saturating_sub(reserve) / IDLE_COST).unwrap_or(usize::MAX);
    let least = least.min(configured);
    // Over the reserve, idle ones go until it is there again.
    let lacking = usize::try_from(reserve.saturating_sub(available).div_ceil(IDLE_COST)).unwrap_or(usize::MAX);
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

    #[test]
    fn the_budget_is_what_was_configured_where_there_is_memory_for_it() {
        assert_eq!(allowed(64, 3, 10, 8 * GIB, GIB), 64);
    }

    #[test]
    fn it_is_less_where_there_is_none_and_never_too_little_to_work() {
        assert_eq!(allowed(64, 3, 10, GIB + 5 * IDLE_COST, GIB), 15);
        assert_eq!(allowed(64, 3, 10, GIB - 4 * IDLE_COST, GIB), 6);
        assert_eq!(allowed(64, 3, 10, 0, GIB), 3);
        assert_eq!(allowed(2, 3, 0, 0, GIB), 2);
    }

    #[test]
    fn the_kernel_says_what_is_available() {
        assert_eq!(parse("MemTotal: 9 kB\nMemAvailable:   2048 kB\n"), Some(2 << 20));
        assert_eq!(parse("MemTotal: 9 kB\n"), None);
        assert!(available().is_some_and(|bytes| bytes > 0));
    }
}
