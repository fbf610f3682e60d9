//! A job that has done nothing: what becomes of it while an attack goes on beside it.

use std::thread;

use serde_json::{Value, json};

use crate::{answer::cut, planted::Planted, server::Server};

/// What one run of it used, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    cpu_ms: f64,
    wall_ms: f64,
}

/// Of its processor time, beside an attack. It has a processor of its own and shares caches and memory.
const MORE_CPU: f64 = 2.5;
/// Of its wall time. The machine may have other work than these two.
const MORE_WALL: f64 = 8.0;

const ROUNDS: u64 = 2_500_000;

/// Busy for some 300 ms, with secrets in its source, its input and its files.
fn request(planted: &Planted) -> Value {
    let source = format!(
        "import sys\n# {}\nopen('/tmp/file', 'w').write(sys.stdin.read())\nn = 7\n\
         for i in range({ROUNDS}):\n    n = (n * 1103515245 + i) % 2147483648\nprint(n, '{}')\n",
        planted.neighbours_source, planted.neighbours_output
    );
    let limits = json!({"cpu_time_ms": 20_000, "wall_time_ms": 60_000});
    json!({"language": "python", "source": source, "stdin": planted.neighbours_input, "limits": limits})
}

fn run(server: &Server, planted: &Planted) -> Result<Times, String> {
    let answer = server.execute(&request(planted));
    let run = &answer["run"];
    let number = (0..ROUNDS).fold(7, |n: u64, i| (n * 1_103_515_245 + i) % (1 << 31));
    let right = format!("{number} {}\n", planted.neighbours_output);
    if answer["status"] != "ok" || run["stdout"] != right {
        return Err(format!("the innocent got {}: {}", answer["status"], cut(&run.to_string())));
    }
    let time = |key: &str| run[key].as_f64().unwrap_or(f64::NAN);
    Ok(Times { cpu_ms: time("cpu_time_ms"), wall_ms: time("wall_time_ms") })
}

/// What it uses when nothing else runs.
pub fn alone(server: &Server, planted: &Planted) -> Times {
    let times: Result<Vec<_>, _> = (0..3).map(|_| run(server, planted)).collect();
    median(&times.unwrap_or_else(|fault| panic!("alone: {fault}")))
}

/// Runs it again and again for as long as the attack goes on; with the attack's result.
pub fn beside<T: Send>(
    server: &Server,
    planted: &Planted,
    alone: Times,
    attack: impl FnOnce() -> T + Send,
) -> (T, Vec<String>) {
    thread::scope(|scope| {
        let attack = scope.spawn(attack);
        let (mut times, mut faults) = (Vec::new(), Vec::new());
        while !attack.is_finished() {
            match run(server, planted) {
                Ok(used) => times.push(used),
                Err(fault) => faults.push(fault),
            }
        }
        // The last one had part of its time to itself.
        if times.len() > 1 {
            times.pop();
        }
        if times.is_empty() {
            faults.push("no innocent ran beside it".to_owned());
        } else {
            faults.extend(median(&times).slower_than(alone));
        }
        (attack.join().expect("a request that fails is told, not thrown"), faults)
    })
}

fn median(times: &[Times]) -> Times {
    let middle = |of: fn(&Times) -> f64| {
        let mut all: Vec<_> = times.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Times { cpu_ms: middle(|times| times.cpu_ms), wall_ms: middle(|times| times.wall_ms) }
}

impl Times {
    fn slower_than(self, alone: Self) -> Option<String> {
        let is_slower = self.cpu_ms > alone.cpu_ms * MORE_CPU || self.wall_ms > alone.wall_ms * MORE_WALL;
        is_slower.then(|| format!("the innocent used {self:?}, alone {alone:?}"))
    }
}
