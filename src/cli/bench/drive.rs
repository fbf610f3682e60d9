//! Sends jobs on time and waits for what becomes of them.
//!
//! The thread that calls keeps the clock: it sleeps until a job is due and hands it to the runtime, whose own timer is
//! right to a millisecond only, which is as long as a whole job may take. Each job is a task of the tracker, which is
//! waited for; each ends at its own timeout at the latest.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use anyhow::Context;
use fastrand::Rng;
use tokio::{runtime::Runtime, time::timeout_at};
use tokio_util::task::TaskTracker;

use super::{
    pace::{Arrivals, Pacing},
    progress::Progress,
    tally::{End, Sample, Tally},
    wire::Wire,
    work::{Job, Work},
};

#[derive(Debug)]
pub struct Driver {
    runtime: Runtime,
    wire: Arc<Wire>,
    work: Arc<Work>,
    /// From when a job is due.
    timeout: Duration,
    duration: Duration,
    seed: u64,
}

/// Jobs that are under way in an open loop, those that wait for a connection included; each takes a few kilobytes. Too
/// small, and what a server that stalls would have been sent is not; too large, and it is our memory that fills.
const MOST_UNDER_WAY: usize = 10_000;

impl Driver {
    pub fn new(wire: Arc<Wire>, work: Work, timeout: Duration, duration: Duration, seed: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.context("could not start the runtime")?;
        Ok(Self { runtime, wire, work: Arc::new(work), timeout, duration, seed })
    }

    pub fn work(&self) -> &Work {
        &self.work
    }

    /// At this rate, whatever the answers do.
    pub fn open(&self, per_second: f64, pacing: Pacing) -> Tally {
        let (tally, tracker) = (Arc::new(Mutex::new(Tally::new())), TaskTracker::new());
        let mut random = Rng::with_seed(self.seed);
        let start = Instant::now();
        let mut progress = Progress::new(format!("{per_second}/s"), start, self.duration);
        let arrivals = Arrivals::new(pacing, per_second, random.u64(..)).take_while(|due| *due < self.duration);
        for due in arrivals.map(|due| start + due) {
            progress.sleep_until(due, &tally);
            let mut counted = lock(&tally);
            counted.due += 1;
            if tracker.len() >= MOST_UNDER_WAY {
                counted.not_sent += 1;
                continue;
            }
            drop(counted);
            let one = self.one(self.work.pick(&mut random), due, start + self.duration);
            let tally = Arc::clone(&tally);
            tracker.spawn_on(async move { record(&tally, one.await) }, self.runtime.handle());
        }
        progress.sleep_until(start + self.duration, &tally);
        self.rest(&tracker, &mut progress, &tally);
        taken(&tally)
    }

    /// So many clients, each of which sends when it has its answer. Its latencies are not those of people, who do not wait
    /// for each other: while the server stalls, nobody asks and nobody is counted.
    pub fn closed(self: &Arc<Self>, clients: usize) -> Tally {
        let (tally, tracker) = (Arc::new(Mutex::new(Tally::new())), TaskTracker::new());
        let mut random = Rng::with_seed(self.seed);
        let start = Instant::now();
        let mut progress = Progress::new(format!("{clients} clients"), start, self.duration);
        for _ in 0..clients {
            let (driver, tally, mut random) = (Arc::clone(self), Arc::clone(&tally), random.fork());
            let end = start + self.duration;
            let client = async move {
                while Instant::now() < end {
                    lock(&tally).due += 1;
                    let sample = driver.one(driver.work.pick(&mut random), Instant::now(), end).await;
                    record(&tally, sample);
                }
            };
            tracker.spawn_on(client, self.runtime.handle());
        }
        self.rest(&tracker, &mut progress, &tally);
        taken(&tally)
    }

    fn one(&self, job: Arc<Job>, due: Instant, end_of_rate: Instant) -> impl Future<Output = Sample> + use<> {
        let (wire, deadline) = (Arc::clone(&self.wire), due + self.timeout);
        async move {
            let lag = due.elapsed();
            let mut began = None;
            let asked = async {
                let turn = wire.turn().await;
                began = Some(Instant::now());
                turn.send(&job).await
            };
            let end = timeout_at(deadline.into(), asked).await.map_or(End::TimedOut, End::of);
            let ended = Instant::now();
            let service = began.map(|began| ended - began);
            Sample { end, latency: ended - due, service, lag, in_time: ended < end_of_rate }
        }
    }

    /// Until all jobs have ended.
    fn rest(&self, tracker: &TaskTracker, progress: &mut Progress, tally: &Mutex<Tally>) {
        tracker.close();
        self.runtime.block_on(progress.watch(tracker.wait(), tally));
    }
}

fn record(tally: &Mutex<Tally>, sample: Sample) {
    lock(tally).add(sample);
}

fn taken(tally: &Mutex<Tally>) -> Tally {
    std::mem::replace(&mut *lock(tally), Tally::new())
}

/// Whoever holds it counts and does nothing else.
pub fn lock(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}
