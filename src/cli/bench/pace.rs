//! When the jobs of an open loop are due: decided before the first is sent, so that no answer has a say in it.

use std::time::Duration;

use clap::ValueEnum;
use fastrand::Rng;
use serde::Serialize;

/// How arrivals lie in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pacing {
    /// As from many people who know nothing of each other: sometimes several at once, sometimes none
    Poisson,
    /// One every so often
    Even,
}

/// The moments, counted from the start, at which jobs are due. Has no end of its own.
#[derive(Debug)]
pub struct Arrivals {
    pacing: Pacing,
    per_second: f64,
    random: Rng,
    /// Jobs so far.
    count: u32,
    /// The last moment, in seconds.
    last: f64,
}

impl Arrivals {
    pub fn new(pacing: Pacing, per_second: f64, seed: u64) -> Self {
        Self { pacing, per_second, random: Rng::with_seed(seed), count: 0, last: 0.0 }
    }
}

impl Iterator for Arrivals {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        self.last = match self.pacing {
            // From the count, not from the one before: errors of rounding would add up.
            Pacing::Even => f64::from(self.count) / self.per_second,
            // 1 less a number below 1 is never 0, of which there is no logarithm.
            Pacing::Poisson => self.last - (1.0 - self.random.f64()).ln() / self.per_second,
        };
        self.count += 1;
        Duration::try_from_secs_f64(self.last).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(pacing: Pacing, seed: u64, until_s: f64) -> Vec<f64> {
        let arrivals = Arrivals::new(pacing, 100.0, seed).map(|due| due.as_secs_f64());
        arrivals.take_while(|due| *due < until_s).collect()
    }

    #[test]
    fn even_arrivals_begin_at_once_and_keep_their_distance() {
        assert_eq!(first(Pacing::Even, 1, 0.045), [0.0, 0.01, 0.02, 0.03, 0.04]);
    }

    #[test]
    fn poisson_arrivals_have_the_rate_and_the_spread_of_their_name() {
        let due = first(Pacing::Poisson, 1, 1000.0);
        let gaps: Vec<f64> = due.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 100.0 - 1.0).abs() < 0.02, "{mean}");
        // An exponential distribution has its mean as its deviation.
        assert!((variance.sqrt() / mean - 1.0).abs() < 0.02, "{variance}");
        assert!(gaps.iter().all(|gap| *gap >= 0.0));
    }

    #[test]
    fn a_seed_gives_the_same_arrivals_again_and_another_one_others() {
        assert_eq!(first(Pacing::Poisson, 7, 1.0), first(Pacing::Poisson, 7, 1.0));
        assert_ne!(first(Pacing::Poisson, 7, 1.0), first(Pacing::Poisson, 8, 1.0));
    }
}
