//! Files brought back after the run. In the relay's sandbox those are the request's own files.

use serde_json::{Value, json};

use crate::server::Arrange;

async fn brought_back(files: Value, artifacts: Value) -> Value {
    Arrange::warm().await.report(json!({"files": files, "artifacts": artifacts})).await
}

#[tokio::test]
async fn a_file_comes_back_as_base64_with_its_size() {
    let files =
        json!([{"path": "main.py", "content": "print x"}, {"path": "out/a", "content": "/wA=", "encoding": "base64"}]);
    let report = brought_back(files, json!(["out/a"])).await;
    assert_eq!(report["artifacts"], json!([{"path": "out/a", "content": "/wA=", "size_bytes": 2}]));
}

#[tokio::test]
async fn an_empty_file_is_not_a_missing_one() {
    let files = json!([{"path": "main.py", "content": "print x"}, {"path": "a", "content": ""}]);
    let report = brought_back(files, json!(["a"])).await;
    assert_eq!(report["artifacts"], json!([{"path": "a", "content": "", "size_bytes": 0}]));
}

#[tokio::test]
async fn what_cannot_be_brought_back_says_why_and_fails_nothing_else() {
    let files = json!([
        {"path": "main.py", "content": "print x"}, {"path": "link", "content": "link /etc/passwd"},
        {"path": "a", "content": "a"}
    ]);
    let report = brought_back(files, json!(["missing", "link", "a"])).await;
    assert_eq!(report["status"], "ok");
    let expected = json!([
        {"path": "missing", "error": "does not exist"},
        {"path": "link", "error": "is or lies behind a link"},
        {"path": "a", "content": "YQ==", "size_bytes": 1}
    ]);
    assert_eq!(report["artifacts"], expected);
}

#[tokio::test]
async fn who_asks_for_no_artifact_gets_no_list() {
    let report = Arrange::warm().await.report(json!({"source": "print x"})).await;
    assert_eq!(report.get("artifacts"), None);
}

#[tokio::test]
async fn a_program_that_fails_still_leaves_its_files() {
    let files = json!([{"path": "main.py", "content": "exit 1"}, {"path": "a", "content": "a"}]);
    let report = brought_back(files, json!(["a"])).await;
    assert_eq!(report["status"], "runtime_error");
    assert_eq!(report["artifacts"], json!([{"path": "a", "content": "YQ==", "size_bytes": 1}]));
}
