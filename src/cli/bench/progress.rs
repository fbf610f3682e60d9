//! A line each second, so that whoever waits knows for what: rewritten on a terminal, one below the other elsewhere.

use std::{
    io::{self, IsTerminal, Write},
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use tokio::time::timeout_at;

use super::{drive::lock, tally::Tally};

#[derive(Debug)]
pub struct Progress {
    /// The rate.
    label: String,
    start: Instant,
    duration: Duration,
    /// When the next line is due.
    next: Instant,
    is_terminal: bool,
}

const PERIOD: Duration = Duration::from_secs(1);
/// Back to the first column, and away with what stands there.
const REWRITE: &str = "\r\x1b[K";

impl Progress {
    pub fn new(label: String, start: Instant, duration: Duration) -> Self {
        Self { label, start, duration, next: start + PERIOD, is_terminal: io::stderr().is_terminal() }
    }

    pub fn sleep_until(&mut self, moment: Instant, tally: &Mutex<Tally>) {
        loop {
            thread::sleep(moment.min(self.next).saturating_duration_since(Instant::now()));
            self.tell(tally);
            if moment <= Instant::now() {
                return;
            }
        }
    }

    pub async fn watch(&mut self, end: impl Future<Output = ()>, tally: &Mutex<Tally>) {
        tokio::pin!(end);
        while timeout_at(self.next.into(), &mut end).await.is_err() {
            self.tell(tally);
        }
    }

    /// If it is time.
    fn tell(&mut self, tally: &Mutex<Tally>) {
        let now = Instant::now();
        if now < self.next {
            return;
        }
        // Not one period after the last: what was missed is not made up for.
        self.next = now + PERIOD;
        let line = self.line(now - self.start, &lock(tally));
        // Nobody may be there to see it, which is no reason to stop.
        let _ = if self.is_terminal {
            write!(io::stderr(), "{REWRITE}{line}").and_then(|()| io::stderr().flush())
        } else {
            writeln!(io::stderr(), "{line}")
        };
    }

    fn line(&self, elapsed: Duration, tally: &Tally) -> String {
        let Self { label, duration, .. } = self;
        let p99 = tally.latency.percentiles().map_or("-".to_owned(), |spread| format!("{:.1} ms", spread.p99));
        let clock = if elapsed < *duration {
            format!("{} of {} s", elapsed.as_secs(), duration.as_secs_f64())
        } else {
            format!("{} s, waiting for answers", elapsed.as_secs())
        };
        format!(
            "{label}: {clock}: due {}, ok {}, refused {}, failed {}, timeouts {}, not sent {}, under way {}, p99 {p99}",
            tally.due,
            tally.ok,
            tally.all_refused(),
            tally.all_failed(),
            tally.timeouts,
            tally.not_sent,
            tally.under_way()
        )
    }
}

/// What comes next on the terminal begins on a line of its own.
impl Drop for Progress {
    fn drop(&mut self) {
        if self.is_terminal {
            eprint!("{REWRITE}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_what_became_of_the_jobs() {
        let progress = Progress::new("5/s".to_owned(), Instant::now(), Duration::from_secs(3));
        let mut tally = Tally { due: 9, not_sent: 2, ok: 4, timeouts: 1, ..Tally::new() };
        tally.refused.insert(503, 1);
        assert_eq!(
            progress.line(Duration::from_millis(2_900), &tally),
            "5/s: 2 of 3 s: due 9, ok 4, refused 1, failed 0, timeouts 1, not sent 2, under way 1, p99 -"
        );
        let line = progress.line(Duration::from_secs(4), &tally);
        assert!(line.starts_with("5/s: 4 s, waiting for answers: "), "{line}");
    }
}
