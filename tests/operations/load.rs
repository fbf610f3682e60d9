//! Traffic in which everything happens that a dashboard should show: good programs and bad, bursts, refusals, judgings,
//! clients that hang up.

use std::{
    io::Write,
    net::TcpStream,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::server::Server;

/// Of one kind of traffic: this often, for so long.
struct Beat {
    every: Duration,
    until: Instant,
}

impl Beat {
    fn run(&self, mut act: impl FnMut(usize)) {
        for number in 0.. {
            let began = Instant::now();
            if began >= self.until {
                return;
            }
            act(number);
            thread::sleep(self.every.saturating_sub(began.elapsed()));
        }
    }
}

/// For that long; what was sent is answered when it returns.
pub fn drive(server: &Server, length: Duration) {
    let until = Instant::now() + length;
    let beat = |millis| Beat { every: Duration::from_millis(millis), until };
    thread::scope(|scope| {
        scope.spawn(|| beat(400).run(|number| send(server, "/v1/execute", &ordinary(number))));
        scope.spawn(|| beat(4000).run(|number| send(server, "/v1/execute", &unruly(number))));
        scope.spawn(|| beat(4000).run(|_| send(server, "/v1/judge", &judging())));
        scope.spawn(|| beat(8000).run(|_| hang_up(server)));
        scope.spawn(|| beat(5000).run(|_| two_at_a_time(server)));
        // Not all the time, so that there is something to compare with.
        thread::sleep(length / 3);
        beat(7000).run(|_| burst(server));
    });
}

/// Refusals are part of it, so that any answer will do.
fn send(server: &Server, path: &str, request: &Value) {
    let reply = server.post(path, request.to_string());
    assert!(matches!(reply.status, 200 | 503), "{}: {}", reply.status, reply.body);
}

/// What most jobs are, and now and then one that fails by itself.
fn ordinary(number: usize) -> Value {
    static NEW: AtomicU32 = AtomicU32::new(0);
    let hello = "#include <stdio.h>\nint main(void) { puts(\"hello\"); }\n";
    match number % 8 {
        0 | 3 => json!({"language": "bash", "source": "echo hello"}),
        1 => json!({"language": "c", "source": hello}),
        // Compiled anew: nobody has sent it before.
        5 => json!({"language": "c", "source": format!("{hello}// {}\n", NEW.fetch_add(1, Ordering::Relaxed))}),
        6 => json!({"language": "python", "source": "import sys\nsys.exit(3)"}),
        7 if number.is_multiple_of(3) => json!({"language": "c", "source": "int main(void) { return nothing; }"}),
        _ => json!({"language": "python", "source": "print(sum(range(10 ** 6)))"}),
    }
}

/// Programs that meet a limit.
fn unruly(number: usize) -> Value {
    let python = |source: &str, limits: Value| json!({"language": "python", "source": source, "limits": limits});
    match number % 4 {
        0 => python("while True: pass", json!({"cpu_time_ms": 500})),
        1 => python("a = bytearray(200 << 20)", json!({"memory_bytes": 64 << 20})),
        2 => python("while True: print('x' * 1000)", json!({"output_bytes": 4096, "output_policy": "kill"})),
        _ => python("import time\ntime.sleep(9)", json!({"wall_time_ms": 600})),
    }
}

/// Right, right, wrong, and one that is skipped for that.
fn judging() -> Value {
    let source =
        "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d%d\", &a, &b); printf(\"%d\\n\", a + b); }\n";
    let case = |input: &str, output: &str| json!({"stdin": input, "expected_output": output});
    let cases = [case("1 2", "3"), case("2 2", "4"), case("2 3", "6"), case("0 0", "0")];
    json!({"language": "c", "source": source, "cases": cases})
}

/// The second comes when the only sandbox is taken and the next is in the making.
fn two_at_a_time(server: &Server) {
    let request = |seconds: &str| json!({"language": "bash", "source": format!("sleep {seconds}")});
    thread::scope(|scope| {
        scope.spawn(|| send(server, "/v1/execute", &request("0.2")));
        thread::sleep(Duration::from_millis(50));
        send(server, "/v1/execute", &request("0"));
    });
}

/// More at once than there are sandboxes, run slots and places in the queue.
fn burst(server: &Server) {
    let request = json!({"language": "python", "source": "import time\ntime.sleep(0.3)"});
    thread::scope(|scope| {
        for _ in 0..10 {
            scope.spawn(|| send(server, "/v1/execute", &request));
        }
    });
}

/// A client that does not wait for its answer.
fn hang_up(server: &Server) {
    let body = json!({"language": "bash", "source": "sleep 5"}).to_string();
    let address = server.url.strip_prefix("http://").expect("plain HTTP");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = "POST /v1/execute HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    // Long enough to have a sandbox, unless all are taken; either way it is somebody who left.
    thread::sleep(Duration::from_millis(700));
}
