//! Whether what is reported is what was used, and how far a limit is overrun: programs with known use, through the real
//! server. Exit code 1 when a target is missed. Needs a Docker engine, the images and a C compiler.

#[path = "../../tests/support/engine.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod engine;
#[path = "../../tests/support/server.rs"]
#[allow(dead_code, reason = "shared with the docker suite, which uses all of it")]
mod server;

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use server::{Arrange, Server};

const ROUNDS: usize = 5;

/// A use that is known, and what may be reported for it.
struct Use {
    what: &'static str,
    how: &'static str,
    amount: f64,
}

const MIB: f64 = 1024.0 * 1024.0;

fn main() -> ExitCode {
    let program = build();
    let program_mib = program.len() as f64 / MIB;
    let program = BASE64_STANDARD.encode(program);
    let server = Arrange::new(&[("binary", 8)]).warm();
    let bench = Bench { server, program, program_mib };
    let mut missed = 0;
    println!("{:<8}{:<13}{:>8}{:>12}{:>10}   within", "", "", "used", "median", "worst");
    for how in ["one", "threads", "children", "orphans"] {
        let amounts = [20.0, 100.0, 1000.0].into_iter();
        missed += amounts.filter(|amount| !bench.row(&Use { what: "cpu", how, amount: *amount })).count();
    }
    for how in ["heap", "mapped", "in children", "in files"] {
        // A sandbox's /tmp has a bound of its own.
        let amounts = [10.0, 50.0, if how == "in files" { 120.0 } else { 200.0 }].into_iter();
        missed += amounts.filter(|amount| !bench.row(&Use { what: "memory", how, amount: *amount })).count();
    }
    println!("\novershoot beyond a CPU limit of 500 ms, median of {ROUNDS}");
    for (how, most) in [("one", 20.0), ("bomb", 60.0)] {
        let over = median((0..ROUNDS).map(|_| bench.overshoot(how)).collect());
        let is_met = over <= most;
        println!("{how:<21}{over:>8.1} ms   {} {most} ms", mark(is_met));
        missed += usize::from(!is_met);
    }
    missed += usize::from(!bench.near_the_limit());
    bench.server.stop();
    if missed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Bench {
    server: Server,
    /// As base64.
    program: String,
    /// What it takes of memory by lying in the work directory.
    program_mib: f64,
}

impl Bench {
    fn run(&self, known: &Use, limits: Value) -> Value {
        let request = json!({
            "language": "binary", "files": [{"path": "main", "content": self.program, "encoding": "base64"}],
            "args": [known.what, known.how, known.amount.to_string()], "limits": limits
        });
        self.server.execute(&request)
    }

    /// Prints a row; whether the median is within what is promised.
    fn row(&self, known: &Use) -> bool {
        let limits = json!({"cpu_time_ms": 10_000, "memory_bytes": 400 << 20, "file_size_bytes": 256 << 20});
        let (field, unit, used, part, beside) = match known.what {
            "cpu" => ("cpu_time_ms", 1.0, known.amount, 0.03, 2.0),
            _ => ("memory_peak_bytes", MIB, known.amount + self.program_mib, 0.02, 1.0),
        };
        let reported = || {
            let answer = self.run(known, limits.clone());
            assert_eq!(answer["status"], "ok", "{answer}");
            answer["run"][field].as_f64().unwrap() / unit
        };
        let all: Vec<f64> = (0..ROUNDS).map(|_| reported()).collect();
        let off = |reported: f64| (reported - used).abs();
        let worst = all.iter().copied().max_by(|a, b| off(*a).total_cmp(&off(*b))).unwrap();
        let middle = median(all);
        let bound = used * part + beside;
        let is_met = off(middle) <= bound;
        let Use { what, how, amount: _ } = known;
        println!("{what:<8}{how:<13}{used:>8.2}{middle:>12.2}{worst:>10.2}   {} {bound:.1}", mark(is_met));
        is_met
    }

    fn overshoot(&self, how: &'static str) -> f64 {
        let answer =
            self.run(&Use { what: "cpu", how, amount: 1e9 }, json!({"cpu_time_ms": 500, "wall_time_ms": 5000}));
        assert_eq!(answer["status"], "time_limit_exceeded", "{answer}");
        answer["run"]["cpu_time_ms"].as_f64().unwrap() - 500.0
    }

    /// 200 judgings each of a program that uses nine tenths of its limit, and of one that uses a tenth more, while
    /// another core is kept busy.
    fn near_the_limit(&self) -> bool {
        let over = Arc::new(AtomicBool::new(false));
        let busy = thread::spawn({
            let over = Arc::clone(&over);
            move || while !over.load(Ordering::Relaxed) {}
        });
        println!("\n200 judgings near the limit, one core kept busy");
        let mut is_met = true;
        for (what, how, amount, wanted) in [
            ("cpu", "one", 90.0, "accepted"),
            ("cpu", "one", 110.0, "time_limit_exceeded"),
            ("memory", "mapped", 58.0, "accepted"),
            ("memory", "mapped", 70.0, "memory_limit_exceeded"),
        ] {
            let request = json!({
                "language": "binary", "files": [{"path": "main", "content": self.program, "encoding": "base64"}],
                "args": [what, how, amount.to_string()], "stop_on_failure": false, "cases": vec![json!({}); 200],
                "limits": {"cpu_time_ms": 100, "wall_time_ms": 5000, "memory_bytes": 64 << 20}
            });
            let reply = self.server.post("/v1/judge", request.to_string());
            assert_eq!(reply.status, 200, "{}", reply.body);
            let cases = reply.body["cases"].as_array().unwrap();
            let agreed = cases.iter().filter(|case| case["verdict"] == wanted).count();
            println!("{what:<8}{how:<13}{amount:>8}   {wanted:<24}{agreed} of 200   {}", mark(agreed == 200));
            is_met &= agreed == 200;
        }
        over.store(true, Ordering::Relaxed);
        busy.join().unwrap();
        is_met
    }
}

fn mark(is_met: bool) -> &'static str {
    if is_met { "ok" } else { "MISSED" }
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn build() -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let executable = directory.path().join("load");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/accuracy/load.c");
    let built = Command::new("cc").args(["-O2", "-static", "-pthread", "-o"]).args([&executable, &source]).status();
    assert!(built.unwrap().success(), "{} does not compile", source.display());
    fs::read(executable).unwrap()
}
