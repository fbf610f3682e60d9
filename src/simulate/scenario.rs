//! What comes when: the shapes of load that a judge sees.

use std::f64::consts::TAU;

use super::random::Random;

/// Everything that happens from outside, and the machine it happens to.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    pub name: String,
    pub languages: Vec<Language>,
    /// In the order of their times.
    pub arrivals: Vec<Arrival>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Language {
    pub name: String,
    /// Ready sandboxes to keep at all times.
    pub size: usize,
}

/// Times in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    pub at: f64,
    /// Which of the scenario's languages.
    pub language: usize,
    /// Processor time that its program needs.
    pub cpu: f64,
    /// How long it can wait.
    pub patience: f64,
}

/// The scenarios that come with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Five jobs a second, by chance, for ten minutes.
    Steady,
    /// Half a job a second, and 25 a second for the eight seconds after a contest has begun.
    Contest,
    /// Now and then some seconds of fifteen jobs a second, as classes and scripts send them.
    Bursts,
    /// One language has nothing to do for minutes and then twenty jobs at once, beside others that are always busy.
    Rare,
    /// Three hundred old submissions are judged again, which can wait, while new ones come, which cannot.
    Rejudge,
    /// Two days, an hour long each, from none to four jobs a second.
    Diurnal,
}

const INTERACTIVE: f64 = 60.0;
const BATCH: f64 = 3600.0;

impl Kind {
    pub const ALL: [Self; 6] = [Self::Steady, Self::Contest, Self::Bursts, Self::Rare, Self::Rejudge, Self::Diurnal];

    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Contest => "contest",
            Self::Bursts => "bursts",
            Self::Rare => "rare",
            Self::Rejudge => "rejudge",
            Self::Diurnal => "diurnal",
        }
    }

    pub fn scenario(self, seed: u64) -> Scenario {
        let mut tape = Tape { random: Random::new(seed), arrivals: Vec::new() };
        let (names, weights): (&[&str], &[f64]) = match self {
            Self::Rare => (&["python", "c", "java"], &[0.6, 0.4, 0.0]),
            Self::Steady | Self::Contest | Self::Bursts | Self::Rejudge | Self::Diurnal => {
                (&["python", "c", "java"], &[0.5, 0.4, 0.1])
            }
        };
        match self {
            Self::Steady => tape.poisson(0.0, 600.0, weights, |_| 5.0, 5.0),
            Self::Contest => {
                tape.poisson(0.0, 300.0, weights, |_| 0.5, 0.5);
                tape.poisson(300.0, 308.0, weights, |_| 25.0, 25.0);
                tape.poisson(308.0, 600.0, weights, |_| 0.5, 0.5);
            }
            Self::Bursts => {
                let mut at = 0.0;
                while at < 1800.0 {
                    let (calm, burst) = (tape.random.exponential(60.0), tape.random.exponential(4.0));
                    tape.poisson(at, at + calm, weights, |_| 0.2, 0.2);
                    tape.poisson(at + calm, at + calm + burst, weights, |_| 15.0, 15.0);
                    at += calm + burst;
                }
            }
            Self::Rare => {
                tape.poisson(0.0, 1800.0, weights, |_| 2.0, 2.0);
                for burst in 1..=3 {
                    let at = 540.0 * f64::from(burst);
                    tape.poisson(at, at + 2.0, &[0.0, 0.0, 1.0], |_| 10.0, 10.0);
                }
            }
            Self::Rejudge => {
                tape.poisson(0.0, 300.0, weights, |_| 1.0, 1.0);
                for _ in 0..300 {
                    tape.job(60.0, weights, BATCH);
                }
            }
            Self::Diurnal => {
                tape.poisson(0.0, 7200.0, weights, |at| 2.0 - 2.0 * (at * TAU / 3600.0).cos(), 4.0);
            }
        }
        tape.arrivals.sort_by(|one, other| one.at.total_cmp(&other.at));
        let languages = names.iter().map(|name| Language { name: (*name).to_owned(), size: 4 }).collect();
        Scenario { name: self.name().to_owned(), languages, arrivals: tape.arrivals }
    }
}

struct Tape {
    random: Random,
    arrivals: Vec<Arrival>,
}

impl Tape {
    /// Jobs by chance, `rate` a second and never more than `most`.
    fn poisson(&mut self, from: f64, to: f64, weights: &[f64], rate: impl Fn(f64) -> f64, most: f64) {
        let mut at = from;
        loop {
            at += self.random.exponential(1.0 / most);
            if at >= to {
                return;
            }
            if self.random.unit() * most < rate(at) {
                self.job(at, weights, INTERACTIVE);
            }
        }
    }

    /// Short programs are common and long ones are not: 20 ms for an interpreter or a compiler to do anything at all, and
    /// 40 ms on top on average.
    fn job(&mut self, at: f64, weights: &[f64], patience: f64) {
        let language = self.random.pick(weights);
        let cpu = 0.02 + self.random.exponential(0.04);
        self.arrivals.push(Arrival { at, language, cpu, patience });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_in_order_the_same_each_time_and_as_dense_as_it_says() {
        for kind in Kind::ALL {
            let scenario = kind.scenario(1);
            assert!(scenario.arrivals.is_sorted_by_key(|arrival| arrival.at), "{kind:?}");
            assert_eq!(scenario, kind.scenario(1));
            assert_ne!(scenario, kind.scenario(2));
        }
        let steady = Kind::Steady.scenario(1).arrivals.len() as f64 / 600.0;
        assert!((4.5..5.5).contains(&steady), "{steady}");
        let diurnal = Kind::Diurnal.scenario(1).arrivals.len() as f64 / 7200.0;
        assert!((1.9..2.1).contains(&diurnal), "{diurnal}");
    }
}
