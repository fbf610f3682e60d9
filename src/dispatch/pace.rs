//! How fast the line moves, and so how long a wait will be.

use std::time::Duration;

use tokio::time::Instant;

/// The mean time from one beginning to the next while somebody waits. Run slots and the making of sandboxes both bound
/// it, and it need not know which.
#[derive(Debug, Default)]
pub struct Pace {
    /// When the last one began, if somebody has waited ever since.
    since: Option<Instant>,
    mean: Option<Mean>,
}

#[derive(Debug, Clone, Copy)]
struct Mean {
    step: Duration,
    at: Instant,
}

/// Of a new sample in the mean: a change is followed within some ten beginnings.
const WEIGHT: f64 = 0.2;

/// What was seen longer ago says nothing: the machine may have been ill.
const FRESH: Duration = Duration::from_secs(10);

impl Pace {
    /// One has begun. `is_waited`: others still wait.
    pub fn begun(&mut self, now: Instant, is_waited: bool) {
        if let Some(since) = self.since {
            let step = now - since;
            let step = match self.fresh(now) {
                Some(mean) => mean.step.mul_f64(1.0 - WEIGHT) + step.mul_f64(WEIGHT),
                None => step,
            };
            self.mean = Some(Mean { step, at: now });
        }
        self.since = is_waited.then_some(now);
    }

    /// Nobody waits any more: the time until the next beginning says nothing about how fast it could have been.
    pub fn emptied(&mut self) {
        self.since = None;
    }

    /// How long somebody will wait who has so many ahead; none if nothing is known of late.
    pub fn wait(&self, ahead: usize, now: Instant) -> Option<Duration> {
        let step = self.fresh(now)?.step;
        let passed = self.since.map_or(Duration::ZERO, |since| now - since);
        // A line that stands still is slower than it was.
        Some(step.max(passed) * u32::try_from(ahead).unwrap_or(u32::MAX) + step.saturating_sub(passed))
    }

    fn fresh(&self, now: Instant) -> Option<Mean> {
        // In a line that stands still it is all there is.
        self.mean.filter(|mean| self.since.is_some() || now - mean.at < FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: Duration = Duration::from_millis(100);

    fn moving(start: Instant) -> Pace {
        let mut pace = Pace::default();
        for number in 0..20 {
            pace.begun(start + STEP * number, true);
        }
        pace
    }

    #[test]
    fn a_wait_is_so_many_steps() {
        let start = Instant::now();
        let last = start + STEP * 19;
        let pace = moving(start);
        assert_eq!(pace.wait(0, last), Some(STEP));
        assert_eq!(pace.wait(5, last), Some(6 * STEP));
        assert_eq!(pace.wait(5, last + STEP / 2), Some(5 * STEP + STEP / 2));
    }

    #[test]
    fn nothing_is_known_before_anybody_waited_nor_long_after() {
        let start = Instant::now();
        let mut pace = Pace::default();
        pace.begun(start, false);
        pace.begun(start + STEP, false);
        assert_eq!(pace.wait(5, start + STEP), None);
        let mut pace = moving(start);
        assert!(pace.wait(5, start + STEP * 19 + FRESH).is_some_and(|wait| wait >= 5 * FRESH));
        pace.emptied();
        assert_eq!(pace.wait(5, start + STEP * 19 + FRESH), None);
    }

    #[test]
    fn a_line_that_stands_still_grows_longer() {
        let start = Instant::now();
        let pace = moving(start);
        let stuck = start + STEP * 19 + 10 * STEP;
        assert_eq!(pace.wait(3, stuck), Some(30 * STEP));
    }

    #[test]
    fn a_pause_without_anybody_waiting_is_no_step() {
        let start = Instant::now();
        let mut pace = moving(start);
        pace.emptied();
        let later = start + STEP * 19 + Duration::from_secs(5);
        pace.begun(later, true);
        assert_eq!(pace.wait(0, later), Some(STEP));
    }
}
