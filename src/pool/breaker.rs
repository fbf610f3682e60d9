//! Keeps a language whose sandboxes do not come up from being tried without end.

use std::time::{Duration, Instant};

/// Failures in a row that are still taken for bad luck.
const TOLERANCE: u32 = 3;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longer and a daemon that came back is noticed late.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Decides nothing by itself: told of each boot's end, asked before the next.
#[derive(Debug, Default, Clone, Copy)]
pub struct Breaker {
    failures: u32,
    retry_at: Option<Instant>,
}

impl Breaker {
    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    pub fn failed(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= TOLERANCE {
            let doublings = (self.failures - TOLERANCE).min(8);
            self.retry_at = Some(now + (FIRST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE));
        }
    }

    /// Open: boots fail, and requests are not to wait for one.
    pub fn is_open(&self) -> bool {
        self.retry_at.is_some()
    }

    /// How many boots may be under way at once: one, once an open breaker's pause is over.
    pub fn may_try(&self, now: Instant) -> usize {
        match self.retry_at {
            None => usize::MAX,
            Some(at) => usize::from(now >= at),
        }
    }

    pub fn pause_left(&self, now: Instant) -> Duration {
        self.retry_at.map_or(Duration::ZERO, |at| at.saturating_duration_since(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_three_failures_lets_one_try_and_closes_on_success() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        breaker.failed(now);
        breaker.failed(now);
        assert!(!breaker.is_open());
        breaker.failed(now);
        assert!(breaker.is_open());
        assert_eq!(breaker.may_try(now), 0);
        assert_eq!(breaker.may_try(now + FIRST_PAUSE), 1);
        breaker.failed(now + FIRST_PAUSE);
        assert_eq!(breaker.pause_left(now + FIRST_PAUSE), 2 * FIRST_PAUSE);
        breaker.succeeded();
        assert_eq!(breaker.may_try(now), usize::MAX);
    }

    #[test]
    fn the_pause_has_an_end() {
        let now = Instant::now();
        let mut breaker = Breaker::default();
        for _ in 0..100 {
            breaker.failed(now);
        }
        assert_eq!(breaker.pause_left(now), LONGEST_PAUSE);
    }
}
