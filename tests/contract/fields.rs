//! Every field of a request, seen from inside the sandbox.

use std::collections::BTreeMap;

use caisson_protocol::Overflow;
use serde_json::{Value, json};

use crate::{
    engine::Given,
    server::{Arrange, execute},
};

/// What the sandbox was handed for the last step of a request that is served.
async fn given(fields: Value) -> Given {
    let server = Arrange::warm().await;
    server.report(fields).await;
    server.engine.last()
}

fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, content)| ((*path).to_owned(), content.as_bytes().to_vec())).collect()
}

#[tokio::test]
async fn a_language_is_found_by_id_and_alias_in_any_case() {
    let server = Arrange::warm().await;
    for name in ["python", "py", "python3", "PYTHON", "Py"] {
        let report = server.report(json!({"language": name, "source": "print x"})).await;
        assert_eq!((&report["language"], &report["version"]), (&json!("python"), &json!("3.13.1")), "{name}");
    }
}

#[tokio::test]
async fn a_version_is_one_as_configured_or_a_range_and_the_newest_that_fits() {
    let server = Arrange::warm().await;
    for (asked, served) in
        [("3.12.7", "3.12.7"), ("~3.12", "3.12.7"), ("<3.13", "3.12.7"), ("3", "3.13.1"), (">=3.12, <4", "3.13.1")]
    {
        let report = server.report(json!({"version": asked, "source": "print x"})).await;
        assert_eq!(report["version"], served, "{asked}");
    }
}

#[tokio::test]
async fn source_stands_for_one_file_under_the_languages_own_name() {
    let given = given(json!({"source": "print x"})).await;
    assert_eq!(given.files, files(&[("main.py", "print x")]));
    assert_eq!(given.step.argv, ["/usr/bin/python3", "main.py"]);
}

#[tokio::test]
async fn files_keep_their_directories_and_the_first_is_run() {
    let given = given(json!({"files": [
        {"path": "app/run.py", "content": "print x"}, {"path": "app/lib/util.py", "content": "y"},
        {"path": "data", "content": "eg==", "encoding": "base64"}, {"path": "plain", "content": "z", "encoding": "utf8"}
    ]}))
    .await;
    let expected = files(&[("app/run.py", "print x"), ("app/lib/util.py", "y"), ("data", "z"), ("plain", "z")]);
    assert_eq!(given.files, expected);
    assert_eq!(given.step.argv, ["/usr/bin/python3", "app/run.py"]);
}

#[tokio::test]
async fn the_entrypoint_is_run_wherever_it_stands() {
    let files = json!([{"path": "a.py", "content": "print x"}, {"path": "deep/b.py", "content": ""}]);
    let given = given(json!({"files": files, "entrypoint": "deep/b.py"})).await;
    assert_eq!(given.step.argv, ["/usr/bin/python3", "deep/b.py"]);
}

#[tokio::test]
async fn standard_input_is_exact_and_nothing_is_appended() {
    assert_eq!(given(json!({"source": "cat", "stdin": "1 2"})).await.stdin, b"1 2");
    assert_eq!(given(json!({"source": "cat", "stdin": "AP8K", "stdin_encoding": "base64"})).await.stdin, b"\0\xff\n");
    assert_eq!(given(json!({"source": "cat"})).await.stdin, b"");
}

#[tokio::test]
async fn arguments_reach_the_program_as_they_are() {
    let given = given(json!({"source": "print x", "args": ["a b", "", "$(id)", "ä", "--flag"]})).await;
    assert_eq!(given.step.argv, ["/usr/bin/python3", "main.py", "a b", "", "$(id)", "ä", "--flag"]);
}

#[tokio::test]
async fn the_environment_is_built_from_nothing_and_added_to() {
    let given = given(json!({"source": "print x", "env": {"NAME": "a=b", "LANG": "C", "EMPTY": ""}})).await;
    let expected = [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        "HOME=/tmp",
        "TMPDIR=/tmp",
        "LANG=C",
        "PYTHONUNBUFFERED=1",
        "EMPTY=",
        "NAME=a=b",
    ];
    assert_eq!(given.step.env, expected);
}

#[tokio::test]
async fn every_limit_of_the_request_reaches_the_program() {
    let given = given(json!({"source": "print x", "limits": {
        "cpu_time_ms": 1500.5, "wall_time_ms": 2000, "memory_bytes": 33_554_432, "output_bytes": 10, "processes": 7,
        "file_size_bytes": 11, "open_files": 12, "stack_bytes": 131_072, "output_policy": "kill"
    }}))
    .await;
    let limits = caisson_protocol::Limits {
        cpu_ns: 1_500_500_000,
        wall_ns: 2_000_000_000,
        memory_bytes: 33_554_432,
        output_bytes: 10,
        processes: 7,
        file_size_bytes: 11,
        open_files: 12,
        stack_bytes: 131_072,
    };
    assert_eq!((given.step.limits, given.step.overflow), (limits, Overflow::Kill));
}

#[tokio::test]
async fn limits_that_are_not_named_are_the_languages() {
    let given = given(json!({"source": "print x", "limits": {"processes": 1}})).await;
    assert_eq!((given.step.limits.memory_bytes, given.step.limits.cpu_ns), (256 << 20, 5_000_000_000));
    assert_eq!(given.step.overflow, Overflow::Cut);
}

#[tokio::test]
async fn the_compiler_has_flags_and_limits_of_its_own() {
    let given = given(json!({"language": "c", "source": "uncompilable", "args": ["not for the compiler"],
        "compile": {"flags": ["-O2", "-D X"], "limits": {"memory_bytes": 1_073_741_824}}}))
    .await;
    assert_eq!(given.step.argv, ["/usr/bin/gcc", "-O2", "-D X", "-o", "main", "main.c"]);
    assert_eq!(given.step.limits.memory_bytes, 1_073_741_824);
}

#[tokio::test]
async fn what_the_compiler_is_given_does_not_change_the_run() {
    let fields = json!({"language": "c", "source": "print x", "stdin": "in", "args": ["a"],
        "compile": {"flags": ["-O2"], "limits": {"memory_bytes": 1_073_741_824}}});
    let given = given(fields).await;
    assert_eq!(given.step.argv, ["./main", "a"]);
    assert_eq!((given.step.limits.memory_bytes, given.stdin.as_slice()), (256 << 20, b"in".as_slice()));
}

#[tokio::test]
async fn null_stands_for_a_field_that_is_left_out() {
    let fields = json!({
        "source": "print x", "version": null, "files": null, "entrypoint": null, "stdin": null, "stdin_encoding": null,
        "args": null, "env": null, "limits": null, "compile": null, "output_encoding": null, "artifacts": null,
        "deadline_ms": null
    });
    assert_eq!(given(fields).await.step.argv, ["/usr/bin/python3", "main.py"]);
}

#[tokio::test]
async fn a_source_of_one_mebibyte_is_served() {
    let source = format!("print fine\n{}", "#".repeat(1 << 20));
    let given = given(json!({"source": source})).await;
    assert_eq!(given.files["main.py"].len(), source.len());
}

#[tokio::test]
async fn a_thousand_files_are_served() {
    let files: Vec<_> = (0..1000).map(|number| json!({"path": format!("d/{number}"), "content": "print x"})).collect();
    assert_eq!(given(json!({"files": files})).await.files.len(), 1000);
}

#[tokio::test]
async fn a_chunked_body_is_as_good_as_one_with_a_length() {
    let server = Arrange::warm().await;
    let body = json!({"language": "python", "source": "print fine"}).to_string();
    let (head, tail) = body.as_bytes().split_at(9);
    let answer = server.call(crate::http::Call::post_chunks("/v1/execute", &[head, tail, b""])).await;
    assert_eq!(answer.json()["run"]["stdout"], "fine");
}

#[tokio::test]
async fn requests_at_once_do_not_get_each_others_answers() {
    let server = Arrange::warm().await;
    let mut sent = Vec::new();
    for number in 0..12 {
        sent.push(server.send(execute(json!({"source": format!("print {number}")}))).await);
    }
    for (number, sent) in sent.into_iter().enumerate() {
        assert_eq!(sent.answer().await.json()["run"]["stdout"], number.to_string());
    }
}
