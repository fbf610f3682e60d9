//! Judgings that are asked for wrongly.

use serde_json::{Value, json};

use crate::server::Arrange;

async fn pointers(fields: Value) -> (u16, Vec<String>) {
    let answer = Arrange::warm().await.judge(fields).await;
    let errors = answer.json()["errors"].as_array().cloned().unwrap_or_default();
    (answer.status, errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn every_fault_of_the_shape_is_named_at_once() {
    let fields = json!({
        "source": "cat", "stdin": "x", "artifacts": [], "isolation": "none", "stop_on_failure": "yes",
        "checker": {"kind": "fuzzy", "eps": 1}, "cases": [1, {"stdin": 1, "points": "x", "expected": "", "args": ["a", 1]}]
    });
    let expected = [
        "/cases/0",
        "/cases/1/stdin",
        "/cases/1/args/1",
        "/cases/1/points",
        "/cases/1/expected",
        "/checker/kind",
        "/checker/eps",
        "/stop_on_failure",
        "/isolation",
        "/artifacts",
        "/stdin",
    ];
    assert_eq!(pointers(fields).await, (400, expected.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn cases_are_required() {
    assert_eq!(pointers(json!({"source": "cat"})).await, (400, vec!["/cases".to_owned()]));
}

#[tokio::test]
async fn a_checker_has_a_kind() {
    let fields = json!({"source": "cat", "cases": [{}], "checker": {}});
    assert_eq!(pointers(fields).await, (400, vec!["/checker/kind".to_owned()]));
}

#[tokio::test]
async fn every_wish_that_cannot_be_granted_is_named_at_once() {
    let fields = json!({
        "source": "cat", "checker": {"kind": "lines", "abs": 1, "case_sensitive": true},
        "cases": [
            {"id": "a", "limits": {"cpu_time_ms": 0}}, {"id": "a", "points": -1}, {"id": "", "args": ["\u{0}"]}
        ]
    });
    let expected = [
        "/checker/case_sensitive",
        "/checker/abs",
        "/cases/0/limits/cpu_time_ms",
        "/cases/1/points",
        "/cases/1/id",
        "/cases/2/args/0",
        "/cases/2/id",
    ];
    assert_eq!(pointers(fields).await, (422, expected.map(str::to_owned).to_vec()));
}

#[tokio::test]
async fn there_is_at_least_one_case_and_there_are_not_too_many() {
    for count in [0, 1001] {
        let fields = json!({"source": "cat", "cases": vec![json!({}); count]});
        assert_eq!(pointers(fields).await, (422, vec!["/cases".to_owned()]), "{count}");
    }
}

#[tokio::test]
async fn a_tolerance_is_no_less_than_nothing() {
    let fields = json!({"source": "cat", "cases": [{}], "checker": {"kind": "float", "abs": -1}});
    assert_eq!(pointers(fields).await, (422, vec!["/checker/abs".to_owned()]));
}
