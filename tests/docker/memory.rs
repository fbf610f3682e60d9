//! A smaller memory limit than a sandbox was made with is the kernel's to enforce, wherever the engine is.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    thread,
};

use serde_json::{Value, json};

use crate::{
    engine::DockerHost,
    server::{Arrange, Server},
};

const LIMIT: u64 = 64 << 20;

/// What the bound may be above the limit: the agent's own memory, and what the kernel charges in advance.
const BESIDE: u64 = 24 << 20;

/// Takes all it can in one call, faster than anybody looks.
const GREEDY: &str = "#include <sys/mman.h>\nint main(void) {\n\
    char *p = mmap(0, 10UL << 30, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_POPULATE, -1, 0);\n\
    return p == MAP_FAILED ? 3 : 0; }";

fn greedy(server: &Server) {
    let limits = json!({"memory_bytes": LIMIT});
    let answer = server.execute(&json!({"language": "c", "source": GREEDY, "limits": limits}));
    assert_eq!(answer["run"]["status"], "memory_limit_exceeded", "{answer}");
    let peak = answer["run"]["memory_peak_bytes"].as_u64().unwrap();
    assert!((LIMIT..LIMIT + BESIDE).contains(&peak), "{peak} is not about {LIMIT}");
}

#[test]
fn the_kernel_stops_a_program_at_the_limit_of_its_request() {
    let server = Arrange::new(&[("c", 1)]).warm();
    greedy(&server);
    assert_eq!(server.metric("caisson_engine_request_seconds_count{operation=\"update\"}"), 0.0);
    server.nothing_is_left();
    server.stop();
}

#[test]
fn it_does_so_by_the_engines_help_where_the_control_group_is_elsewhere() {
    let arrange = Arrange::new(&[("c", 1)]);
    let server = arrange.docker(over_tcp()).warm();
    greedy(&server);
    // Once for the run; what the compile may use is what the sandbox was made with.
    assert_eq!(server.metric("caisson_engine_request_seconds_count{operation=\"update\"}"), 1.0);
    server.nothing_is_left();
    server.stop();
}

/// Has a large program, and uses most of the limit beside it.
fn large(server: &Server) {
    let source = "#include <stdlib.h>\n#include <string.h>\nchar ballast[40 << 20] = {1};\n\
        int main(void) { char *p = malloc(18 << 20); memset(p, 1, 18 << 20); return p[9] - 1; }";
    let limits = json!({"memory_bytes": LIMIT});
    let request = json!({"language": "c", "source": source, "limits": limits, "cases": [{}, {}]});
    let reply = server.post("/v1/judge", request.to_string());
    assert_eq!(reply.body["verdict"], "accepted", "{}", reply.body);
}

#[test]
fn what_is_kept_of_a_compile_is_not_taken_from_what_its_program_may_use() {
    let arrange = Arrange::new(&[("c", 1)]);
    let server = arrange.warm();
    large(&server);
    let elsewhere = Arrange::beside(&[("c", 1)]).docker(over_tcp()).warm();
    // Whoever made its sandboxes may be anywhere.
    assert_eq!(elsewhere.agents_over_sockets(), 0);
    large(&elsewhere);
    elsewhere.stop();
    server.stop();
}

#[test]
fn each_case_has_its_own_peak() {
    let source = "n = int(input())\ndata = bytearray(n << 20)\nfor i in range(0, len(data), 4096): data[i] = 1";
    let cases: Vec<_> = [60, 1, 30, 1].iter().map(|mib: &i32| json!({"stdin": mib.to_string()})).collect();
    let server = Arrange::new(&[("python", 1)]).warm();
    let reply = server.post("/v1/judge", json!({"language": "python", "source": source, "cases": cases}).to_string());
    assert_eq!(reply.body["verdict"], "accepted", "{}", reply.body);
    let of_case = |case: &Value| case["run"]["memory_peak_bytes"].as_u64().unwrap() >> 20;
    let peaks: Vec<u64> = reply.body["cases"].as_array().unwrap().iter().map(of_case).collect();
    let is_near = |peak: u64, mib: u64| (mib..mib + 12).contains(&peak);
    assert!([60, 1, 30, 1].iter().zip(&peaks).all(|(mib, peak)| is_near(*peak, *mib)), "{peaks:?}");
    server.stop();
}

/// The usual engine behind a TCP port, for as long as the test's process lives.
pub fn over_tcp() -> DockerHost {
    let socket = DockerHost::usual().0.trim_start_matches("unix://").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let engine = UnixStream::connect(&socket).unwrap();
            let (from_client, to_client) = (client.try_clone().unwrap(), client);
            let (from_engine, to_engine) = (engine.try_clone().unwrap(), engine);
            thread::spawn(move || forward(from_client, to_engine, |engine| engine.shutdown(Shutdown::Write)));
            thread::spawn(move || {
                forward(from_engine, to_client, |client: &TcpStream| client.shutdown(Shutdown::Write))
            });
        }
    });
    DockerHost(format!("tcp://{address}"))
}

/// One direction to its end, which is passed on.
fn forward<W: io::Write>(mut from: impl io::Read, mut to: W, end: impl FnOnce(&W) -> io::Result<()>) {
    let _ = io::copy(&mut from, &mut to);
    let _ = end(&to);
}
