//! What is made of many measurements: pure.

/// The least value that so large a share of them does not exceed; of values in any order.
pub fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.clamp(1, sorted.len().max(1)) - 1).copied().unwrap_or(f64::NAN)
}

pub fn median(values: &[f64]) -> f64 {
    percentile(values, 0.5)
}

/// How far the medians of the rounds lie apart, as a part of the middle one: what the machine did to one and the same work.
pub fn spread(rounds: &[Vec<f64>]) -> f64 {
    let medians = Vec::from_iter(rounds.iter().map(|round| median(round)));
    let (low, high) = medians.iter().fold((f64::INFINITY, 0f64), |(low, high), one| (low.min(*one), high.max(*one)));
    (high - low) / median(&medians)
}
