//! What became of a scenario: one row of the table.

use super::{brain::Brain, scenario::Arrival};

/// Times in seconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub brain: Brain,
    pub jobs: usize,
    /// Gave up before there was a sandbox.
    pub gave_up: usize,
    /// Jobs whose turn came and for which there was no sandbox.
    pub misses: usize,
    /// From coming to running.
    pub wait_p50: f64,
    pub wait_p99: f64,
    /// How many times longer than alone a program ran, since it shared the processors.
    pub stretch_mean: f64,
    pub stretch_p99: f64,
    /// Processor time for making and removing sandboxes.
    pub upkeep: f64,
    /// The most that were ready at once.
    pub shelf: usize,
    /// How far the shelves were drawn down from there.
    pub drawn: usize,
    fewest: usize,
}

/// What one job felt.
#[derive(Debug, Clone, Copy, Default)]
pub struct Felt {
    pub start: Option<f64>,
    pub end: Option<f64>,
    pub missed: bool,
    pub gave_up: bool,
}

impl Outcome {
    pub fn new(brain: Brain, ready: usize) -> Self {
        Self {
            brain,
            jobs: 0,
            gave_up: 0,
            misses: 0,
            wait_p50: 0.0,
            wait_p99: 0.0,
            stretch_mean: 0.0,
            stretch_p99: 0.0,
            upkeep: 0.0,
            shelf: ready,
            drawn: 0,
            fewest: ready,
        }
    }

    pub fn miss_rate(&self) -> f64 {
        self.misses as f64 / self.jobs.max(1) as f64
    }

    /// So many are ready now.
    pub fn held(&mut self, ready: usize) {
        self.shelf = self.shelf.max(ready);
        self.fewest = self.fewest.min(ready);
        self.drawn = self.shelf - self.fewest;
    }

    pub fn sum_up(&mut self, arrivals: &[Arrival], felt: &[Felt]) {
        let all = arrivals.iter().zip(felt);
        // Who gave up has waited as long as it could.
        let waits = all.clone().map(|(job, felt)| felt.start.map_or(job.patience, |start| start - job.at));
        let stretches = Vec::from_iter(all.filter_map(|(job, felt)| Some((felt.end? - felt.start?) / job.cpu)));
        self.jobs = arrivals.len();
        self.gave_up = felt.iter().filter(|felt| felt.gave_up).count();
        self.misses = felt.iter().filter(|felt| felt.missed).count();
        let waits = Vec::from_iter(waits);
        self.wait_p50 = percentile(&waits, 50);
        self.wait_p99 = percentile(&waits, 99);
        self.stretch_mean = stretches.iter().sum::<f64>() / stretches.len().max(1) as f64;
        self.stretch_p99 = percentile(&stretches, 99);
    }
}

fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_seen() {
        let values = Vec::from_iter((1..=200).map(f64::from));
        assert_eq!((percentile(&values, 50), percentile(&values, 99)), (100.0, 198.0));
        assert_eq!((percentile(&[7.0], 99), percentile(&[], 99)), (7.0, 0.0));
    }

    #[test]
    fn the_shelf_is_measured_by_what_was_taken_from_it() {
        let mut outcome = Outcome::new(Brain::Ours, 10);
        [4, 12, 9].into_iter().for_each(|ready| outcome.held(ready));
        assert_eq!((outcome.shelf, outcome.drawn), (12, 8));
    }
}
