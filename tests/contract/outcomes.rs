//! Every way in which a run can end, whole answer by whole answer. A program that fails is a 200.

use insta::assert_json_snapshot;
use serde_json::json;

use crate::{server::Arrange, steady};

#[tokio::test]
async fn a_run_that_is_ok() {
    let report = Arrange::warm().await.report(json!({"source": "print out\nerr log"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn a_program_that_was_compiled_brings_both_stages() {
    let report = Arrange::warm().await.report(json!({"language": "c", "source": "print out"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn a_compile_error_has_no_run() {
    let report = Arrange::warm().await.report(json!({"language": "c", "source": "uncompilable"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn an_exit_code_other_than_zero_is_a_runtime_error() {
    let report = Arrange::warm().await.report(json!({"source": "exit 3"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn a_signal_is_a_runtime_error_and_has_its_name() {
    let report = Arrange::warm().await.report(json!({"source": "signal 11"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn cpu_time_over_its_limit_is_told_from_wall_time() {
    let report = Arrange::warm().await.report(json!({"source": "print x", "limits": {"cpu_time_ms": 0.5}})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn wall_time_over_its_limit_is_told_from_cpu_time() {
    let fields = json!({"source": "print x\nhang", "limits": {"wall_time_ms": 20}});
    let report = Arrange::warm().await.report(fields).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn a_deadline_that_passes_during_the_run_is_named() {
    let report = Arrange::warm().await.report(json!({"source": "hang", "deadline_ms": 60})).await;
    assert_eq!(report["status"], "time_limit_exceeded");
    assert_eq!(report["run"]["message"], "the request's deadline passed");
}

#[tokio::test]
async fn memory_over_its_limit() {
    let report = Arrange::warm().await.report(json!({"source": "oom"})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn output_over_its_cap_is_cut_and_marked_and_the_program_goes_on() {
    let fields = json!({"source": "print 123456\nprint 7\nerr 1234\nexit 0", "limits": {"output_bytes": 4}});
    let report = Arrange::warm().await.report(fields).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn output_over_its_cap_ends_the_program_when_that_is_asked_for() {
    let limits = json!({"output_bytes": 4, "output_policy": "kill"});
    let report = Arrange::warm().await.report(json!({"source": "print 123456", "limits": limits})).await;
    assert_json_snapshot!(steady::report(report));
}

#[tokio::test]
async fn output_that_fits_its_cap_to_the_byte_is_whole() {
    let limits = json!({"output_bytes": 4, "output_policy": "kill"});
    let report = Arrange::warm().await.report(json!({"source": "print 1234", "limits": limits})).await;
    assert_eq!((&report["status"], &report["run"]["stdout_truncated"]), (&json!("ok"), &json!(false)));
}

#[tokio::test]
async fn a_sandbox_that_is_lost_is_no_fault_of_the_program() {
    let server = Arrange::warm().await;
    let report = server.report(json!({"source": "print begun\ndie"})).await;
    assert_json_snapshot!(steady::report(report));
    server.serves().await;
    server.settle().await;
}

#[tokio::test]
async fn a_sandbox_that_is_lost_before_a_word_is_replaced_once_and_then_reported() {
    let server = Arrange::warm().await;
    let report = server.report(json!({"source": "die"})).await;
    assert_eq!(report["status"], "sandbox_error");
    assert_eq!(server.engine.steps(), 2);
    server.settle().await;
}

#[tokio::test]
async fn no_sandbox_is_used_twice() {
    let server = Arrange::warm().await;
    for _ in 0..3 {
        server.serves().await;
    }
    server.until(|server| server.engine.fake.destroyed() == 3).await;
    server.settle().await;
}

#[tokio::test]
async fn cpu_time_over_its_limit_is_not_blamed_on_a_deadline_that_is_near() {
    let fields = json!({"source": "print x", "limits": {"cpu_time_ms": 0.5}, "deadline_ms": 5000});
    let report = Arrange::warm().await.report(fields).await;
    assert_eq!(report["run"]["message"], "CPU time limit exceeded");
}
