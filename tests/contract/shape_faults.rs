//! Requests that do not have the right shape: 400, each fault with its place, all of them at once.

use serde_json::{Value, json};

use crate::{
    problems::malformed,
    server::{Arrange, request},
};

#[tokio::test]
async fn every_field_of_the_wrong_type_is_named() {
    let server = Arrange::warm().await;
    let cases = [
        (json!({"language": 1}), "/language"),
        (json!({"language": {}}), "/language"),
        (json!({"version": 3}), "/version"),
        (json!({"source": ["print x"]}), "/source"),
        (json!({"source": null, "files": {}}), "/files"),
        (json!({"source": null, "files": ["main.py"]}), "/files/0"),
        (json!({"source": null, "files": [{"path": 1, "content": ""}]}), "/files/0/path"),
        (json!({"source": null, "files": [{"path": "a", "content": 1}]}), "/files/0/content"),
        (json!({"source": null, "files": [{"path": "a", "content": "", "encoding": "hex"}]}), "/files/0/encoding"),
        (json!({"source": null, "files": [{"path": "a", "content": "", "encoding": 1}]}), "/files/0/encoding"),
        (json!({"entrypoint": true}), "/entrypoint"),
        (json!({"stdin": 1}), "/stdin"),
        (json!({"stdin_encoding": "UTF8"}), "/stdin_encoding"),
        (json!({"args": "a"}), "/args"),
        (json!({"args": ["a", 2]}), "/args/1"),
        (json!({"args": [null]}), "/args/0"),
        (json!({"env": []}), "/env"),
        (json!({"env": {"A": 1}}), "/env/A"),
        (json!({"env": {"A/B": 1}}), "/env/A~1B"),
        (json!({"limits": 1}), "/limits"),
        (json!({"limits": []}), "/limits"),
        (json!({"limits": {"output_policy": "maim"}}), "/limits/output_policy"),
        (json!({"compile": "-O2"}), "/compile"),
        (json!({"compile": {"flags": "-O2"}}), "/compile/flags"),
        (json!({"compile": {"flags": [1]}}), "/compile/flags/0"),
        (json!({"compile": {"limits": "none"}}), "/compile/limits"),
        (json!({"output_encoding": "latin1"}), "/output_encoding"),
        (json!({"output_encoding": 8}), "/output_encoding"),
        (json!({"artifacts": "a"}), "/artifacts"),
        (json!({"artifacts": [{}]}), "/artifacts/0"),
        (json!({"deadline_ms": "1000"}), "/deadline_ms"),
        (json!({"deadline_ms": [1]}), "/deadline_ms"),
    ];
    for (fields, pointer) in cases {
        assert_eq!(server.refuses(with_source(fields.clone())).await, malformed(&[pointer]), "{fields}");
    }
}

#[tokio::test]
async fn every_limit_is_a_number_in_both_stages() {
    let server = Arrange::warm().await;
    for name in LIMITS {
        for wrong in [json!("1"), json!("NaN"), json!(true), json!([1]), json!({})] {
            let fields = json!({"source": "", "limits": {name: wrong}, "compile": {"limits": {name: wrong}}});
            let pointers = [format!("/limits/{name}"), format!("/compile/limits/{name}")];
            assert_eq!(server.refuses(fields).await, malformed(&pointers.each_ref().map(String::as_str)), "{wrong}");
        }
    }
}

#[tokio::test]
async fn an_unknown_field_is_a_fault_at_every_level() {
    let server = Arrange::warm().await;
    let cases = [
        (json!({"sauce": ""}), "/sauce"),
        (json!({"Language": "c"}), "/Language"),
        (json!({"files": [{"path": "a", "content": "", "mode": 7}]}), "/files/0/mode"),
        (json!({"limits": {"cpu_time": 1}}), "/limits/cpu_time"),
        (json!({"compile": {"args": []}}), "/compile/args"),
        (json!({"compile": {"limits": {"output_policy": "kill"}}}), "/compile/limits/output_policy"),
        (json!({"a~b": null}), "/a~0b"),
    ];
    for (fields, pointer) in cases {
        assert_eq!(server.refuses(with_source(fields.clone())).await, malformed(&[pointer]), "{fields}");
    }
}

#[tokio::test]
async fn exactly_one_of_source_and_files_is_given() {
    let server = Arrange::warm().await;
    let both = json!({"source": "", "files": [{"path": "a", "content": ""}]});
    assert_eq!(server.refuses(both).await, malformed(&["/files"]));
    assert_eq!(server.refuses(json!({})).await, malformed(&["/source"]));
}

#[tokio::test]
async fn a_language_is_required() {
    assert_eq!(Arrange::warm().await.refuses(json!({"language": null, "source": ""})).await, malformed(&["/language"]));
}

#[tokio::test]
async fn what_is_called_base64_and_is_not_is_a_fault() {
    let server = Arrange::warm().await;
    for wrong in ["*", "YQ", "Y===", "YQ==\n", "_-8=", "ä"] {
        let stdin = json!({"source": "", "stdin": wrong, "stdin_encoding": "base64"});
        assert_eq!(server.refuses(stdin).await, malformed(&["/stdin"]), "{wrong:?}");
        let file = json!({"files": [{"path": "a", "content": wrong, "encoding": "base64"}]});
        assert_eq!(server.refuses(file).await, malformed(&["/files/0/content"]), "{wrong:?}");
    }
}

#[tokio::test]
async fn a_file_has_a_path_and_a_content() {
    let pointers = ["/files/0/path", "/files/0/content", "/files/1/content"];
    let fields = json!({"files": [{}, {"path": "a"}]});
    assert_eq!(Arrange::warm().await.refuses(fields).await, malformed(&pointers));
}

#[tokio::test]
async fn several_faults_are_told_together() {
    let fields = json!({
        "language": 1, "limits": {"cpu": 1, "processes": "2"}, "args": {}, "typo": 1,
        "files": [{"path": "a", "content": "?", "encoding": "base64"}]
    });
    let pointers = ["/language", "/files/0/content", "/args", "/limits/processes", "/limits/cpu", "/typo"];
    assert_eq!(Arrange::warm().await.refuses(fields).await, malformed(&pointers));
}

#[tokio::test]
async fn what_is_no_object_is_one_fault_at_the_root() {
    let server = Arrange::warm().await;
    for document in ["[]", "1", "null", "\"{}\"", "true"] {
        let problem = server.refusal(crate::http::Call::post("/v1/execute", document)).await;
        assert_eq!((problem.status, problem.pointers), (400, vec![String::new()]), "{document}");
        assert_eq!(problem.detail, "the request must be an object");
    }
}

pub const LIMITS: [&str; 8] = [
    "cpu_time_ms",
    "wall_time_ms",
    "memory_bytes",
    "output_bytes",
    "processes",
    "file_size_bytes",
    "open_files",
    "stack_bytes",
];

/// These fields beside an otherwise good request.
fn with_source(fields: Value) -> Value {
    let mut document = request(fields);
    if document.get("source").is_none() && document.get("files").is_none() {
        document["source"] = json!("print x");
    }
    document
}
