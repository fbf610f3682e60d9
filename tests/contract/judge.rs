//! `POST /v1/judge`: what is said of a submission, case by case.

use caisson_protocol::Work;
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::{
    server::{Arrange, judge},
    steady,
};

fn verdicts(judgement: &Value) -> Vec<&str> {
    judgement["cases"].as_array().unwrap().iter().map(|case| case["verdict"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_submission_that_is_right_on_all_cases() {
    let cases = json!([
        {"id": "sample", "stdin": "1", "expected_output": "1\n", "points": 10},
        {"stdin": "2", "expected_output": "2"},
        {"stdin": "whatever"},
    ]);
    let judgement = Arrange::warm().await.judgement(json!({"language": "c", "source": "cat", "cases": cases})).await;
    assert_json_snapshot!(steady::judgement(judgement));
}

#[tokio::test]
async fn after_the_first_failure_the_others_are_skipped() {
    let server = Arrange::warm().await;
    let cases = json!([
        {"stdin": "1", "expected_output": "1"}, {"stdin": "2", "expected_output": "3", "points": 5},
        {"stdin": "4", "expected_output": "4"}
    ]);
    let judgement = server.judgement(json!({"source": "cat", "cases": cases})).await;
    assert_eq!(server.engine.steps(), 2);
    assert_json_snapshot!(steady::judgement(judgement));
}

#[tokio::test]
async fn all_cases_are_run_where_that_is_asked_for_and_points_add_up() {
    let cases = json!([
        {"stdin": "1", "expected_output": "1", "points": 2.5}, {"stdin": "2", "expected_output": "3", "points": 5},
        {"stdin": "4", "expected_output": "4", "points": 0.5}
    ]);
    let fields = json!({"source": "cat", "cases": cases, "stop_on_failure": false});
    let judgement = Arrange::warm().await.judgement(fields).await;
    assert_eq!(verdicts(&judgement), ["accepted", "wrong_answer", "accepted"]);
    assert_eq!((&judgement["verdict"], &judgement["score"]), (&json!("wrong_answer"), &json!(3.0)));
}

#[tokio::test]
async fn a_submission_that_does_not_compile_is_run_on_nothing() {
    let server = Arrange::warm().await;
    let cases = json!([{"stdin": "1"}, {"stdin": "2"}]);
    let judgement = server.judgement(json!({"language": "c", "source": "uncompilable", "cases": cases})).await;
    assert_eq!(judgement["verdict"], "compile_error");
    assert_eq!(judgement["compile"]["stderr"], "error: uncompilable\n");
    assert_eq!(verdicts(&judgement), ["skipped", "skipped"]);
    assert_eq!(server.engine.steps(), 1);
}

#[tokio::test]
async fn every_way_to_fail_has_its_verdict() {
    let server = Arrange::warm().await;
    for (source, verdict) in [
        ("exit 3", "runtime_error"),
        ("signal 11", "runtime_error"),
        ("hang", "time_limit_exceeded"),
        ("oom", "memory_limit_exceeded"),
        ("print 0123456789", "output_limit_exceeded"),
    ] {
        let limits = json!({"wall_time_ms": 50, "output_bytes": 5});
        let fields = json!({"source": source, "limits": limits, "cases": [{"expected_output": "x"}]});
        let judgement = server.judgement(fields).await;
        assert_eq!(verdicts(&judgement), [verdict], "{source}");
        assert_eq!(judgement["verdict"], verdict);
    }
}

#[tokio::test]
async fn each_checker_is_the_one_that_was_asked_for() {
    let server = Arrange::warm().await;
    for (checker, expected, verdict) in [
        (json!(null), " 0.5\nYES", "accepted"),
        (json!({"kind": "tokens"}), "0.5 yes", "wrong_answer"),
        (json!({"kind": "tokens", "case_sensitive": false}), "0.5 yes", "accepted"),
        (json!({"kind": "lines"}), "0.5 YES  \n\n", "accepted"),
        (json!({"kind": "lines"}), "0.5\nYES", "presentation_error"),
        (json!({"kind": "exact"}), "0.5 YES", "accepted"),
        (json!({"kind": "exact"}), "0.5 YES\n", "presentation_error"),
        (json!({"kind": "float"}), "0.50000001 YES", "accepted"),
        (json!({"kind": "float", "abs": 0.1}), "0.59 YES", "accepted"),
        (json!({"kind": "float", "rel": 0.1}), "0.57 YES", "wrong_answer"),
    ] {
        let cases = json!([{"stdin": "0.5 YES", "expected_output": expected}]);
        let judgement = server.judgement(json!({"source": "cat", "cases": cases, "checker": checker})).await;
        assert_eq!(verdicts(&judgement), [verdict], "{checker} {expected:?}");
    }
}

#[tokio::test]
async fn a_sandbox_is_given_the_input_of_the_case_that_runs_and_nothing_else() {
    let server = Arrange::warm().await;
    let cases = json!([
        {"stdin": "first", "expected_output": "secret"}, {"stdin": "second", "expected_output": "hidden", "args": ["a"]}
    ]);
    let fields = json!({"language": "c", "source": "cat", "cases": cases, "stop_on_failure": false});
    server.judgement(fields).await;
    let given = server.engine.given();
    assert_eq!(given.len(), 3);
    assert_eq!(given.iter().map(|step| &step.stdin[..]).collect::<Vec<_>>(), [&b""[..], b"first", b"second"]);
    assert_eq!(given.iter().map(|step| step.work).collect::<Vec<_>>(), [Work::Originals, Work::Kept, Work::Kept]);
    assert_eq!(given.iter().map(|step| step.step.keep).collect::<Vec<_>>(), [true, false, false]);
    assert_eq!(given[2].step.argv.last().unwrap(), "a");
    let told = format!("{given:?}");
    assert!(!told.contains("secret") && !told.contains("hidden") && !told.contains(&format!("{:?}", b"secret")));
}

#[tokio::test]
async fn what_is_not_compiled_begins_each_case_with_its_own_files() {
    let server = Arrange::warm().await;
    server.judgement(json!({"source": "cat", "cases": [{"stdin": "1"}, {"stdin": "2"}]})).await;
    let work: Vec<_> = server.engine.given().iter().map(|step| (step.work, step.step.keep)).collect();
    assert_eq!(work, [(Work::Originals, false); 2]);
}

#[tokio::test]
async fn a_case_may_have_limits_of_its_own() {
    let server = Arrange::warm().await;
    let cases = json!([{"limits": {"memory_bytes": 2 << 20}}, {}]);
    server.judgement(json!({"source": "cat", "cases": cases, "limits": {"memory_bytes": 3 << 20}})).await;
    let memory: Vec<_> = server.engine.given().iter().map(|step| step.step.limits.memory_bytes).collect();
    assert_eq!(memory, [2 << 20, 3 << 20]);
}

#[tokio::test]
async fn each_step_is_allotted_its_own_memory() {
    let server = Arrange::warm().await;
    let cases = json!([{"limits": {"memory_bytes": 2 << 20}}, {}]);
    let compile = json!({"limits": {"memory_bytes": 4 << 20}});
    let limits = json!({"memory_bytes": 3 << 20});
    let fields = json!({"language": "c", "source": "cat", "cases": cases, "limits": limits, "compile": compile});
    server.judgement(fields).await;
    assert_eq!(server.engine.fake.allotted(), [4 << 20, 2 << 20, 3 << 20]);
}

#[tokio::test]
async fn an_agent_that_was_killed_for_want_of_memory_is_the_programs_doing() {
    let server = Arrange::warm().await;
    server.engine.fake.behave(|engine| engine.ran_out_of_memory = true);
    let judgement = server.judgement(json!({"source": "die", "cases": [{}]})).await;
    assert_eq!(verdicts(&judgement), ["memory_limit_exceeded"]);
    // Not run a second time.
    assert_eq!(server.engine.steps(), 1);
}

#[tokio::test]
async fn a_lost_sandbox_is_a_judge_error_and_the_next_case_has_another() {
    let server = Arrange::warm().await;
    let fields = json!({"source": "die", "cases": [{}, {}], "stop_on_failure": false});
    let judgement = server.judgement(fields).await;
    assert_eq!(verdicts(&judgement), ["judge_error", "judge_error"]);
    // The first case twice, since nobody saw it begin; the second once.
    assert_eq!(server.engine.steps(), 3);
    server.settle().await;
}

#[tokio::test]
async fn time_that_was_never_granted_is_nobodys_verdict() {
    let fields = json!({"source": "hang", "cases": [{}, {}], "stop_on_failure": false, "deadline_ms": 60});
    let judgement = Arrange::warm().await.judgement(fields).await;
    assert_eq!(verdicts(&judgement), ["judge_error", "judge_error"]);
    assert_eq!(judgement["cases"][0]["checker_message"], "the request's deadline passed");
}

#[tokio::test]
async fn all_of_an_answer_counts_and_its_beginning_is_shown() {
    let server = Arrange::warm().await;
    let answer = "x".repeat(5000);
    let cases = json!([
        {"stdin": answer, "expected_output": answer}, {"stdin": answer, "expected_output": answer[1..]}
    ]);
    let fields = json!({"source": "cat", "cases": cases, "stop_on_failure": false});
    let judgement = server.judgement(fields).await;
    assert_eq!(verdicts(&judgement), ["accepted", "wrong_answer"]);
    let run = &judgement["cases"][0]["run"];
    assert_eq!((run["stdout"].as_str().unwrap().len(), &run["stdout_truncated"]), (4096, &json!(true)));
}

#[tokio::test]
async fn one_sandbox_serves_all_cases_and_no_other_request() {
    let server = Arrange::warm().await;
    let (created, cases) = (server.engine.fake.created(), vec![json!({"stdin": "x"}); 50]);
    let judgement = server.judgement(json!({"source": "cat", "cases": cases})).await;
    assert_eq!((&judgement["verdict"], &judgement["claim"]), (&json!("accepted"), &json!("warm")));
    server.settle().await;
    assert_eq!(server.engine.fake.created(), created + 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_judging() {
    let server = Arrange::warm().await;
    let victim = server.send(judge(json!({"source": "hang", "cases": [{}]}))).await;
    server.engine.begun(1).await;
    drop(victim);
    server.until(|server| server.heard.count("job abandoned") == 1).await;
    server.settle().await;
}

#[tokio::test]
async fn a_fresh_sandbox_for_each_case_is_brought_what_was_compiled_once() {
    let server = Arrange::warm().await;
    let cases = json!([{"stdin": "1", "expected_output": "1"}, {"stdin": "2", "expected_output": "2"}]);
    let fields = json!({"language": "c", "source": "cat", "cases": cases, "isolation": "fresh"});
    let judgement = server.judgement(fields).await;
    assert_eq!(verdicts(&judgement), ["accepted", "accepted"], "{judgement}");
    // One for the compile and one for each case; the sources went into the first only.
    let given = server.engine.given();
    assert_eq!(given.iter().map(|given| given.files.len()).collect::<Vec<_>>(), [1, 0, 0]);
    assert_eq!(given.iter().map(|given| given.work).collect::<Vec<_>>(), [Work::Originals, Work::Kept, Work::Kept]);
    server.settle().await;
}

#[tokio::test]
async fn a_program_that_judges_is_given_the_case_and_never_meets_the_submission() {
    let server = Arrange::warm().await;
    let checker = json!({"kind": "program", "language": "c", "source": "err because\nexit 43", "protocol": "kattis", "args": ["a"]});
    let cases = json!([{"stdin": "question", "expected_output": "secret", "checker_args": ["b"]}]);
    let judgement = server.judgement(json!({"source": "print answer", "cases": cases, "checker": checker})).await;
    let case = &judgement["cases"][0];
    assert_eq!(
        (&case["verdict"], &case["checker_message"]),
        (&json!("wrong_answer"), &json!("because")),
        "{judgement}"
    );
    let given = server.engine.given();
    let asked = given.last().unwrap();
    let text = |name: &str| String::from_utf8_lossy(&asked.files[name]).into_owned();
    assert_eq!((text("case-input"), text("case-answer")), ("question".to_owned(), "secret".to_owned()));
    assert_eq!(String::from_utf8_lossy(&asked.stdin), "answer");
    let words = &asked.step.argv[asked.step.argv.len() - 5..];
    assert_eq!(words, ["/box/case-input", "/box/case-answer", "/work/", "a", "b"]);
    for other in given.iter().filter(|given| !given.files.contains_key("case-answer")) {
        assert!(other.files.values().all(|content| !content.windows(6).any(|window| window == b"secret")));
        assert_ne!(other.stdin, b"secret");
    }
    server.settle().await;
}
