//! Chance that is the same every time: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
//! 2014). Good enough for arrivals, and for nothing that has to be secret.

#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// At least 0 and less than 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The time to the next of events that come by chance, so far apart on average.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// One of them, each as likely as its weight says.
    pub fn pick(&mut self, weights: &[f64]) -> usize {
        let mut left = self.unit() * weights.iter().sum::<f64>();
        for (index, weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.len() - 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_all_and_the_means_are_right() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            Vec::from_iter((0..10_000).map(|_| random.exponential(2.0)))
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
        let mean = draw(1).iter().sum::<f64>() / 10_000.0;
        assert!((1.95..2.05).contains(&mean), "{mean}");
    }

    #[test]
    fn what_weighs_more_is_picked_more_often() {
        let mut random = Random::new(1);
        let picked = (0..1000).filter(|_| random.pick(&[1.0, 3.0]) == 1).count();
        assert!((700..800).contains(&picked), "{picked}");
    }
}
