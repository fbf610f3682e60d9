//! What a client may send by mistake or on purpose: a clear answer, nothing left behind, and the next request unharmed.
//! The contract suite looks at every fault in detail; here each meets the real engine.

use serde_json::{Value, json};

use crate::server::{Arrange, Server};

/// A body, the status it must get, and where the answer must point to.
struct Bad {
    what: &'static str,
    body: Vec<u8>,
    status: u16,
    pointer: Option<&'static str>,
}

fn bad(what: &'static str, body: impl ToString, status: u16, pointer: &'static str) -> Bad {
    Bad {
        what,
        body: body.to_string().into_bytes(),
        status,
        pointer: Some(pointer).filter(|pointer| !pointer.is_empty()),
    }
}

fn request(name: &str, value: Value) -> Value {
    let mut request = json!({"language": "bash", "source": "echo hello"});
    if name == "files" {
        request.as_object_mut().unwrap().remove("source");
    }
    request[name] = value;
    request
}

fn file(path: &str) -> Value {
    json!({"path": path, "content": "echo hello"})
}

fn all() -> Vec<Bad> {
    let limit = |value: Value| request("limits", json!({"cpu_time_ms": value}));
    let many: Vec<_> = (0..10_000).map(|number| file(&number.to_string())).collect();
    let mut all = vec![
        bad("not JSON", "{", 400, ""),
        bad("no object", "[]", 400, ""),
        bad("wrong type", request("stdin", json!(7)), 400, "/stdin"),
        bad("unknown field", request("limts", json!({})), 400, "/limts"),
        bad("unknown limit", request("limits", json!({"cpu": 1})), 400, "/limits/cpu"),
        bad("unknown language", request("language", json!("cobol")), 422, "/language"),
        bad("limit 0", limit(json!(0)), 422, "/limits/cpu_time_ms"),
        bad("negative limit", limit(json!(-1)), 422, "/limits/cpu_time_ms"),
        bad("limit over the ceiling", limit(json!(1e12)), 422, "/limits/cpu_time_ms"),
        bad("NaN", r#"{"language":"bash","source":"","limits":{"cpu_time_ms":NaN}}"#, 400, ""),
        bad("empty files", request("files", json!([])), 422, "/files"),
        bad("a path that leaves", request("files", json!([file("../x")])), 422, "/files/0/path"),
        bad("an absolute path", request("files", json!([file("/etc/x")])), 422, "/files/0/path"),
        bad("a path twice", request("files", json!([file("x"), file("x")])), 422, "/files/1/path"),
        bad("10,000 files", request("files", json!(many)), 422, "/files"),
        bad("NUL in a path", request("files", json!([file("a\0b")])), 422, "/files/0/path"),
        bad(
            "invalid base64",
            request("files", json!([{"path": "x", "content": "%%%", "encoding": "base64"}])),
            400,
            "/files/0/content",
        ),
        bad("args of 1 MiB", request("args", json!(["x".repeat(1 << 20)])), 422, "/args"),
        bad("body over the cap", request("stdin", json!("x".repeat(5 << 20))), 413, ""),
    ];
    let text = br#"{"language":"bash","source":"","stdin":"?"}"#;
    let body = text.iter().map(|byte| if *byte == b'?' { 0xff } else { *byte }).collect();
    all.push(Bad { what: "invalid UTF-8", body, status: 400, pointer: None });
    all
}

fn check(server: &Server, bad: Bad) {
    let Bad { what, body, status, pointer } = bad;
    let reply = server.post("/v1/execute", body);
    assert_eq!(reply.status, status, "{what}: {}", reply.body);
    assert_eq!(reply.headers["content-type"], "application/problem+json", "{what}");
    assert_eq!(reply.headers["x-request-id"].to_str().ok(), reply.body["request_id"].as_str(), "{what}");
    let pointers: Vec<_> = reply.body["errors"].as_array().into_iter().flatten().collect();
    match pointer {
        Some(pointer) => assert!(pointers.iter().any(|fault| fault["pointer"] == pointer), "{what}: {}", reply.body),
        None => assert!(!reply.body["detail"].as_str().unwrap().is_empty(), "{what}"),
    }
    assert_eq!(server.output("bash", "echo hello"), "hello\n", "after {what}");
}

#[test]
fn bad_input_is_answered_clearly_and_harms_nobody() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    for bad in all() {
        check(&server, bad);
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn large_sources_and_odd_bytes_arrive_as_they_were_sent() {
    let server = Arrange::new(&[("bash", 1), ("python", 1)]).warm();
    let source = format!("# {}\nprint('end')", "x".repeat(1 << 20));
    assert_eq!(server.output("python", &source), "end\n");
    let request = json!({
        "language": "python", "source": "import sys\nsys.stdout.buffer.write(sys.stdin.buffer.read())",
        "stdin": "gP8AYQ==", "stdin_encoding": "base64", "output_encoding": "base64",
    });
    assert_eq!(server.execute(&request)["run"]["stdout"], "gP8AYQ==");
    let answer = server.execute(&json!({"language": "bash", "source": "printf 'a\\377b'"}));
    assert_eq!((&answer["run"]["stdout"], &answer["run"]["stdout_lossy"]), (&json!("a\u{fffd}b"), &json!(true)));
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_file_below_a_link_of_the_program_is_never_brought_back() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    let source = "ln -s /etc etc; ln -s /proc/self/environ env; mkfifo pipe; mkdir d; echo x > d/f";
    let artifacts = json!(["etc/passwd", "env", "pipe", "d", "d/f"]);
    let answer = server.execute(&json!({"language": "bash", "source": source, "artifacts": artifacts}));
    let found: Vec<_> = answer["artifacts"].as_array().unwrap().iter().map(|a| a["content"].is_string()).collect();
    assert_eq!(found, [false, false, false, false, true], "{answer}");
    server.stop();
}
