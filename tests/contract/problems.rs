//! What a refused request reads: RFC 9457, one shape for every code, and none of our internal words.

use std::path::Path;

use caisson::api::{ApiKey, KeyLimits, Scope};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::{
    http::{Answer, Call},
    server::{Arrange, BOOT, OWNER, REGISTRY, Server, execute},
    steady,
};

/// A problem document, its constant parts looked at.
#[derive(Debug, PartialEq)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub pointers: Vec<String>,
    pub detail: String,
    pub retry_after: Option<u64>,
}

impl Problem {
    pub fn read(answer: &Answer) -> Self {
        let text = answer.text();
        for internal in [OWNER, BOOT, REGISTRY, "told to fail", "fake", "docker", "container", "panicked"] {
            assert!(!text.contains(internal), "`{internal}` is an internal word: {text}");
        }
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{text}");
        let document = answer.json();
        let known = ["type", "title", "status", "detail", "code", "request_id", "errors"];
        let members = document.as_object().expect("an object");
        assert!(members.keys().all(|name| known.contains(&name.as_str())), "{text}");
        let code = document["code"].as_str().expect("a code");
        assert_eq!(document["type"], format!("/problems/{code}"));
        assert_eq!(document["status"], answer.status);
        assert!(document["title"].as_str().is_some_and(|title| !title.is_empty()));
        assert_eq!(document["request_id"].as_str(), answer.header("x-request-id"));
        let errors = document.get("errors").map_or(&[][..], |errors| errors.as_array().expect("a list"));
        let pointers = errors.iter().map(|error| {
            assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
            assert_eq!(error.as_object().map(|error| error.len()), Some(2));
            error["pointer"].as_str().expect("a pointer").to_owned()
        });
        Self {
            status: answer.status,
            code: code.to_owned(),
            pointers: pointers.collect(),
            detail: document["detail"].as_str().expect("a detail").to_owned(),
            retry_after: answer.header("retry-after").map(|seconds| seconds.parse().expect("whole seconds")),
        }
    }
}

impl Server {
    /// What is wrong with a request that never gets as far as a sandbox. The next good one is served
    /// and the shelves are as full as before.
    pub async fn refusal(&self, call: Call) -> Problem {
        let steps = self.engine.steps();
        let problem = Problem::read(&self.call(call).await);
        assert_eq!(self.engine.steps(), steps, "a refused request reached a sandbox");
        self.serves().await;
        self.settle().await;
        problem
    }

    /// Refuses a native request with these fields: status, code and the places of every fault.
    pub async fn refuses(&self, fields: Value) -> (u16, String, Vec<String>) {
        let Problem { status, code, pointers, detail: _, retry_after: _ } = self.refusal(execute(fields)).await;
        (status, code, pointers)
    }
}

/// What [`Server::refuses`] is expected to say.
pub fn fault(status: u16, code: &str, pointers: &[&str]) -> (u16, String, Vec<String>) {
    (status, code.to_owned(), pointers.iter().map(|pointer| (*pointer).to_owned()).collect())
}

pub fn malformed(pointers: &[&str]) -> (u16, String, Vec<String>) {
    fault(400, "malformed_request", pointers)
}

/// The whole document that a native request with these fields is answered with.
async fn document(fields: Value) -> Value {
    let answer = Arrange::warm().await.execute(fields).await;
    Problem::read(&answer);
    steady::problem(answer.json())
}

#[tokio::test]
async fn a_malformed_request_reads_all_its_faults() {
    assert_json_snapshot!(
        document(json!({"limits": {"cpu": 1}, "args": [1], "stdin": "?", "stdin_encoding": "base64"})).await
    );
}

#[tokio::test]
async fn an_unknown_language_reads_where_to_look() {
    assert_json_snapshot!(document(json!({"language": "cobol", "source": ""})).await);
}

#[tokio::test]
async fn an_unknown_version_reads_which_there_are() {
    assert_json_snapshot!(document(json!({"version": "2.7", "source": ""})).await);
}

#[tokio::test]
async fn an_invalid_limit_reads_the_ceiling() {
    assert_json_snapshot!(document(json!({"source": "", "limits": {"processes": 129, "wall_time_ms": 60_001}})).await);
}

#[tokio::test]
async fn an_invalid_file_reads_the_rule() {
    assert_json_snapshot!(document(json!({"files": [{"path": "../x", "content": ""}]})).await);
}

#[tokio::test]
async fn a_route_that_does_not_exist_reads_where_to_start() {
    assert_json_snapshot!(steady::problem(Arrange::warm().await.get("/v2/execute").await.json()));
}

#[tokio::test]
async fn a_missing_key_reads_how_to_send_one() {
    let keys = vec![ApiKey {
        name: "ci".into(),
        token: "secret".into(),
        scopes: vec![Scope::Execute],
        limits: KeyLimits::default(),
    }];
    let server = Arrange { keys, ..Arrange::default() }.start().await;
    assert_json_snapshot!(steady::problem(server.get("/v1/languages").await.json()));
}

#[tokio::test]
async fn a_key_without_the_scope_reads_that_it_lacks_it() {
    let keys = vec![ApiKey {
        name: "ci".into(),
        token: "secret".into(),
        scopes: vec![Scope::Execute],
        limits: KeyLimits::default(),
    }];
    let server = Arrange { keys, ..Arrange::default() }.start().await;
    let answer = server.call(Call::get("/v1/status").header("X-Api-Key", "secret")).await;
    assert_json_snapshot!(steady::problem(answer.json()));
}

#[tokio::test]
async fn a_method_that_is_not_allowed_reads_where_to_look() {
    assert_json_snapshot!(steady::problem(Arrange::warm().await.get("/v1/execute").await.json()));
}

#[tokio::test]
async fn an_unsupported_media_type_reads_the_one_to_send() {
    let call = Call::post("/v1/execute", "{}").header("Content-Type", "text/plain");
    assert_json_snapshot!(steady::problem(Arrange::warm().await.call(call).await.json()));
}

#[tokio::test]
async fn a_body_that_is_too_large_reads_the_cap() {
    let call = Call::post_announcing("/v1/execute", (4 << 20) + 1, b"");
    assert_json_snapshot!(steady::problem(Arrange::warm().await.call(call).await.json()));
}

#[tokio::test]
async fn a_panic_of_our_own_is_an_internal_fault_without_its_words() {
    let server = Arrange { metrics: || panic!("a secret"), ..Arrange::default() }.start().await.settled().await;
    let answer = server.get("/metrics").await;
    assert!(!answer.text().contains("secret"));
    Problem::read(&answer);
    assert_json_snapshot!(steady::problem(answer.json()));
    server.serves().await;
}

#[tokio::test]
async fn a_flood_of_faults_is_counted_and_a_hundred_are_listed() {
    let fields: serde_json::Map<_, _> = (0..1000).map(|number| (format!("x{number}"), json!(1))).collect();
    let mut fields = Value::Object(fields);
    fields["source"] = json!("");
    let problem = Arrange::warm().await.refusal(execute(fields)).await;
    assert_eq!(problem.pointers.len(), 100);
    assert!(problem.detail.starts_with("1000 faults, the first: "), "{}", problem.detail);
}

#[test]
fn every_snapshot_is_of_a_test_that_still_exists() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract");
    for entry in std::fs::read_dir(here.join("snapshots")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let (module, test) = name.trim_start_matches("contract__").split_once("__").expect("a module and a test");
        let source = std::fs::read_to_string(here.join(format!("{module}.rs"))).unwrap();
        let test = test.trim_end_matches(".snap");
        assert!(source.contains(&format!("fn {test}()")), "{name} is nobody's");
    }
}
