//! What is wrong before a request is a document: its bytes, its size, its method, its route.

use serde_json::json;

use crate::{
    http::Call,
    server::{Arrange, Server},
};

const CAP: usize = 64 * 1024;

async fn small() -> Server {
    Arrange { max_body_bytes: CAP, ..Arrange::default() }.start().await.settled().await
}

/// A good request of exactly this many bytes.
fn padded(length: usize) -> String {
    let body = json!({"language": "python", "source": "print fine"}).to_string();
    format!("{body}{}", " ".repeat(length - body.len()))
}

#[tokio::test]
async fn a_body_that_is_not_json_is_malformed() {
    let server = Arrange::warm().await;
    let deep = "[".repeat(100_000);
    let bodies: [&[u8]; 9] = [
        b"",
        b"{",
        b"language=python",
        b"{\"language\": \"python\",}",
        b"{} {}",
        b"{'language': 'python'}",
        b"\xef\xbb\xbf{}",
        b"\0",
        deep.as_bytes(),
    ];
    for body in bodies {
        let problem = server.refusal(Call::post("/v1/execute", body)).await;
        assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_request"));
        assert!(problem.detail.starts_with("the body is not JSON"), "{}", problem.detail);
    }
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_malformed() {
    let server = Arrange::warm().await;
    for stray in [&b"\xff"[..], b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"] {
        let body = [b"{\"language\": \"python\", \"source\": \"", stray, b"\"}"].concat();
        let problem = server.refusal(Call::post("/v1/execute", body)).await;
        assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_request"), "{stray:?}");
    }
}

#[tokio::test]
async fn half_a_character_in_an_escape_is_malformed() {
    let body = r#"{"language": "python", "source": "\ud800"}"#;
    let problem = Arrange::warm().await.refusal(Call::post("/v1/execute", body)).await;
    assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_request"));
}

#[tokio::test]
async fn a_body_that_says_it_is_over_the_cap_is_refused_unread() {
    let server = small().await;
    for length in [CAP + 1, usize::MAX / 2] {
        let problem = server.refusal(Call::post_announcing("/v1/execute", length, b"")).await;
        assert_eq!((problem.status, problem.code.as_str()), (413, "payload_too_large"));
        assert_eq!(problem.detail, "the body is over the cap of 65536 bytes");
    }
}

#[tokio::test]
async fn a_chunked_body_is_refused_as_soon_as_it_is_over_the_cap() {
    let server = small().await;
    let problem = server.refusal(Call::post_chunks("/v1/execute", &[&vec![b' '; CAP], b"x"])).await;
    assert_eq!((problem.status, problem.code.as_str()), (413, "payload_too_large"));
}

#[tokio::test]
async fn a_body_of_exactly_the_cap_is_served() {
    let server = small().await;
    let answer = server.call(Call::post("/v1/execute", padded(CAP))).await;
    assert_eq!(answer.status, 200);
    let chunked = Call::post_chunks("/v1/execute", &[padded(CAP).as_bytes(), b""]);
    assert_eq!(server.call(chunked).await.status, 200);
}

#[tokio::test]
async fn a_body_that_calls_itself_anything_but_json_is_unsupported() {
    let server = Arrange::warm().await;
    for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json", ""] {
        let call = Call::post("/v1/execute", padded(100)).header("Content-Type", media_type);
        let problem = server.refusal(call).await;
        assert_eq!((problem.status, problem.code.as_str()), (415, "unsupported_media_type"), "{media_type}");
    }
}

#[tokio::test]
async fn a_route_that_does_not_exist_is_not_found() {
    let server = Arrange::warm().await;
    for path in ["/v1", "/v1/", "/v1/execute/", "/V1/execute", "/v1/execute/x", "/favicon.ico", "/%2e%2e/etc/passwd"] {
        for method in ["GET", "POST", "DELETE"] {
            let problem = server.refusal(Call::new(method, path)).await;
            assert_eq!((problem.status, problem.code.as_str()), (404, "not_found"), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_method_that_a_route_does_not_know_is_answered_with_those_it_does() {
    let server = Arrange::warm().await;
    for (path, allowed) in [
        ("/v1/execute", "POST"),
        ("/v1/languages", "GET,HEAD"),
        ("/v1/status", "GET,HEAD"),
        ("/healthz", "GET,HEAD"),
        ("/readyz", "GET,HEAD"),
        ("/metrics", "GET,HEAD"),
    ] {
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let problem = server.refusal(Call::new(method, path)).await;
            assert_eq!((problem.status, problem.code.as_str()), (405, "method_not_allowed"), "{method} {path}");
            assert_eq!(server.call(Call::new(method, path)).await.header("allow"), Some(allowed), "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_get_of_what_is_only_posted_is_not_allowed() {
    let problem = Arrange::warm().await.refusal(Call::get("/v1/execute")).await;
    assert_eq!((problem.status, problem.code.as_str()), (405, "method_not_allowed"));
}
