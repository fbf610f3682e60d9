//! A service without HTTP over the fake engine: one line to arrange, only what matters visible.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use caisson::{
    dispatch::{Dispatch, DispatchConfig},
    engine::fake::FakeEngine,
    job::{Arm, Arming, Job, LanguageId, Limits, Output, Overflow, Program, SourceFile, Standing, Step, WorkPath},
    observe::{BootFault, CaseEnd, ClaimEnd, JobEnd, Observer, Rejection, SandboxState, StageKind},
    pool::{Fleet, FleetConfig, PoolConfig, Schedule},
    sandbox::LedgerConfig,
};

pub const OWNER: &str = "test";

#[derive(Debug, Clone)]
pub struct Arrange {
    pub languages: Vec<(&'static str, usize)>,
    /// Ready sandboxes that demand may bring a language to.
    pub most: usize,
    pub schedules: Vec<Schedule>,
    pub budget: usize,
    pub creators: usize,
    pub run_slots: usize,
    pub queue: usize,
    pub queue_patience: Duration,
    pub recycle_after: Duration,
    /// Of the host's memory; none: it is not looked at.
    pub memory_reserve: Option<u64>,
    /// What waits in each sandbox, of every language.
    pub arming: Option<Arming>,
    pub engine: FakeEngine,
}

pub struct Service {
    pub engine: FakeEngine,
    pub dispatch: Arc<Dispatch>,
    pub heard: Arc<Heard>,
}

/// Counts what the service tells.
#[derive(Debug, Default)]
pub struct Heard {
    counts: Mutex<HashMap<String, i64>>,
}

impl Default for Arrange {
    fn default() -> Self {
        Self {
            languages: vec![("python", 2)],
            most: 0,
            schedules: Vec::new(),
            budget: 8,
            creators: 2,
            run_slots: 4,
            queue: 16,
            queue_patience: Duration::from_secs(300),
            recycle_after: Duration::from_secs(1800),
            memory_reserve: None,
            arming: None,
            engine: FakeEngine::new(),
        }
    }
}

impl Arrange {
    pub async fn start(self) -> Service {
        let heard = Arc::new(Heard::default());
        let observer: Arc<dyn Observer> = heard.clone();
        let pools = self.languages.iter().map(|(name, size)| PoolConfig {
            language: LanguageId::new(name),
            image: format!("caisson/{name}"),
            runtime: None,
            size: *size,
            most: self.most,
            ceiling: limits(),
            rehearsal: None,
            arming: self.arming.clone(),
        });
        let config = FleetConfig {
            ledger: LedgerConfig {
                owner: OWNER.to_owned(),
                boot: "boot".to_owned(),
                budget: self.budget,
                uid_base: 200_000,
            },
            pools: pools.collect(),
            schedules: self.schedules,
            creators: self.creators,
            run_slots: self.run_slots,
            memory_reserve: self.memory_reserve,
            boot_patience: Duration::from_secs(10),
            recycle_after: self.recycle_after,
            cpus: 1.0,
        };
        let fleet = Fleet::start(config, Arc::new(self.engine.clone()), observer.clone()).await;
        let config = DispatchConfig {
            run_slots: self.run_slots,
            queue: self.queue,
            queue_patience: self.queue_patience,
            compile_cache_bytes: 0,
        };
        Service { engine: self.engine, dispatch: Dispatch::new(config, fleet, observer), heard }
    }
}

impl Service {
    /// Waits until every shelf is as full as it should be.
    pub async fn warm(self) -> Self {
        self.until(|service| service.dispatch.status().pools.iter().all(|pool| pool.ready >= pool.target)).await;
        self
    }

    /// Waits for something to become true; far longer than anything takes, since time is paused.
    pub async fn until(&self, is_true: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if is_true(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it never became true; status: {:?}", self.dispatch.status());
    }

    pub async fn drain(&self) {
        self.dispatch.drain(Duration::from_secs(30)).await;
    }

    pub fn ready(&self) -> usize {
        self.dispatch.status().pools.iter().map(|pool| pool.ready).sum()
    }
}

impl Heard {
    pub fn count(&self, what: &str) -> i64 {
        self.counts.lock().unwrap().get(what).copied().unwrap_or(0)
    }

    fn add(&self, what: String, by: i64) {
        *self.counts.lock().unwrap().entry(what).or_default() += by;
    }
}

impl Observer for Heard {
    fn job_finished(&self, _: &LanguageId, end: JobEnd, _: Duration) {
        self.add(format!("job {}", end.label()), 1);
    }

    fn job_rejected(&self, reason: Rejection) {
        self.add(format!("rejected {}", reason.label()), 1);
    }

    fn claim_finished(&self, _: &LanguageId, end: ClaimEnd, _: Duration) {
        self.add(format!("claim {}", end.label()), 1);
    }

    fn program_used(&self, language: &LanguageId, stage: StageKind, _: Duration, _: u64) {
        self.add(format!("used {language} {}", stage.label()), 1);
    }

    fn case_judged(&self, language: &LanguageId, end: CaseEnd) {
        self.add(format!("case {language} {}", end.label()), 1);
    }

    fn boot_finished(&self, _: &LanguageId, result: Result<(), BootFault>, _: Duration) {
        self.add(format!("boot {}", result.map_or_else(BootFault::label, |()| "ok")), 1);
    }

    fn sandbox_moved(&self, _: &LanguageId, from: Option<SandboxState>, to: Option<SandboxState>) {
        for (state, by) in [(from, -1), (to, 1)] {
            if let Some(state) = state {
                self.add(state.label().to_owned(), by);
            }
        }
    }

    fn connection_opened(&self) {
        self.add("connections".to_owned(), 1);
    }

    fn connection_ended(&self) {
        self.add("connections".to_owned(), -1);
    }

    fn in_flight_limit(&self, bytes: usize) {
        self.add("room".to_owned(), bytes as i64);
    }

    fn in_flight_taken(&self, bytes: usize) {
        self.add("in flight".to_owned(), bytes as i64);
    }

    fn in_flight_given_back(&self, bytes: usize) {
        self.add("in flight".to_owned(), -(bytes as i64));
    }

    fn orphan_reaped(&self) {
        self.add("orphan".to_owned(), 1);
    }
}

pub fn limits() -> Limits {
    Limits {
        cpu_time: Duration::from_secs(5),
        wall_time: Duration::from_secs(10),
        memory_bytes: 64 << 20,
        output_bytes: 1 << 20,
        processes: 16,
        file_size_bytes: 1 << 20,
        open_files: 64,
        stack_bytes: 8 << 20,
    }
}

/// A job for the fake engine's agents.
pub fn job(program: &str) -> Job {
    job_in("python", program)
}

pub fn job_in(language: &str, program: &str) -> Job {
    let step = Step {
        argv: ["/usr/bin/program".to_owned(), "main".to_owned()].into(),
        env: [].into(),
        stdin: b"from stdin".to_vec(),
        limits: limits(),
        overflow: Overflow::Cut,
        output: Output::Apart,
        arm: Arm::Auto,
    };
    Job {
        id: "job".to_owned(),
        standing: Standing::default(),
        program: Program {
            language: LanguageId::new(language),
            files: vec![SourceFile { path: WorkPath::parse("main").unwrap(), content: program.as_bytes().to_vec() }],
            compile: None,
        },
        run: step,
        artifacts: Vec::new(),
        deadline: Duration::from_secs(60),
    }
}
