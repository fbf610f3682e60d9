//! Well-formed wishes that are not granted: 422, each with its place.

use serde_json::{Value, json};

use crate::{
    problems::{fault, malformed},
    server::{Arrange, Server, execute},
    shape_faults::LIMITS,
};

fn invalid_limit(pointers: &[&str]) -> (u16, String, Vec<String>) {
    fault(422, "invalid_limit", pointers)
}

/// Refuses `value` for every limit of both stages.
async fn refuses_everywhere(server: &Server, limits: &[&str], value: Value) {
    for name in limits {
        let fields = json!({"source": "", "limits": {*name: value}, "compile": {"limits": {*name: value}}});
        let pointers = [format!("/limits/{name}"), format!("/compile/limits/{name}")];
        let pointers = pointers.each_ref().map(String::as_str);
        assert_eq!(server.refuses(fields).await, invalid_limit(&pointers), "{value}");
    }
}

#[tokio::test]
async fn no_limit_is_zero_or_negative() {
    let server = Arrange::warm().await;
    for value in [json!(0), json!(-1), json!(-0.0), json!(i64::MIN), json!(-1e300)] {
        refuses_everywhere(&server, &LIMITS, value).await;
    }
}

#[tokio::test]
async fn no_limit_is_over_its_ceiling() {
    let server = Arrange::warm().await;
    for value in [json!(1e18), json!(u64::MAX), json!(1e308)] {
        refuses_everywhere(&server, &LIMITS, value).await;
    }
}

#[tokio::test]
async fn the_ceiling_itself_is_granted_and_one_more_is_not() {
    let server = Arrange::warm().await;
    for (name, most) in [("wall_time_ms", 60_000), ("processes", 128), ("memory_bytes", 1 << 30)] {
        server.report(json!({"source": "print x", "limits": {name: most}})).await;
        let pointer = format!("/limits/{name}");
        let over = server.refuses(json!({"source": "", "limits": {name: most + 1}})).await;
        assert_eq!(over, invalid_limit(&[&pointer]));
    }
}

#[tokio::test]
async fn counts_are_whole_and_times_need_not_be() {
    let server = Arrange::warm().await;
    refuses_everywhere(&server, &LIMITS[2..], json!(2_000_000.5)).await;
    server.report(json!({"source": "print x", "limits": {"cpu_time_ms": 1000.5, "wall_time_ms": 1000.25}})).await;
}

#[tokio::test]
async fn a_limit_under_which_nothing_starts_is_refused() {
    let server = Arrange::warm().await;
    for (name, value) in [("memory_bytes", 1024), ("stack_bytes", 1024), ("open_files", 3)] {
        let pointer = format!("/limits/{name}");
        let refused = server.refuses(json!({"source": "", "limits": {name: value}})).await;
        assert_eq!(refused, invalid_limit(&[&pointer]));
    }
}

#[tokio::test]
async fn a_number_that_is_none_is_no_limit() {
    let server = Arrange::warm().await;
    assert_eq!(
        server.refuses(json!({"source": "", "limits": {"cpu_time_ms": "NaN"}})).await,
        malformed(&["/limits/cpu_time_ms"])
    );
    for token in ["NaN", "Infinity", "-Infinity", "1e999", "0x10", "01", "+1"] {
        let body = format!(r#"{{"language": "python", "source": "", "limits": {{"cpu_time_ms": {token}}}}}"#);
        let problem = server.refusal(crate::http::Call::post("/v1/execute", body)).await;
        assert_eq!((problem.status, problem.code.as_str()), (400, "malformed_request"), "{token}");
        assert!(problem.detail.starts_with("the body is not JSON"), "{}", problem.detail);
    }
}

#[tokio::test]
async fn a_deadline_is_above_zero_and_not_over_the_most() {
    let server = Arrange::warm().await;
    for deadline in [json!(0), json!(-1), json!(60_001), json!(1e300)] {
        let refused = server.refuses(json!({"source": "", "deadline_ms": deadline})).await;
        assert_eq!(refused, invalid_limit(&["/deadline_ms"]), "{deadline}");
    }
    server.report(json!({"source": "print x", "deadline_ms": 60_000})).await;
}

#[tokio::test]
async fn arguments_of_one_mebibyte_are_refused() {
    let server = Arrange::warm().await;
    assert_eq!(server.refuses(json!({"source": "", "args": ["x".repeat(1 << 20)]})).await, invalid_limit(&["/args"]));
    let many = vec!["xxxxxxx"; 1 << 17];
    assert_eq!(server.refuses(json!({"source": "", "args": many})).await, invalid_limit(&["/args"]));
}

#[tokio::test]
async fn an_environment_of_one_mebibyte_is_refused() {
    let refused = Arrange::warm().await.refuses(json!({"source": "", "env": {"A": "x".repeat(1 << 20)}})).await;
    assert_eq!(refused, invalid_limit(&["/env"]));
}

#[tokio::test]
async fn reserved_names_of_the_environment_are_refused() {
    let server = Arrange::warm().await;
    for name in ["PATH", "HOME", "TMPDIR", "PWD", "LD_PRELOAD", "LD_LIBRARY_PATH", "CAISSON_TOKEN"] {
        let pointer = format!("/env/{name}");
        let refused = server.refuses(json!({"source": "", "env": {name: "x"}})).await;
        assert_eq!(refused, invalid_limit(&[&pointer]));
    }
}

#[tokio::test]
async fn names_that_no_environment_can_hold_are_refused() {
    let server = Arrange::warm().await;
    for (name, pointer) in [
        ("", "/env/"),
        ("A=B", "/env/A=B"),
        ("1A", "/env/1A"),
        ("A B", "/env/A B"),
        ("A\0", "/env/A\0"),
        ("Ä", "/env/Ä"),
        ("A/B", "/env/A~1B"),
    ] {
        assert_eq!(server.refuses(json!({"source": "", "env": {name: "x"}})).await, invalid_limit(&[pointer]));
    }
}

#[tokio::test]
async fn a_nul_is_no_part_of_a_word() {
    let fields = json!({"source": "", "args": ["a", "\0"], "env": {"A": "\0"}, "compile": {"flags": ["\0"]}});
    let pointers = ["/args/1", "/compile/flags/0", "/env/A"];
    assert_eq!(Arrange::warm().await.refuses(fields).await, invalid_limit(&pointers));
}

#[tokio::test]
async fn several_wishes_are_refused_together() {
    let fields = json!({
        "source": "", "limits": {"cpu_time_ms": 0, "processes": 1e9}, "compile": {"limits": {"wall_time_ms": -1}},
        "deadline_ms": 0, "args": ["\0"], "env": {"PATH": "x"}
    });
    let pointers = [
        "/limits/cpu_time_ms",
        "/limits/processes",
        "/compile/limits/wall_time_ms",
        "/deadline_ms",
        "/args/0",
        "/env/PATH",
    ];
    assert_eq!(Arrange::warm().await.refuses(fields).await, invalid_limit(&pointers));
}

#[tokio::test]
async fn an_unknown_language_is_told_from_an_unknown_version() {
    let server = Arrange::warm().await;
    for name in ["cobol", "", "python ", "pyth\0n", "../python", &"x".repeat(100_000)] {
        let refused = server.refuses(json!({"language": name, "source": ""})).await;
        assert_eq!(refused, fault(422, "unknown_language", &["/language"]));
    }
    for version in ["2.7", "^4", "", "newest", "*garbage*"] {
        let refused = server.refuses(json!({"version": version, "source": ""})).await;
        assert_eq!(refused, fault(422, "unknown_version", &["/version"]), "{version:?}");
    }
}

#[tokio::test]
async fn a_detail_does_not_quote_the_request() {
    let name = "x".repeat(100_000);
    let problem = Arrange::warm().await.refusal(execute(json!({"language": name, "source": ""}))).await;
    assert!(problem.detail.len() < 200);
}
