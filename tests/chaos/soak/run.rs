//! Many jobs of every language, hostile ones and judgings among them, while something is done to the service's sandboxes,
//! clients or engine every few seconds. Nothing here stops at the first failure: all is counted, and told at the end.

mod figures;
mod mischief;
mod work;

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

pub use figures::Figures;
use figures::{Holdings, Report};
use mischief::Mischief;
use work::Works;

use crate::{
    engine::DockerHost,
    proxy::Proxy,
    server::{Arrange, Server, exchange},
};

#[derive(Debug, Clone, Copy)]
pub struct Plan {
    pub jobs: usize,
    /// From one mischief to the next.
    pub between: Duration,
}

const POOLS: [(&str, usize); 7] =
    [("bash", 2), ("binary", 2), ("c", 2), ("cpp", 2), ("java", 2), ("javascript", 2), ("python", 3)];

/// More than there are processors, so that some always wait.
const CLIENTS: usize = 4;

/// Who is refused does not come back at once.
const PAUSE: Duration = Duration::from_millis(200);

/// Between two looks at what the service holds.
const LOOK: Duration = Duration::from_secs(1);

/// Until nothing is left, when all jobs are answered. Generous: a loaded machine must not fail a soak.
const CLEAN_PATIENCE: Duration = Duration::from_secs(60);

pub fn soak(plan: Plan) -> Figures {
    let engine = DockerHost::usual();
    let proxy = (!engine.is_native()).then(|| Proxy::before(&engine));
    let arranged = Arrange::new(&POOLS).set("pool.budget=24").set("log.filter=info");
    let server = match &proxy {
        Some(proxy) => arranged.set(proxy.host()).warm(),
        None => arranged.warm(),
    };
    let (works, report) = (Works::prepare(), Report::default());
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let is_over = || done.load(Ordering::SeqCst) == CLIENTS;
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                ask_on(&server.url, &works, &next, plan.jobs, &report);
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        scope.spawn(|| {
            while !is_over() {
                report.saw(Holdings::of(server.pid()));
                thread::sleep(LOOK);
            }
        });
        let mut mischief = Mischief::new(&server, proxy.as_ref());
        let mut due = Instant::now() + plan.between;
        while !is_over() {
            if Instant::now() >= due {
                report.did(mischief.next());
                due = Instant::now() + plan.between;
            }
            thread::sleep(PAUSE);
        }
    });
    let leaked = left(&server);
    let panics = server.log().iter().filter(|line| line.contains("panicked")).count();
    let slots = server.status()["run_slots"]["in_use"].as_u64().unwrap_or(u64::MAX);
    server.stop();
    report.end(plan, leaked, panics, slots)
}

fn ask_on(url: &str, works: &Works, next: &AtomicUsize, jobs: usize, report: &Report) {
    loop {
        let number = next.fetch_add(1, Ordering::SeqCst);
        if number >= jobs {
            return;
        }
        let work = works.number(number);
        let reply = exchange(url, "POST", work.route, Some("application/json"), work.request.to_string().into());
        let end = work.end(reply.map_err(|error| error.to_string()));
        let is_refused = end.is_refused();
        report.heard(work.name, end);
        if is_refused {
            thread::sleep(PAUSE);
        }
    }
}

/// Sandboxes and processes that should not be there, when there has been time enough to remove them.
fn left(server: &Server) -> usize {
    let deadline = Instant::now() + CLEAN_PATIENCE;
    let wanted: usize = POOLS.iter().map(|(_, size)| size).sum();
    loop {
        let sandboxes = server.docker.sandboxes(&server.owner).len();
        let off = sandboxes.abs_diff(wanted) + server.processes().len().abs_diff(server.idle_processes());
        if off == 0 || Instant::now() >= deadline {
            return off;
        }
        thread::sleep(PAUSE);
    }
}

/// Few numbers are as good as any: what counts is that a soak can be repeated.
#[derive(Debug, Clone, Copy)]
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `sides`.
    fn throw(&mut self, sides: usize) -> usize {
        // Marsaglia's xorshift64.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as usize % sides
    }
}
