//! How many single-use sandboxes can be made, used and removed for as long as one likes: what is left when the shelf, which
//! makes bursts quick, is empty. And, apart from it, how quick a burst is that the shelf meets.

use std::{
    path::Path,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    bare::{Commands, Root},
    client::{self, Request, Seen},
    engines::{self, Engines},
    figures::median,
    jobs::{self, INPUT},
    machine,
    naive::Naive,
    noop,
    private_engine::PrivateEngine,
    server::{Arrange, Server},
};

/// What came of one way to do it.
#[derive(Debug, Default)]
pub struct Rate {
    pub name: &'static str,
    pub clients: usize,
    pub jobs: u64,
    pub seconds: f64,
    /// Processor time of the whole machine, the removal of the last sandboxes and the client included.
    pub busy_seconds: f64,
    /// Of that, the server's.
    pub server_seconds: f64,
    /// Milliseconds; empty where nobody looked.
    pub latencies: Vec<f64>,
    /// Jobs that the shelf met.
    pub warm: f64,
}

pub struct Rates {
    pub naive: Rate,
    pub docker: Rate,
    pub attached: Rate,
    pub bare_noop: Rate,
    pub native_noop: Rate,
    pub bare_python: Rate,
    pub native_python: Rate,
    /// By exec and by attach.
    pub crun: Result<[Rate; 2], String>,
}

/// Jobs that the shelf had ready, sent at once: how many per second, the median of several bursts.
pub struct Burst {
    pub name: &'static str,
    pub jobs: usize,
    pub per_second: f64,
    pub warm: f64,
}

const ON_DOCKER: usize = 4;
const ON_NATIVE: usize = 8;
/// Of each; long where a sandbox takes long.
pub const SLOW_TURN: Duration = Duration::from_secs(10);
pub const QUICK_TURN: Duration = Duration::from_secs(4);
const TURNS: usize = 2;
const BURSTS: usize = 3;
/// How much of a shelf a burst uses, so that all of it is warm.
const OF_SHELF: f64 = 0.7;
pub const NOOP: Commands = &[&["./noop"]];
const PYTHON: Commands = &[&["/usr/bin/python3", "main.py"]];

impl Rate {
    pub fn per_second(&self) -> f64 {
        self.jobs as f64 / self.seconds
    }

    pub fn cpu_ms(&self) -> f64 {
        self.busy_seconds * 1e3 / self.jobs as f64
    }

    fn add(&mut self, turn: Self) {
        let Self { name, clients, jobs, seconds, busy_seconds, server_seconds, latencies, warm } = turn;
        (self.name, self.clients) = (name, clients);
        self.jobs += jobs;
        self.seconds += seconds;
        self.busy_seconds += busy_seconds;
        self.server_seconds += server_seconds;
        self.latencies.extend(latencies);
        self.warm += warm;
    }
}

pub fn measure(files: &Path, naive: &Naive) -> Rates {
    // So few that a burst from the shelf is lost in a turn.
    let docker = engines::on_docker(&[("binary", ON_DOCKER)]).warm();
    let attached = engines::on_docker(&[("binary", ON_DOCKER)]).set("docker.handoff=attach").warm();
    let native = engines::on_native(&[("binary", ON_NATIVE), ("python", ON_NATIVE)]).warm();
    let (binary, python) = (Root::of("binary", files, INPUT), Root::of("python", files, INPUT));
    let (noop, hello) = (noop::request(), jobs::python_hello());
    let mut all: [Rate; 7] = Default::default();
    let [by_naive, on_docker, by_attach, bare_noop, native_noop, bare_python, native_python] = &mut all;
    for turn in 1..=TURNS {
        eprintln!("sustained rate: turn {turn} of {TURNS}");
        by_naive.add(of_naive(naive, files));
        on_docker.add(of_server("no-op, caisson, Docker, runc", &docker, &noop, ON_DOCKER, SLOW_TURN));
        by_attach.add(of_server("no-op, caisson, Docker, runc, attach", &attached, &noop, ON_DOCKER, SLOW_TURN));
        bare_noop.add(of_bare("no-op, bare", &binary, NOOP, ON_NATIVE));
        native_noop.add(of_server("no-op, caisson, native", &native, &noop, ON_NATIVE, QUICK_TURN));
        bare_python.add(of_bare("python hello, bare", &python, PYTHON, ON_NATIVE));
        native_python.add(of_server("python hello, caisson, native", &native, &hello, ON_NATIVE, QUICK_TURN));
    }
    docker.stop();
    attached.stop();
    native.stop();
    let [by_naive, on_docker, by_attach, bare_noop, native_noop, bare_python, native_python] = all;
    let crun = of_crun(&noop);
    Rates {
        naive: by_naive,
        docker: on_docker,
        attached: by_attach,
        bare_noop,
        native_noop,
        bare_python,
        native_python,
        crun,
    }
}

pub fn of_server(name: &'static str, server: &Server, request: &Value, clients: usize, turn: Duration) -> Rate {
    let (busy, of_server) = (machine::busy_seconds(), machine::process_seconds(server.pid()));
    let Seen { jobs, seconds, latencies, warm } =
        client::load(&server.url, &Request::new("/v1/execute", request), clients, turn, usize::MAX);
    // What the last jobs leave to be removed belongs to them.
    server.until_full();
    Rate {
        name,
        clients,
        jobs,
        seconds,
        busy_seconds: machine::busy_seconds() - busy,
        server_seconds: machine::process_seconds(server.pid()) - of_server,
        latencies,
        warm: warm * jobs as f64,
    }
}

pub fn of_bare(name: &'static str, root: &Root, commands: Commands, clients: usize) -> Rate {
    let busy = machine::busy_seconds();
    let (jobs, seconds) = root.sustained(commands, clients, QUICK_TURN);
    let busy_seconds = machine::busy_seconds() - busy;
    Rate { name, clients, jobs, seconds, busy_seconds, ..Rate::default() }
}

fn of_naive(naive: &Naive, files: &Path) -> Rate {
    let (jobs, busy, since) = (AtomicU64::new(0), machine::busy_seconds(), Instant::now());
    thread::scope(|scope| {
        for _ in 0..ON_DOCKER {
            scope.spawn(|| {
                while since.elapsed() < SLOW_TURN {
                    naive.time("binary", files, &["/box/noop"]);
                    jobs.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    let (jobs, seconds) = (jobs.into_inner(), since.elapsed().as_secs_f64());
    let busy_seconds = machine::busy_seconds() - busy;
    Rate { name: "no-op, create, exec, remove", clients: ON_DOCKER, jobs, seconds, busy_seconds, ..Rate::default() }
}

/// On an engine of its own: the host's knows of no other runtime, and must not be restarted for a bench.
fn of_crun(request: &Value) -> Result<[Rate; 2], String> {
    let path = Command::new("sh").args(["-c", "command -v crun"]).output().map_err(|error| error.to_string())?;
    let path = String::from_utf8_lossy(&path.stdout).trim().to_owned();
    if path.is_empty() {
        return Err("crun is not installed".to_owned());
    }
    eprintln!("sustained rate with crun: starting an engine of its own");
    let image = "caisson/binary:latest";
    let engine = PrivateEngine::with(&[image], Some(("crun", &path)));
    let works = ["run", "--rm", "--runtime", "crun", "--network", "none", image, "/usr/bin/true"];
    if let Err(said) = engine.host.try_docker(&works) {
        return Err(said.lines().next().unwrap_or_default().to_owned());
    }
    let of = |name, handoff: &str| {
        let arrange: Arrange = engines::on_docker(&[("binary", ON_DOCKER)]).set(handoff);
        let server = arrange.docker(engine.host.clone()).set("docker.runtime=crun").warm();
        let rate = of_server(name, &server, request, ON_DOCKER, SLOW_TURN);
        server.stop();
        rate
    };
    Ok([
        of("no-op, caisson, Docker, crun", "docker.handoff=exec"),
        of("no-op, caisson, Docker, crun, attach", "docker.handoff=attach"),
    ])
}

/// As many clients as there are run slots.
pub fn bursts(engines: &Engines, all: &[jobs::Job]) -> Vec<Burst> {
    let clients = thread::available_parallelism().map_or(1, usize::from);
    let of = |name, server: &Server, language, runs: fn(&jobs::Job) -> usize| {
        let job = all.iter().find(|job| job.language == language).expect("there is such a job");
        let jobs = (runs(job) as f64 * OF_SHELF) as usize;
        let request = Request::new(job.path, &job.request);
        let burst = || {
            server.until_full();
            client::load(&server.url, &request, clients, SLOW_TURN, jobs)
        };
        let seen = Vec::from_iter((0..BURSTS).map(|_| burst()));
        let of_all = |of: fn(&Seen) -> f64| median(&Vec::from_iter(seen.iter().map(of)));
        Burst { name, jobs, per_second: of_all(|seen| seen.jobs as f64 / seen.seconds), warm: of_all(|seen| seen.warm) }
    };
    vec![
        of("no-op, caisson, Docker", &engines.docker, "binary", |job| job.runs[1]),
        of("no-op, caisson, native", &engines.native, "binary", |job| job.runs[2]),
        of("python hello, caisson, Docker", &engines.docker, "python", |job| job.runs[1]),
        of("python hello, caisson, native", &engines.native, "python", |job| job.runs[2]),
    ]
}
