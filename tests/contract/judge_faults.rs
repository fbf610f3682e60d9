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

#[tokio::test]
async fn a_program_that_judges_is_asked_for_as_any_other() {
    let program = |fields: Value| {
        let mut checker = json!({"kind": "program", "language": "c", "source": "exit 0", "protocol": "kattis"});
        checker.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        json!({"source": "cat", "cases": [{}], "checker": checker})
    };
    let large = "x".repeat(90_000);
    for (fields, status, pointer) in [
        (json!({"protocol": "icpc"}), 400, "/checker/protocol"),
        (json!({"protocol": null}), 400, "/checker/protocol"),
        (json!({"abs": 1}), 400, "/checker/abs"),
        (json!({"stdin": "x"}), 400, "/checker/stdin"),
        (json!({"deadline_ms": 5}), 400, "/checker/deadline_ms"),
        (json!({"source": null}), 400, "/checker/source"),
        (json!({"language": "cobol"}), 422, "/checker/language"),
        (json!({"limits": {"cpu_time_ms": 0}}), 422, "/checker/limits/cpu_time_ms"),
        (json!({"source": null, "files": [{"path": "../a", "content": ""}]}), 422, "/checker/files/0/path"),
        (json!({"source": null, "files": [{"path": "case-input", "content": ""}]}), 422, "/checker/files"),
        (json!({"source": null, "files": [{"path": "case-input/a", "content": ""}]}), 422, "/checker/files"),
        (json!({"args": [large], "env": {"A": "y".repeat(9000)}}), 422, "/checker/args"),
    ] {
        assert_eq!(pointers(program(fields.clone())).await, (status, vec![pointer.to_owned()]), "{fields}");
    }
}

#[tokio::test]
async fn a_problem_has_a_checker_or_an_interactor() {
    let interactor = json!({"language": "c", "source": "exit 42", "protocol": "kattis"});
    let both = json!({"source": "cat", "cases": [{}], "checker": {"kind": "lines"}, "interactor": interactor});
    assert_eq!(pointers(both).await, (400, vec!["/interactor".to_owned()]));
    let incomplete = json!({"source": "cat", "cases": [{}], "interactor": {"language": "c", "kind": "program"}});
    let expected = ["/interactor/protocol", "/interactor/source", "/interactor/kind"];
    assert_eq!(pointers(incomplete).await, (400, expected.map(str::to_owned).to_vec()));
    let nobody_there = json!({"source": "cat", "cases": [{}, {"checker_args": ["x"]}]});
    assert_eq!(pointers(nobody_there).await, (422, vec!["/cases/1/checker_args".to_owned()]));
}

#[tokio::test]
async fn so_many_cases_at_once_are_a_whole_number() {
    for parallel in [json!(0), json!(1.5), json!(65), json!(-1)] {
        let fields = json!({"source": "cat", "cases": [{}], "parallel": parallel});
        assert_eq!(pointers(fields).await, (422, vec!["/parallel".to_owned()]), "{parallel}");
    }
}

#[tokio::test]
async fn arguments_are_bounded_with_all_that_goes_with_them() {
    let (args, env) = (json!(["x".repeat(50_000)]), json!({"A": "y".repeat(50_000)}));
    let fields = json!({"source": "cat", "env": env, "cases": [{}, {"args": args}]});
    assert_eq!(pointers(fields).await, (422, vec!["/cases/1/args".to_owned()]));
    // Each for itself is small enough.
    let checker = json!({
        "kind": "program", "language": "c", "source": "exit 0", "protocol": "kattis", "args": ["x".repeat(60_000)]
    });
    let fields = json!({"source": "cat", "checker": checker, "cases": vec![json!({}); 200]});
    assert_eq!(pointers(fields).await, (422, vec!["/cases/139/checker_args".to_owned()]));
}
