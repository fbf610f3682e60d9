//! Warm hits of one client, in turns with bare runs and with `docker run`.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::{Value, json};

use crate::{
    bare::{Commands, Root},
    docker_run, load, noop,
    server::{Arrange, Server},
};

/// A program, and how it is run in each of the three ways.
struct Job<'a> {
    name: &'static str,
    image: &'static str,
    request: Value,
    bare: Commands<'a>,
    /// The same as one command line for a container, whose files are in /box.
    in_container: &'a [&'a str],
    /// Warm hits in each round; fewer than there are on the shelf.
    hits: usize,
    targets: Targets,
}

/// What the ratios should not exceed.
#[derive(Debug, Clone, Copy)]
pub struct Targets {
    pub p50_to_bare: f64,
    pub p50_to_docker_run: Option<f64>,
    pub p99_to_p50: Option<f64>,
}

/// All in microseconds, sorted.
pub struct Latencies {
    pub name: &'static str,
    pub bare: Vec<u64>,
    pub caisson: Vec<u64>,
    pub docker_run: Vec<u64>,
    pub targets: Targets,
}

const ROUNDS: usize = 5;
const BARE_RUNS: usize = 30;
const DOCKER_RUNS: usize = 3;

/// After a round the used sandboxes are removed and new ones made; what that leaves behind in the kernel takes a moment.
const REST: Duration = Duration::from_secs(2);

/// More than a round's requests take. wrk waits for its whole duration, even if its client has stopped.
const ROUND: Duration = Duration::from_secs(3);

const HELLO_C: &str = "#include <stdio.h>\n\nint main(void)\n{\n    puts(\"hello\");\n    return 0;\n}\n";

pub fn measure() -> Vec<Latencies> {
    let files = tempfile::tempdir().unwrap();
    noop::build(files.path());
    fs::write(files.path().join("main.py"), "print(\"hello\")\n").unwrap();
    fs::write(files.path().join("main.c"), HELLO_C).unwrap();
    let jobs = [
        Job {
            name: "static no-op",
            image: "caisson/binary:latest",
            request: noop::request(),
            bare: &[&["./noop"]],
            in_container: &["/box/noop"],
            hits: 40,
            targets: Targets { p50_to_bare: 5.0, p50_to_docker_run: Some(1.0 / 60.0), p99_to_p50: Some(4.0) },
        },
        Job {
            name: "python hello",
            image: "caisson/python:latest",
            request: json!({"language": "python", "source": "print(\"hello\")\n"}),
            bare: &[&["/usr/bin/python3", "main.py"]],
            in_container: &["/usr/bin/python3", "/box/main.py"],
            hits: 20,
            targets: Targets { p50_to_bare: 1.35, p50_to_docker_run: None, p99_to_p50: None },
        },
        Job {
            name: "C hello, compiled",
            image: "caisson/c:latest",
            request: json!({"language": "c", "source": HELLO_C}),
            bare: &[&["/usr/bin/gcc", "-O2", "-o", "main", "main.c", "-lm"], &["./main"]],
            in_container: &["/bin/sh", "-c", "/usr/bin/gcc -O2 -o main /box/main.c -lm && ./main"],
            hits: 15,
            targets: Targets { p50_to_bare: 1.25, p50_to_docker_run: None, p99_to_p50: None },
        },
    ];
    let server =
        Arrange::new(&[("binary", 45), ("python", 25), ("c", 20)]).set("pool.budget=140").set("log.filter=info").warm();
    let latencies = jobs.iter().map(|job| measure_job(job, &server, files.path())).collect();
    server.stop();
    latencies
}

fn measure_job(job: &Job<'_>, server: &Server, files: &Path) -> Latencies {
    let root = Root::of(job.image);
    for file in ["noop", "main.py", "main.c"] {
        root.put(file, &files.join(file));
    }
    let (mut bare, mut caisson, mut docker_runs) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        eprintln!("{}: round {round} of {ROUNDS}", job.name);
        server.until_full();
        thread::sleep(REST);
        let of_bare: Vec<_> = (0..BARE_RUNS).map(|_| root.time(job.bare)).collect();
        let seen = load::warm_hits(&server.url, &job.request, job.hits, ROUND);
        let hits: u64 = seen.latencies.iter().map(|(_, count)| count).sum();
        assert_eq!(hits, job.hits as u64, "{}: {ROUND:?} are too short", job.name);
        let of_docker: Vec<_> =
            (0..DOCKER_RUNS).map(|_| docker_run::time(job.image, files, job.in_container)).collect();
        // The round that reads everything for the first time is nobody's figure.
        if round > 0 {
            bare.extend(of_bare.iter().map(micros));
            caisson.extend(seen.latencies.iter().flat_map(|(value, count)| (0..*count).map(|_| *value)));
            docker_runs.extend(of_docker.iter().map(micros));
        }
    }
    for latencies in [&mut bare, &mut caisson, &mut docker_runs] {
        latencies.sort_unstable();
    }
    Latencies { name: job.name, bare, caisson, docker_run: docker_runs, targets: job.targets }
}

fn micros(duration: &Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
