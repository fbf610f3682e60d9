//! Answers without what differs from run to run, each such value looked at before it is struck out.

use serde_json::{Value, json};

/// A report whose id and measured times are replaced by their kinds.
pub fn report(mut report: Value) -> Value {
    let id = report["id"].as_str().expect("an id");
    assert!(is_fresh_id(id), "{id}");
    report["id"] = json!("[id]");
    strike_times(&mut report["timing"]);
    for stage in ["compile", "run"] {
        if let Some(stage) = report[stage].as_object_mut() {
            let wall = stage.get_mut("wall_time_ms").expect("a wall time");
            strike(wall);
        }
    }
    report
}

/// A judgement, treated likewise.
pub fn judgement(mut judgement: Value) -> Value {
    for case in judgement["cases"].as_array_mut().expect("cases") {
        if let Some(run) = case["run"].as_object_mut() {
            strike(run.get_mut("wall_time_ms").expect("a wall time"));
        }
    }
    report(judgement)
}

/// A problem whose request id is replaced.
pub fn problem(mut problem: Value) -> Value {
    assert!(problem["request_id"].is_string());
    problem["request_id"] = json!("[id]");
    problem
}

/// 32 hexadecimal digits, as the server makes them.
pub fn is_fresh_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn strike_times(timing: &mut Value) {
    for value in timing.as_object_mut().expect("timings").values_mut() {
        strike(value);
    }
}

fn strike(time: &mut Value) {
    assert!(time.as_f64().is_some_and(|ms| ms >= 0.0), "{time}");
    *time = json!("[ms]");
}
