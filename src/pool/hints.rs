//! What is asked for in advance: by a request, or every week by the configuration. People name times by the clock on the
//! wall, which may be set; once heard, a hint is a point on the clock that only goes forward.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use super::{
    demand::{Hint, TooManyHints},
    fleet::{Fleet, Pool},
};
use crate::{calendar::Cron, job::LanguageId};

/// So many ready sandboxes, from a time on and for so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    pub size: usize,
    /// None: as soon as they can be made.
    pub at: Option<SystemTime>,
    pub hold: Duration,
}

/// A wish that comes back.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub language: LanguageId,
    pub cron: Cron,
    pub size: usize,
    pub hold: Duration,
}

/// A hint as others see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HintStatus {
    pub size: usize,
    pub at: SystemTime,
    pub until: SystemTime,
    /// Of the configuration, and so not to be taken back.
    pub is_scheduled: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HintError {
    #[error("the language has no pool")]
    Unknown,
    #[error(transparent)]
    TooMany(#[from] TooManyHints),
    #[error("that would be over already")]
    Over,
    #[error("there are never more than {most} sandboxes")]
    TooLarge { most: usize },
}

/// A schedule and when it is on next.
#[derive(Debug)]
pub struct Timed {
    schedule: Schedule,
    /// Its last time that was looked up.
    time: Option<(SystemTime, Hint)>,
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy)]
struct Clocks {
    wall: SystemTime,
    steady: Instant,
}

impl Fleet {
    /// # Errors
    /// When it cannot be, or is one too many.
    pub fn hint(&self, language: &LanguageId, wish: Wish) -> Result<(), HintError> {
        let pool = self.pools.get(language).ok_or(HintError::Unknown)?;
        let most = self.budget();
        if wish.size > most {
            return Err(HintError::TooLarge { most });
        }
        let clocks = Clocks::read();
        let Wish { size, at, hold } = wish;
        let mut demand = pool.demand();
        let at = match at {
            Some(wall) => clocks.steady_at(wall, hold).ok_or(HintError::Over)?,
            None => clocks.steady + demand.filling(size, self.config.creators),
        };
        demand.ask(Hint { size, at: at.into_std(), hold }, clocks.steady.into_std())?;
        drop(demand);
        self.changed.notify_one();
        Ok(())
    }

    /// Takes back all hints of a language but those of the configuration; tells how many there were.
    pub fn forget_hints(&self, language: &LanguageId) -> Option<usize> {
        let forgotten = self.pools.get(language)?.demand().ask_no_more(Instant::now().into_std());
        self.changed.notify_one();
        Some(forgotten)
    }
}

impl Pool {
    /// Of the configuration, those that are on or come next.
    pub fn scheduled(&self) -> Vec<Hint> {
        let clocks = Clocks::read();
        self.schedules().iter_mut().filter_map(|timed| timed.next(clocks)).collect()
    }

    pub fn hint_statuses(&self) -> Vec<HintStatus> {
        let clocks = Clocks::read();
        let of = |is_scheduled| move |hint: &Hint| clocks.status_of(hint, is_scheduled);
        let mut statuses = Vec::from_iter(self.demand().hints(clocks.steady.into_std()).map(of(false)));
        statuses.extend(self.scheduled().iter().map(of(true)));
        statuses.sort_by_key(|status| status.at);
        statuses
    }
}

impl Timed {
    pub fn new(schedule: Schedule) -> Self {
        Self { schedule, time: None }
    }

    fn next(&mut self, clocks: Clocks) -> Option<Hint> {
        let now = clocks.steady.into_std();
        if self.time.is_none_or(|(_, hint)| hint.until() <= now) {
            let Schedule { cron, size, hold, .. } = &self.schedule;
            // One that began before this service did, or before this look, may be on still.
            let since = clocks.wall.checked_sub(*hold).unwrap_or(clocks.wall);
            let since = self.time.map_or(since, |(last, _)| since.max(last));
            self.time = cron.next_after(since).and_then(|next| {
                let at = clocks.steady_at(next, *hold)?;
                Some((next, Hint { size: *size, at: at.into_std(), hold: *hold }))
            });
        }
        self.time.map(|(_, hint)| hint)
    }
}

impl Clocks {
    fn read() -> Self {
        Self { wall: SystemTime::now(), steady: Instant::now() }
    }

    /// When the wall clock will show this; `None` if `hold` after that is past.
    fn steady_at(&self, wall: SystemTime, hold: Duration) -> Option<Instant> {
        match wall.duration_since(self.wall) {
            Ok(ahead) => self.steady.checked_add(ahead),
            Err(past) if past.duration() < hold => self.steady.checked_sub(past.duration()),
            Err(_) => None,
        }
    }

    fn status_of(&self, hint: &Hint, is_scheduled: bool) -> HintStatus {
        let (now, at) = (self.steady.into_std(), hint.at);
        let ahead = at.saturating_duration_since(now);
        let behind = now.saturating_duration_since(at);
        let at = self.wall + ahead - behind;
        HintStatus { size: hint.size, at, until: at + hint.hold, is_scheduled }
    }
}
