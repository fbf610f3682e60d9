//! What is wanted of one language: how many requests come, how long a sandbox takes to come up, and what somebody has
//! asked for in advance. Pure: every event brings its own time, so that the service and the simulator count alike.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Arrivals are counted over so long. Shorter and chance is taken for a burst; longer and a burst is over before it shows.
pub const WINDOW: Duration = Duration::from_secs(10);

/// Arrivals are told apart by this, and so the window is this much too long at the most.
const GRAIN: Duration = Duration::from_secs(1);

/// A burst is remembered in full for so long, as the next one is likely to be like it. Nothing is given up meanwhile.
pub const MEMORY: Duration = Duration::from_secs(600);

/// After that it fades: in this time to a third.
const FADING: Duration = Duration::from_secs(1800);

/// The boots that the lead time is estimated from. Fewer and one bad boot counts for everything; more and an engine that
/// became slow is noticed late.
const BOOTS: usize = 64;

/// What is taken for the lead time before there was a boot: more than most take, so that the first floor is not too low.
const UNKNOWN_LEAD: Duration = Duration::from_millis(500);

/// Hints of one language at a time. Nobody plans more, and each look goes through them all.
pub const MOST_HINTS: usize = 16;

/// Demand is looked at so often at least, and so what begins with the clock begins so late at the most.
const LOOK: Duration = Duration::from_secs(1);

/// A hint begins to count, while the machine is quiet, so many times earlier than its sandboxes take to be made.
const HEAD_START: u32 = 4;

#[derive(Debug, Clone, Default)]
pub struct Demand {
    arrivals: Arrivals,
    peak: Option<Peak>,
    leads: Leads,
    hints: Vec<Hint>,
}

/// So many ready sandboxes are to be there at one time, and for a while after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hint {
    pub size: usize,
    pub at: Instant,
    pub hold: Duration,
}

/// The demand at one moment, in the numbers that the policy decides by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlook {
    /// Arrivals in a second, over the last ten.
    pub rate: f64,
    /// Arrivals in ten seconds, at their highest for as long as that is remembered.
    pub peak: f64,
    /// The longest that a sandbox takes to come up, but for one in a hundred.
    pub lead: Duration,
    /// Ready sandboxes asked for in advance.
    pub hint: usize,
    /// Those of them that would not be there in time if they waited for the machine to be quiet.
    pub due: usize,
    /// The last burst is long over: what is too many may go.
    pub is_settled: bool,
}

/// As many hints as may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {MOST_HINTS} hints for the language already")]
pub struct TooManyHints;

/// A count for each second of the window in which somebody came.
#[derive(Debug, Clone, Default)]
struct Arrivals(VecDeque<(Instant, usize)>);

/// What boots took, the last of them. The estimate is made when there is news, since it is asked for at every look.
#[derive(Debug, Clone, Default)]
struct Leads {
    last: VecDeque<Duration>,
    longest_but_few: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Peak {
    height: f64,
    at: Instant,
}

impl Default for Outlook {
    fn default() -> Self {
        Self { rate: 0.0, peak: 0.0, lead: UNKNOWN_LEAD, hint: 0, due: 0, is_settled: true }
    }
}

impl Demand {
    /// A request came.
    pub fn arrived(&mut self, now: Instant) {
        let count = self.arrivals.add(now) as f64;
        if self.peak.is_none_or(|peak| count >= peak.height_at(now)) {
            self.peak = Some(Peak { height: count, at: now });
        }
    }

    /// A sandbox came up.
    pub fn booted(&mut self, took: Duration) {
        self.leads.add(took);
    }

    /// # Errors
    /// When there are too many that are not over.
    pub fn ask(&mut self, hint: Hint, now: Instant) -> Result<(), TooManyHints> {
        self.forget_what_is_over(now);
        if self.hints.len() >= MOST_HINTS {
            return Err(TooManyHints);
        }
        self.hints.push(hint);
        self.hints.sort_by_key(|hint| hint.at);
        Ok(())
    }

    /// Takes all hints back; tells how many there were.
    pub fn ask_no_more(&mut self, now: Instant) -> usize {
        self.forget_what_is_over(now);
        std::mem::take(&mut self.hints).len()
    }

    /// Those that are not over, by their time.
    pub fn hints(&self, now: Instant) -> impl Iterator<Item = &Hint> {
        self.hints.iter().filter(move |hint| now < hint.until())
    }

    pub fn lead(&self) -> Duration {
        self.leads.longest_but_few.unwrap_or(UNKNOWN_LEAD)
    }

    /// How long it takes to make so many.
    pub fn filling(&self, size: usize, creators: usize) -> Duration {
        LOOK + self.lead() * (size.div_ceil(creators.max(1)) as u32 + 1)
    }

    /// `scheduled`: hints that are not this language's own to keep, counted with those that are.
    pub fn outlook(&self, now: Instant, creators: usize, scheduled: &[Hint]) -> Outlook {
        let (mut hint, mut due) = (0, 0);
        for asked in self.hints.iter().chain(scheduled) {
            let filling = self.filling(asked.size, creators);
            if asked.counts(now, filling * HEAD_START) {
                hint = hint.max(asked.size);
            }
            // From its time on there are jobs to be expected, and these are to be spared.
            if asked.counts(now, filling) && now < asked.at {
                due = due.max(asked.size);
            }
        }
        Outlook {
            rate: self.arrivals.within(now) as f64 / WINDOW.as_secs_f64(),
            peak: self.peak.map_or(0.0, |peak| peak.height_at(now)),
            lead: self.lead(),
            hint,
            due,
            is_settled: hint == 0 && self.peak.is_none_or(|peak| now.saturating_duration_since(peak.at) >= MEMORY),
        }
    }

    fn forget_what_is_over(&mut self, now: Instant) {
        self.hints.retain(|hint| now < hint.until());
    }
}

impl Hint {
    pub fn until(&self) -> Instant {
        self.at + self.hold
    }

    /// Whether it is on, when it begins so much before its time.
    fn counts(&self, now: Instant, before: Duration) -> bool {
        now + before >= self.at && now < self.until()
    }
}

impl Arrivals {
    /// Tells how many there are now.
    fn add(&mut self, now: Instant) -> usize {
        self.0.retain(|(since, _)| now.saturating_duration_since(*since) < WINDOW);
        match self.0.back_mut() {
            Some((since, count)) if now.saturating_duration_since(*since) < GRAIN => *count += 1,
            Some(_) | None => self.0.push_back((now, 1)),
        }
        self.within(now)
    }

    fn within(&self, now: Instant) -> usize {
        let recent = self.0.iter().filter(|(since, _)| now.saturating_duration_since(*since) < WINDOW);
        recent.map(|(_, count)| count).sum()
    }
}

impl Leads {
    fn add(&mut self, took: Duration) {
        if self.last.len() == BOOTS {
            self.last.pop_front();
        }
        self.last.push_back(took);
        let mut sorted = Vec::from_iter(self.last.iter().copied());
        sorted.sort_unstable();
        self.longest_but_few = sorted.get((sorted.len() * 99).div_ceil(100) - 1).copied();
    }
}

impl Peak {
    fn height_at(self, now: Instant) -> f64 {
        let fading = now.saturating_duration_since(self.at).saturating_sub(MEMORY);
        self.height * (-fading.as_secs_f64() / FADING.as_secs_f64()).exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const CREATORS: usize = 2;

    fn outlook(demand: &Demand, now: Instant) -> Outlook {
        demand.outlook(now, CREATORS, &[])
    }

    #[test]
    fn the_rate_is_that_of_the_last_ten_seconds() {
        let (mut demand, start) = (Demand::default(), Instant::now());
        for tenth in 0..200 {
            demand.arrived(start + tenth * SECOND / 10);
        }
        let now = start + 20 * SECOND;
        assert!((9.0..=10.0).contains(&outlook(&demand, now).rate));
        assert_eq!(outlook(&demand, now + WINDOW).rate, 0.0);
    }

    #[test]
    fn a_burst_is_remembered_for_ten_minutes_and_then_fades() {
        let (mut demand, start) = (Demand::default(), Instant::now());
        for _ in 0..50 {
            demand.arrived(start);
        }
        assert_eq!(outlook(&demand, start + MEMORY).peak, 50.0);
        assert!(!outlook(&demand, start + MEMORY - SECOND).is_settled);
        assert!(outlook(&demand, start + MEMORY).is_settled);
        let faded = outlook(&demand, start + MEMORY + FADING).peak;
        assert!((18.0..19.0).contains(&faded), "{faded}");
    }

    #[test]
    fn a_lower_peak_does_not_hide_a_higher_one() {
        let (mut demand, start) = (Demand::default(), Instant::now());
        for _ in 0..50 {
            demand.arrived(start);
        }
        demand.arrived(start + 60 * SECOND);
        assert_eq!(outlook(&demand, start + 60 * SECOND).peak, 50.0);
    }

    #[test]
    fn the_lead_time_is_the_longest_but_for_one_in_a_hundred_and_forgets() {
        let mut demand = Demand::default();
        assert_eq!(demand.lead(), UNKNOWN_LEAD);
        demand.booted(SECOND);
        assert_eq!(demand.lead(), SECOND);
        (0..BOOTS).for_each(|_| demand.booted(SECOND / 4));
        assert_eq!(demand.lead(), SECOND / 4);
    }

    #[test]
    fn a_hint_counts_before_its_time_presses_just_before_it_and_ends_after_its_hold() {
        let (mut demand, now) = (Demand::default(), Instant::now());
        demand.booted(SECOND);
        // Ten at two creators: five boots one after the other, one to spare, and one look.
        let filling = demand.filling(10, CREATORS);
        assert_eq!(filling, 7 * SECOND);
        let at = now + 100 * SECOND;
        demand.ask(Hint { size: 10, at, hold: 30 * SECOND }, now).unwrap();
        let seen = |now| {
            let Outlook { hint, due, .. } = outlook(&demand, now);
            (hint, due)
        };
        assert_eq!(seen(at - HEAD_START * filling - SECOND), (0, 0));
        assert_eq!(seen(at - HEAD_START * filling), (10, 0));
        assert_eq!(seen(at - filling), (10, 10));
        assert_eq!(seen(at), (10, 0));
        assert_eq!(seen(at + 30 * SECOND), (0, 0));
    }

    #[test]
    fn hints_are_bounded_and_those_that_are_over_make_room() {
        let (mut demand, now) = (Demand::default(), Instant::now());
        let hint = Hint { size: 1, at: now, hold: SECOND };
        for _ in 0..MOST_HINTS {
            demand.ask(hint, now).unwrap();
        }
        assert_eq!(demand.ask(hint, now), Err(TooManyHints));
        let later = now + 2 * SECOND;
        demand.ask(Hint { at: later, ..hint }, later).unwrap();
        assert_eq!((demand.hints(later).count(), demand.ask_no_more(later)), (1, 1));
    }
}
