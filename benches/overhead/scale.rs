//! What idle sandboxes cost those that are used, and what many clients cost each other.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    bare::Root,
    client::{Client, Request},
    engines,
    figures::{median, percentile},
    idle,
    jobs::INPUT,
    machine, noop,
    server::{self, Arrange},
    sustained::{self, NOOP, QUICK_TURN, Rate, SLOW_TURN},
    table,
    targets::Target,
};

/// Jobs beside so many idle sandboxes, one client with a pause before each.
struct Beside {
    engine: &'static str,
    idle: usize,
    /// Milliseconds: what claims took, as answers tell it, and whole requests.
    claims: Vec<f64>,
    latencies: Vec<f64>,
    /// Processor time of the whole machine, milliseconds per job, its sandbox's making and removal included.
    cpu_ms: Vec<f64>,
    /// For each idle sandbox.
    mib: Vec<f64>,
    /// Jobs that the shelf met.
    warm: usize,
}

/// So many clients without a pause, and as many bare runs at once.
struct Crowd {
    bare: Rate,
    native: Rate,
    docker: Rate,
}

const IDLE_NATIVE: [usize; 3] = [10, 100, 1000];
/// A thousand would need as many shims, of 3 MiB and a tenth of a second each to make and to remove.
const IDLE_DOCKER: [usize; 2] = [10, 100];
const ROUNDS: usize = 3;
const JOBS: usize = 40;
const PAUSE: Duration = Duration::from_millis(50);
const CLIENTS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];
/// Beyond the shelf: sandboxes that are used, made and removed meanwhile.
const IN_HAND: u32 = 64;
const MIB_EACH: f64 = 0.5;
/// Of the p50 beside ten. Of whole requests: a claim that the shelf meets takes no time that an answer could tell.
const BESIDE_MANY: f64 = 1.2;

pub fn main(files: &Path) {
    let machine = machine::describe();
    println!("{machine}\n");
    let beside = beside();
    print_beside(&beside);
    let crowds = crowds(files);
    print_crowds(&crowds);
    let targets = targets(&beside);
    table::print_targets(&targets);
    let document = json!({
        "machine": machine,
        "beside_idle": beside.iter().map(Beside::document).collect::<Vec<_>>(),
        "clients": crowds.iter().map(Crowd::document).collect::<Vec<_>>(),
    });
    fs::write(server::root().join("target/scale.json"), format!("{document:#}\n")).unwrap();
    println!("\nall of it: target/scale.json");
}

/// In turns: each round makes every shelf anew.
fn beside() -> Vec<Beside> {
    let native = IDLE_NATIVE.map(|idle| ("native", idle));
    let docker = IDLE_DOCKER.map(|idle| ("Docker", idle));
    let mut all = Vec::from_iter(native.into_iter().chain(docker).map(|(engine, idle)| Beside {
        engine,
        idle,
        claims: Vec::new(),
        latencies: Vec::new(),
        cpu_ms: Vec::new(),
        mib: Vec::new(),
        warm: 0,
    }));
    for round in 1..=ROUNDS {
        for one in &mut all {
            eprintln!("{} idle sandboxes, {}: round {round} of {ROUNDS}", one.idle, one.engine);
            one.round();
        }
    }
    all
}

impl Beside {
    fn round(&mut self) {
        let on_engine = if self.engine == "native" { engines::on_native } else { engines::on_docker };
        let server = on_engine(&[("binary", 1)]).budget(self.idle as u32 + IN_HAND).warm();
        self.mib.push(idle::memory_of(&server, "binary", self.idle));
        let request = Request::new("/v1/execute", &noop::request());
        let mut client = Client::of(&server.url);
        let busy = machine::busy_seconds();
        for _ in 0..JOBS {
            thread::sleep(PAUSE);
            let answer = client.send(&request);
            self.warm += usize::from(answer.is_warm());
            self.latencies.push(answer.took.as_secs_f64() * 1e3);
            self.claims.push(answer.json()["timing"]["claim_ms"].as_f64().expect("answers tell it"));
        }
        // What the last jobs leave to be removed and made belongs to them.
        server.until_full();
        self.cpu_ms.push((machine::busy_seconds() - busy) * 1e3 / JOBS as f64);
        server.stop();
    }

    fn document(&self) -> Value {
        json!({
            "engine": self.engine,
            "idle": self.idle,
            "claim_p50_ms": median(&self.claims),
            "claim_p99_ms": percentile(&self.claims, 0.99),
            "p50_ms": median(&self.latencies),
            "p99_ms": percentile(&self.latencies, 0.99),
            "machine_cpu_ms_per_job": median(&self.cpu_ms),
            "mib_each": median(&self.mib),
            "warm_share": self.warm as f64 / self.claims.len() as f64,
        })
    }
}

fn crowds(files: &Path) -> Vec<Crowd> {
    let patient = |arrange: Arrange| arrange.set("pool.queue_patience_ms=100000").warm();
    let native = patient(engines::on_native(&[("binary", 8)]));
    let docker = patient(engines::on_docker(&[("binary", 4)]));
    let (root, request) = (Root::of("binary", files, INPUT), noop::request());
    let crowd = |clients| {
        eprintln!("{clients} clients");
        Crowd {
            bare: sustained::of_bare("bare", &root, NOOP, clients),
            native: sustained::of_server("native", &native, &request, clients, QUICK_TURN),
            docker: sustained::of_server("Docker", &docker, &request, clients, SLOW_TURN),
        }
    };
    let crowds = CLIENTS.into_iter().map(crowd).collect();
    native.stop();
    docker.stop();
    crowds
}

impl Crowd {
    fn document(&self) -> Value {
        let of = |rate: &Rate| {
            json!({
                "per_s": rate.per_second(),
                "machine_cpu_ms_per_job": rate.cpu_ms(),
                "p50_ms": median(&rate.latencies),
                "p99_ms": percentile(&rate.latencies, 0.99),
            })
        };
        let bare = json!({"per_s": self.bare.per_second(), "machine_cpu_ms_per_job": self.bare.cpu_ms()});
        json!({"clients": self.bare.clients, "bare": bare, "native": of(&self.native), "docker": of(&self.docker)})
    }
}

fn targets(beside: &[Beside]) -> Vec<Target> {
    let native = Vec::from_iter(beside.iter().filter(|one| one.engine == "native"));
    let (few, many) = (native[0], native[native.len() - 1]);
    vec![
        Target::at_most(format!("MiB for each of {} idle sandboxes, native", many.idle), median(&many.mib), MIB_EACH),
        Target::at_most(
            format!("request beside {} idle sandboxes, native: p50 to that beside {}", many.idle, few.idle),
            median(&many.latencies) / median(&few.latencies),
            BESIDE_MANY,
        ),
    ]
}

fn print_beside(beside: &[Beside]) {
    println!("a static program beside idle sandboxes; one client, {} ms before each; milliseconds", PAUSE.as_millis());
    println!(
        "{:<10}{:>8}{:>11}{:>11}{:>11}{:>11}{:>11}{:>11}{:>7}",
        "", "idle", "claim p50", "claim p99", "p50", "p99", "CPU/job", "MiB each", "warm"
    );
    for one in beside {
        let [claim, latency] = [&one.claims, &one.latencies].map(|values| (median(values), percentile(values, 0.99)));
        print!("{:<10}{:>8}{:>11.3}{:>11.3}", one.engine, one.idle, claim.0, claim.1);
        print!("{:>11.2}{:>11.2}{:>11.2}{:>11.2}", latency.0, latency.1, median(&one.cpu_ms), median(&one.mib));
        println!("{:>6.0}%", one.warm as f64 / one.claims.len() as f64 * 100.0);
    }
    println!();
}

fn print_crowds(crowds: &[Crowd]) {
    println!(
        "a static program, clients without a pause: jobs per second, CPU of the whole machine per job, latency; ms"
    );
    println!(
        "{:<9}{:>10}{:>9}  |{:>10}{:>9}{:>9}{:>9}{:>9}  |{:>10}{:>9}{:>9}{:>9}",
        "clients", "bare", "CPU", "native", "to bare", "CPU", "p50", "p99", "Docker", "CPU", "p50", "p99"
    );
    for Crowd { bare, native, docker } in crowds {
        print!("{:<9}{:>10.1}{:>9.2}  |", bare.clients, bare.per_second(), bare.cpu_ms());
        print!("{:>10.1}{:>9.3}{:>9.2}", native.per_second(), native.per_second() / bare.per_second(), native.cpu_ms());
        print!("{:>9.2}{:>9.2}  |", median(&native.latencies), percentile(&native.latencies, 0.99));
        print!("{:>10.1}{:>9.2}", docker.per_second(), docker.cpu_ms());
        println!("{:>9.1}{:>9.1}", median(&docker.latencies), percentile(&docker.latencies, 0.99));
    }
    println!();
}
