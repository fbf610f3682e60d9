//! `Server-Timing`: where the time of an answer went, for whoever looks at its head only, a browser's developer tools
//! above all. <https://www.w3.org/TR/server-timing/>

use std::time::Duration;

use axum::{
    http::{HeaderName, HeaderValue},
    response::Response,
};

use crate::job::{Claim, Timing};

const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

pub fn with_timing(mut response: Response, timing: &Timing, claim: Claim) -> Response {
    if let Ok(value) = HeaderValue::try_from(header(timing, claim)) {
        response.headers_mut().insert(SERVER_TIMING, value);
    }
    response
}

fn header(timing: &Timing, claimed: Claim) -> String {
    let Timing { queue, claim, compile, run, total } = *timing;
    let parts = [
        format!("queue;dur={}", ms(queue)),
        format!("claim;dur={};desc=\"{}\"", ms(claim), name(claimed)),
        format!("compile;dur={}", ms(compile)),
        format!("run;dur={}", ms(run)),
        format!("overhead;dur={}", ms(timing.overhead())),
        format!("total;dur={}", ms(total)),
    ];
    parts.join(", ")
}

/// Milliseconds to the microsecond: more digits would be noise.
pub fn ms(duration: Duration) -> f64 {
    (duration.as_nanos() as f64 / 1e3).round() / 1e3
}

pub fn name(claim: Claim) -> &'static str {
    match claim {
        Claim::Warm => "warm",
        Claim::Late => "late",
        Claim::Cold => "cold",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_the_whole_are_told_and_where_the_sandbox_came_from() {
        let ms = Duration::from_millis;
        let timing = Timing { queue: ms(1), claim: ms(2), compile: ms(3), run: ms(4), total: ms(15) };
        let expected = "queue;dur=1, claim;dur=2;desc=\"late\", compile;dur=3, run;dur=4, overhead;dur=8, total;dur=15";
        assert_eq!(header(&timing, Claim::Late), expected);
    }

    #[test]
    fn milliseconds_have_three_decimals_at_most() {
        assert_eq!(ms(Duration::from_nanos(1_234_567)), 1.235);
        assert_eq!(serde_json::to_string(&ms(Duration::from_nanos(100_100_499))).unwrap(), "100.1");
    }
}
