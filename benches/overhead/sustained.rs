//! How many single-use sandboxes can be made, used and removed for as long as one likes: what is left when the shelf,
//! which makes bursts quick, is empty.

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bollard::{
    Docker,
    exec::{CreateExecOptions, StartExecResults},
    models::{ContainerCreateBody, HostConfig},
    query_parameters::RemoveContainerOptionsBuilder,
};
use futures_util::StreamExt;

use crate::{
    load, machine, noop,
    private_engine::PrivateEngine,
    server::{Arrange, Server},
};

/// What came of one way to do it.
pub struct Rate {
    pub name: String,
    pub jobs: u64,
    pub seconds: f64,
    /// Processor time of the whole machine.
    pub busy_seconds: f64,
    /// Of that, the server's.
    pub server_seconds: f64,
    /// Sorted, in microseconds; empty where nobody looked.
    pub latencies: Vec<u64>,
    /// The share of claims that the shelf met.
    pub warm: f64,
}

pub struct Rates {
    pub naive: Rate,
    pub caisson: Rate,
    pub crun: Result<Rate, String>,
}

const CLIENTS: usize = 4;
/// Two turns of each.
const TURN: Duration = Duration::from_secs(15);
/// So few that a burst from the shelf is lost in a turn.
const SHELF: usize = 4;
const IMAGE: &str = "caisson/binary:latest";
/// A static program that is in every image and does nothing.
const NOTHING: [&str; 2] = ["/caisson/agent", "rehearse"];

pub fn measure() -> Rates {
    let server = arrange().warm();
    let (mut naive, mut caisson) = (Vec::new(), Vec::new());
    for turn in 1..=2 {
        eprintln!("sustained rate: turn {turn} of 2");
        server.until_full();
        naive.push(measure_naive());
        server.until_full();
        caisson.push(measure_server("caisson, runc", &server));
    }
    server.stop();
    Rates { naive: together(naive), caisson: together(caisson), crun: measure_crun() }
}

fn arrange() -> Arrange {
    Arrange::beside(&[("binary", SHELF)]).set("pool.budget=48").set("log.filter=info")
}

fn measure_server(name: &str, server: &Server) -> Rate {
    let request = noop::request();
    let (busy, of_server) = (machine::busy_seconds(), machine::process_seconds(server.pid()));
    let claims =
        |result: &str| server.metric(&format!("caisson_claims_total{{language=\"binary\",result=\"{result}\"}}"));
    let (warm, late, cold) = (claims("warm"), claims("late"), claims("cold"));
    let seen = load::sustained(&server.url, &request, CLIENTS, TURN);
    let warm = claims("warm") - warm;
    let all = warm + claims("late") - late + claims("cold") - cold;
    // What the last jobs leave to be removed belongs to them.
    server.until_full();
    let mut latencies: Vec<u64> =
        seen.latencies.iter().flat_map(|(value, count)| (0..*count).map(|_| *value)).collect();
    latencies.sort_unstable();
    Rate {
        name: name.to_owned(),
        jobs: seen.requests,
        seconds: seen.seconds,
        busy_seconds: machine::busy_seconds() - busy,
        server_seconds: machine::process_seconds(server.pid()) - of_server,
        latencies,
        warm: warm / all,
    }
}

/// Create, start, exec, remove: each request its own container, made when it comes, with the engine's default settings
/// but for the network.
fn measure_naive() -> Rate {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let docker = Docker::connect_with_unix_defaults().unwrap();
    let jobs = Arc::new(AtomicU64::new(0));
    let busy = machine::busy_seconds();
    let since = Instant::now();
    runtime.block_on(async {
        let clients = (0..CLIENTS).map(|_| {
            let (docker, jobs) = (docker.clone(), Arc::clone(&jobs));
            tokio::spawn(async move {
                while since.elapsed() < TURN {
                    naive_job(&docker).await.expect("the engine makes plain containers");
                    jobs.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
    Rate {
        name: "create, start, exec, remove".to_owned(),
        jobs: jobs.load(Ordering::Relaxed),
        seconds: since.elapsed().as_secs_f64(),
        busy_seconds: machine::busy_seconds() - busy,
        server_seconds: 0.0,
        latencies: Vec::new(),
        warm: 0.0,
    }
}

async fn naive_job(docker: &Docker) -> Result<(), bollard::errors::Error> {
    let words = |words: &[&str]| Some(words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let body = ContainerCreateBody {
        image: Some(IMAGE.to_owned()),
        cmd: words(&["/usr/bin/sleep", "600"]),
        host_config: Some(HostConfig { network_mode: Some("none".to_owned()), ..HostConfig::default() }),
        ..ContainerCreateBody::default()
    };
    let container = docker.create_container(None, body).await?.id;
    docker.start_container(&container, None).await?;
    let options = CreateExecOptions {
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        cmd: words(&NOTHING),
        ..CreateExecOptions::default()
    };
    let exec = docker.create_exec(&container, options).await?.id;
    if let StartExecResults::Attached { mut output, .. } = docker.start_exec(&exec, None).await? {
        while output.next().await.transpose()?.is_some() {}
    }
    let force = RemoveContainerOptionsBuilder::new().force(true).build();
    docker.remove_container(&container, Some(force)).await
}

fn together(turns: Vec<Rate>) -> Rate {
    let mut turns = turns.into_iter();
    let mut all = turns.next().expect("there is a first turn");
    for Rate { name: _, jobs, seconds, busy_seconds, server_seconds, latencies, warm } in turns {
        all.warm = (all.warm * all.jobs as f64 + warm * jobs as f64) / (all.jobs + jobs) as f64;
        all.jobs += jobs;
        all.seconds += seconds;
        all.busy_seconds += busy_seconds;
        all.server_seconds += server_seconds;
        all.latencies.extend(latencies);
    }
    all.latencies.sort_unstable();
    all
}

/// On an engine of its own: the host's knows of no other runtime, and must not be restarted for a bench.
fn measure_crun() -> Result<Rate, String> {
    let path = Command::new("sh").args(["-c", "command -v crun"]).output().map_err(|error| error.to_string())?;
    let path = String::from_utf8_lossy(&path.stdout).trim().to_owned();
    if path.is_empty() {
        return Err("crun is not installed".to_owned());
    }
    eprintln!("sustained rate with crun: starting an engine of its own");
    let engine = PrivateEngine::with(&[IMAGE], Some(("crun", &path)));
    let works = engine.host.try_docker(&[
        "run",
        "--rm",
        "--runtime",
        "crun",
        "--network",
        "none",
        IMAGE,
        NOTHING[0],
        NOTHING[1],
    ]);
    if let Err(said) = works {
        return Err(said.lines().next().unwrap_or_default().to_owned());
    }
    let server = arrange().docker(engine.host.clone()).set("docker.runtime=crun").warm();
    let rate = measure_server("caisson, crun", &server);
    server.stop();
    Ok(rate)
}
