//! What keeps the processors busy, and what of the budget is out of reach: for boots and removals to keep out of the way.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::policy::{self, Busy};

/// What keeps the processors busy, for refilling and removing to keep out of the programs' way.
#[derive(Debug)]
pub struct Activity {
    processors: usize,
    /// Without those that have ended.
    busy: Mutex<Busy>,
    /// When programs ended, those of late, the earliest first.
    ends: Mutex<VecDeque<Instant>>,
    /// Sandboxes that would not go when they were told to.
    stuck: AtomicUsize,
    /// What of the budget there is no memory for.
    withheld: AtomicUsize,
    closed: AtomicBool,
}

#[derive(Debug)]
pub struct StuckGuard(Arc<Activity>);

impl Drop for StuckGuard {
    fn drop(&mut self) {
        self.0.stuck.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Activity {
    /// More boots at once than there are processors gain nothing, and so it is `creators` that says how many there are.
    pub fn new(creators: usize) -> Self {
        Self {
            processors: creators,
            busy: Mutex::default(),
            ends: Mutex::default(),
            stuck: AtomicUsize::new(0),
            withheld: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
        }
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// What is under way, to be counted up and down.
    pub fn busy(&self) -> MutexGuard<'_, Busy> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn stuck(&self) -> usize {
        self.stuck.load(Ordering::Relaxed)
    }

    /// One that would not go, until this is dropped.
    pub fn one_is_stuck(self: &Arc<Self>) -> StuckGuard {
        self.stuck.fetch_add(1, Ordering::Relaxed);
        StuckGuard(Arc::clone(self))
    }

    pub fn withhold(&self, sandboxes: usize) {
        self.withheld.store(sandboxes, Ordering::Relaxed);
    }

    pub fn withheld(&self) -> usize {
        self.withheld.load(Ordering::Relaxed)
    }

    /// Processors that a boot may have.
    pub fn spare(&self) -> usize {
        self.now_busy().spare(self.processors)
    }

    /// Those that a removal may have, or a boot for which there is no hurry.
    pub fn calm(&self) -> usize {
        self.now_busy().calm(self.processors)
    }

    fn now_busy(&self) -> Busy {
        let ends = self.ends();
        let just_ended = ends.len() - first_within(&ends, policy::RETURN);
        Busy { just_ended, ended_of_late: ends.len(), ..*self.busy() }
    }

    /// How long until one more may be to spare without anything happening.
    pub fn spare_in(&self) -> Option<Duration> {
        let ends = self.ends();
        let left =
            |pause| ends.get(first_within(&ends, pause)).map(|end| Duration::saturating_sub(pause, end.elapsed()));
        [policy::RETURN, policy::CALM].into_iter().filter_map(left).min()
    }

    pub fn ends(&self) -> MutexGuard<'_, VecDeque<Instant>> {
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        while ends.front().is_some_and(|end| end.elapsed() >= policy::CALM) {
            ends.pop_front();
        }
        ends
    }
}

/// The place of the first that ended within so long. By halving: this is asked at every event, and there may be hundreds.
fn first_within(ends: &VecDeque<Instant>, pause: Duration) -> usize {
    let now = Instant::now();
    ends.partition_point(|end| now.duration_since(*end) >= pause)
}
