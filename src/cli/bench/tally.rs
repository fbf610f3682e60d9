//! What came back, counted. Of bounded size, however many jobs there are.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::wire::SendError;

/// How one job ended, as the client sees it.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    Answered(Answer),
    /// The server is busy, or this client has had its share, and it said so.
    Refused(StatusCode),
    /// With a word for the table of failures.
    Failed(String),
    /// No answer in time; the client hung up.
    TimedOut,
}

/// The part of an answer that is counted: alike for a run and for a judging.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    #[serde(alias = "verdict")]
    status: String,
    claim: Claim,
    timing: Timing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Claim {
    Warm,
    Late,
    Cold,
}

#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
struct Timing {
    overhead_ms: f64,
}

/// When what happened to one job, and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub end: End,
    /// From when it was due until its end.
    pub latency: Duration,
    /// From when it had a connection until its end. None: it never had one.
    pub service: Option<Duration>,
    /// From when it was due until this client began with it: our own fault.
    pub lag: Duration,
    /// Ended before the time of this rate was over.
    pub in_time: bool,
}

/// One rate. Latencies are those of answered jobs and, as the least that they can have been, of those that timed out.
#[derive(Debug)]
pub struct Tally {
    pub due: u64,
    /// Due, but never sent: too many others were under way already.
    pub not_sent: u64,
    pub ok: u64,
    pub ok_in_time: u64,
    pub timeouts: u64,
    pub refused: BTreeMap<u16, u64>,
    pub failures: BTreeMap<String, u64>,
    /// Of answered jobs, by status or verdict.
    pub outcomes: BTreeMap<String, u64>,
    pub claims: Claims,
    pub latency: Spread,
    pub service: Spread,
    /// How long who was refused waited for that, from when it had a connection.
    pub refusal: Spread,
    pub lag: Spread,
    /// As the server told it.
    pub overhead: Spread,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Claims {
    pub warm: u64,
    pub late: u64,
    pub cold: u64,
}

/// Durations as a histogram with three digits: an error of a thousandth at most.
#[derive(Debug)]
pub struct Spread(Histogram<u64>);

/// Milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// An hour in microseconds: no timeout is as long.
const LONGEST: u64 = 3_600_000_000;
const DIGITS: u8 = 3;

impl End {
    pub fn of(answer: Result<(StatusCode, impl AsRef<[u8]>), SendError>) -> Self {
        let (status, body) = match answer {
            Ok(answer) => answer,
            Err(error) => return Self::Failed(error.to_string()),
        };
        match status {
            StatusCode::OK => match serde_json::from_slice::<Answer>(body.as_ref()) {
                // No word about the program: the sandbox was lost.
                Ok(answer) if matches!(answer.status.as_str(), "sandbox_error" | "judge_error") => {
                    Self::Failed(answer.status)
                }
                Ok(answer) => Self::Answered(answer),
                Err(_) => Self::Failed("an answer that is not understood".to_owned()),
            },
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => Self::Refused(status),
            _ => Self::Failed(format!("status {}", status.as_u16())),
        }
    }
}

impl Tally {
    pub fn new() -> Self {
        Self {
            due: 0,
            not_sent: 0,
            ok: 0,
            ok_in_time: 0,
            timeouts: 0,
            refused: BTreeMap::new(),
            failures: BTreeMap::new(),
            outcomes: BTreeMap::new(),
            claims: Claims::default(),
            latency: Spread::new(),
            service: Spread::new(),
            refusal: Spread::new(),
            lag: Spread::new(),
            overhead: Spread::new(),
        }
    }

    pub fn add(&mut self, sample: Sample) {
        let Sample { end, latency, service, lag, in_time } = sample;
        self.lag.add(lag);
        match end {
            End::Answered(Answer { status, claim, timing: Timing { overhead_ms } }) => {
                self.ok += 1;
                self.ok_in_time += u64::from(in_time);
                *self.outcomes.entry(status).or_default() += 1;
                self.claims.add(claim);
                self.overhead.add(Duration::try_from_secs_f64(overhead_ms / 1e3).unwrap_or_default());
                self.latency.add(latency);
                service.into_iter().for_each(|service| self.service.add(service));
            }
            End::Refused(status) => {
                *self.refused.entry(status.as_u16()).or_default() += 1;
                service.into_iter().for_each(|service| self.refusal.add(service));
            }
            End::Failed(why) => *self.failures.entry(why).or_default() += 1,
            End::TimedOut => {
                self.timeouts += 1;
                self.latency.add(latency);
                service.into_iter().for_each(|service| self.service.add(service));
            }
        }
    }

    pub fn all_refused(&self) -> u64 {
        self.refused.values().sum()
    }

    pub fn all_failed(&self) -> u64 {
        self.failures.values().sum()
    }

    pub fn under_way(&self) -> u64 {
        self.due - self.not_sent - self.ok - self.timeouts - self.all_refused() - self.all_failed()
    }
}

impl Claims {
    fn add(&mut self, claim: Claim) {
        *match claim {
            Claim::Warm => &mut self.warm,
            Claim::Late => &mut self.late,
            Claim::Cold => &mut self.cold,
        } += 1;
    }

    /// None when there was no claim at all.
    pub fn warm_share(self) -> Option<f64> {
        let Self { warm, late, cold } = self;
        let all = warm + late + cold;
        (all > 0).then(|| warm as f64 / all as f64)
    }
}

impl Spread {
    fn new() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, DIGITS).expect("the bounds are constants that fit"))
    }

    fn add(&mut self, duration: Duration) {
        self.0.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(LONGEST));
    }

    /// None when nothing was added.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let at = |percentile| self.0.value_at_percentile(percentile) as f64 / 1e3;
        let max = self.0.max() as f64 / 1e3;
        (!self.0.is_empty()).then(|| Percentiles { p50: at(50.0), p90: at(90.0), p99: at(99.0), p999: at(99.9), max })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn answer(body: serde_json::Value) -> End {
        End::of(Ok((StatusCode::OK, body.to_string())))
    }

    fn hello(claim: &str) -> End {
        answer(json!({"status": "ok", "claim": claim, "timing": {"overhead_ms": 2.5}, "id": "x"}))
    }

    fn sample(end: End, ms: u64) -> Sample {
        let took = Duration::from_millis(ms);
        Sample { end, latency: took, service: Some(took / 2), lag: Duration::ZERO, in_time: true }
    }

    #[test]
    fn an_answer_is_told_from_a_refusal_and_both_from_a_failure() {
        assert!(matches!(hello("warm"), End::Answered(_)));
        let judged = json!({"verdict": "wrong_answer", "claim": "cold", "timing": {"overhead_ms": 1}});
        assert!(matches!(answer(judged), End::Answered(Answer { status, .. }) if status == "wrong_answer"));
        let lost = json!({"status": "sandbox_error", "claim": "warm", "timing": {"overhead_ms": 1}});
        assert_eq!(answer(lost), End::Failed("sandbox_error".to_owned()));
        assert_eq!(answer(json!({})), End::Failed("an answer that is not understood".to_owned()));
        for (status, end) in [
            (StatusCode::SERVICE_UNAVAILABLE, End::Refused(StatusCode::SERVICE_UNAVAILABLE)),
            (StatusCode::TOO_MANY_REQUESTS, End::Refused(StatusCode::TOO_MANY_REQUESTS)),
            (StatusCode::INTERNAL_SERVER_ERROR, End::Failed("status 500".to_owned())),
        ] {
            assert_eq!(End::of(Ok((status, "{}"))), end);
        }
    }

    #[test]
    fn every_job_is_counted_once_whatever_became_of_it() {
        let mut tally = Tally { due: 7, not_sent: 1, ..Tally::new() };
        tally.add(sample(hello("warm"), 10));
        tally.add(Sample { in_time: false, ..sample(hello("late"), 20) });
        tally.add(sample(End::Refused(StatusCode::SERVICE_UNAVAILABLE), 1));
        tally.add(sample(End::Failed("status 500".to_owned()), 1));
        tally.add(sample(End::TimedOut, 1000));
        assert_eq!((tally.ok, tally.ok_in_time, tally.timeouts), (2, 1, 1));
        assert_eq!((tally.all_refused(), tally.all_failed(), tally.under_way()), (1, 1, 1));
        assert_eq!(tally.outcomes, BTreeMap::from([("ok".to_owned(), 2)]));
        assert_eq!(tally.claims.warm_share(), Some(0.5));
    }

    #[test]
    fn who_waited_in_vain_is_in_the_percentiles_and_who_was_refused_is_not() {
        let mut tally = Tally::new();
        (0..98).for_each(|_| tally.add(sample(hello("warm"), 10)));
        (0..2).for_each(|_| tally.add(sample(End::TimedOut, 1000)));
        (0..900).for_each(|_| tally.add(sample(End::Refused(StatusCode::SERVICE_UNAVAILABLE), 1)));
        let Percentiles { p50, p99, max, .. } = tally.latency.percentiles().unwrap();
        assert!((p50 - 10.0).abs() < 0.02 && (p99 - 1000.0).abs() < 2.0 && (max - 1000.0).abs() < 2.0, "{p50} {p99}");
    }

    #[test]
    fn nothing_seen_is_no_percentile_and_no_share() {
        assert!(Tally::new().latency.percentiles().is_none() && Claims::default().warm_share().is_none());
    }
}
