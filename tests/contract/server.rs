//! The real server on a real socket over the relayed fake engine: one line to arrange, only what matters visible.
//!
//! Time is real here, because a paused clock runs ahead whenever a byte is still in the kernel. So the engine is told to
//! be fast, and nothing waits but for events.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use caisson::{
    api::{self, Api, ApiConfig, ApiKey, Build, Connections, ExitStatus, Room},
    dispatch::{Dispatch, DispatchConfig},
    job::LanguageId,
    language::Catalogue,
    pool::{Fleet, FleetConfig, PoolConfig},
    sandbox::LedgerConfig,
};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::oneshot, task::JoinHandle};

use crate::{
    catalogue,
    engine::Relay,
    fleet::Heard,
    http::{Answer, Call, Sent},
};

/// Parts of the names of sandboxes and images. No client ever reads them.
pub const OWNER: &str = "warden";
pub const BOOT: &str = "b00t";
pub const REGISTRY: &str = "registry.internal";

/// Far more than any wait of a test that passes.
const EVENT_PATIENCE: Duration = Duration::from_secs(20);

pub struct Arrange {
    pub engine: Relay,
    pub run_slots: usize,
    pub queue: usize,
    pub queue_patience: Duration,
    pub connections: Connections,
    pub max_body_bytes: usize,
    pub max_in_flight_bytes: usize,
    pub keys: Vec<ApiKey>,
    pub seed_exit_status: ExitStatus,
    pub metrics: fn() -> String,
    pub trace_ratio: f64,
    /// Ready sandboxes of each language. With none every claim is a cold one.
    pub pool_size: usize,
}

pub struct Server {
    pub address: SocketAddr,
    pub engine: Relay,
    pub dispatch: Arc<Dispatch>,
    pub heard: Arc<Heard>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Default for Arrange {
    fn default() -> Self {
        Self {
            engine: Relay::default(),
            run_slots: 4,
            queue: 16,
            queue_patience: Duration::from_secs(300),
            connections: Connections { most: 64, patience: EVENT_PATIENCE },
            max_body_bytes: 4 << 20,
            max_in_flight_bytes: 1 << 30,
            keys: Vec::new(),
            seed_exit_status: ExitStatus::Program,
            metrics: || "caisson_up 1\n".to_owned(),
            trace_ratio: 0.0,
            pool_size: 1,
        }
    }
}

impl Arrange {
    /// A server whose shelves are full.
    pub async fn warm() -> Server {
        Self::default().start().await.settled().await
    }

    pub async fn start(self) -> Server {
        self.engine.fake.behave(|engine| {
            engine.create_takes = Duration::from_millis(1);
            engine.destroy_takes = Duration::from_millis(1);
        });
        let heard = Arc::new(Heard::default());
        let catalogue = Arc::new(Catalogue::new(catalogue::languages()));
        let pools = catalogue.iter().map(|language| PoolConfig {
            language: language.key.clone(),
            image: language.image.clone(),
            runtime: language.runtime.clone(),
            size: self.pool_size,
            most: 0,
            ceiling: language.ceiling.0,
            rehearsal: None,
            arming: None,
        });
        let config = FleetConfig {
            ledger: LedgerConfig { owner: OWNER.into(), boot: BOOT.into(), budget: 8, uid_base: 200_000 },
            pools: pools.collect(),
            schedules: Vec::new(),
            creators: 2,
            run_slots: self.run_slots,
            memory_reserve: None,
            boot_patience: Duration::from_secs(30),
            recycle_after: Duration::from_secs(1800),
            cpus: 1.0,
        };
        let fleet = Fleet::start(config, Arc::new(self.engine.clone()), heard.clone()).await;
        let config = DispatchConfig {
            run_slots: self.run_slots,
            queue: self.queue,
            queue_patience: self.queue_patience,
            compile_cache_bytes: 0,
        };
        let dispatch = Dispatch::new(config, fleet, heard.clone());
        let api = Api {
            dispatch: Arc::clone(&dispatch),
            catalogue,
            config: ApiConfig {
                connections: self.connections,
                max_body_bytes: self.max_body_bytes,
                max_files: 1000,
                default_deadline: Duration::from_secs(30),
                max_deadline: Duration::from_secs(60),
                keys: self.keys,
                seed_exit_status: self.seed_exit_status,
                trace_ratio: self.trace_ratio,
                build: Build { version: "1.2.3".into(), engine: "fake 0".into() },
            },
            room: Room::new(self.max_in_flight_bytes, heard.clone()),
            observer: heard.clone(),
            metrics: Arc::new(self.metrics),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(api::serve(listener, api, async {
            // Dropping the other end with the test is as good as sending.
            let _ = stopped.await;
        }));
        Server { address, engine: self.engine, dispatch, heard, stop: Some(stop), serving }
    }
}

impl Server {
    pub async fn send(&self, call: Call) -> Sent {
        call.send(self.address).await
    }

    pub async fn call(&self, call: Call) -> Answer {
        self.send(call).await.answer().await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Call::get(path)).await
    }

    /// A native request for Python, in which these fields are set.
    pub async fn execute(&self, fields: Value) -> Answer {
        self.call(execute(fields)).await
    }

    /// As [`Server::execute`], for a request that gets a report: its body.
    pub async fn report(&self, fields: Value) -> Value {
        let answer = self.execute(fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/json"));
        answer.json()
    }

    /// A judging of a Python program, in which these fields are set.
    pub async fn judge(&self, fields: Value) -> Answer {
        self.call(judge(fields)).await
    }

    /// As [`Server::judge`], for one that gets a judgement: its body.
    pub async fn judgement(&self, fields: Value) -> Value {
        let answer = self.judge(fields).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Until every shelf is full, no sandbox is in hand and none is left over.
    pub async fn settled(self) -> Self {
        self.settle().await;
        self
    }

    pub async fn settle(&self) {
        self.until(|server| {
            let pools = server.dispatch.status().pools;
            let full = pools.iter().all(|pool| pool.ready == pool.target && pool.claimed == 0 && pool.booting == 0);
            full && server.engine.fake.alive().len() == pools.iter().map(|pool| pool.target).sum::<usize>()
        })
        .await;
    }

    pub async fn serves(&self) {
        let report = self.report(json!({"source": "print fine"})).await;
        assert_eq!((&report["status"], &report["run"]["stdout"]), (&json!("ok"), &json!("fine")));
    }

    pub fn pool(&self, language: &str) -> caisson::dispatch::PoolStatus {
        let key = LanguageId::new(language);
        self.dispatch.status().pools.into_iter().find(|pool| pool.language == key).expect("a configured language")
    }

    /// Waits for what is told to nobody and can only be looked at.
    pub async fn until(&self, is_true: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !is_true(self) {
            assert!(since.elapsed() < EVENT_PATIENCE, "it never became true; {:?}", self.dispatch.status());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Begins to stop. The server's own end is the second half.
    pub fn stop(mut self) -> JoinHandle<()> {
        drop(self.stop.take());
        self.serving
    }
}

/// A native request for Python, in which these fields are set; `null` leaves one out.
pub fn execute(fields: Value) -> Call {
    Call::post("/v1/execute", request(fields).to_string()).header("Content-Type", "application/json")
}

/// As [`execute`], for a judging.
pub fn judge(fields: Value) -> Call {
    Call::post("/v1/judge", request(fields).to_string()).header("Content-Type", "application/json")
}

pub fn request(fields: Value) -> Value {
    let mut document = json!({"language": "python"});
    for (name, value) in fields.as_object().expect("fields") {
        document[name] = value.clone();
    }
    document
}
