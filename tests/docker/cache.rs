//! What a compile made, used again.

use serde_json::{Value, json};

use crate::server::{Arrange, Server};

const SOURCE: &str = "#include <fcntl.h>\n#include <stdio.h>\n#include <unistd.h>\nint main(void) {\n\
    int n; if (scanf(\"%d\", &n) != 1) n = 0; printf(\"%d\\n\", n + 1); fflush(stdout);\n\
    unlink(\"main\"); close(open(\"main\", O_WRONLY | O_CREAT, 0755)); }";

fn server(cache_bytes: usize) -> Server {
    Arrange::new(&[("c", 2)]).set(format!("pool.compile_cache_bytes={cache_bytes}")).warm()
}

fn run(server: &Server, more: Value) -> Value {
    let mut request = json!({"language": "c", "source": SOURCE, "stdin": "41"});
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.execute(&request)
}

#[test]
fn the_same_submission_is_compiled_once_and_says_so() {
    let server = server(64 << 20);
    let first = run(&server, json!({}));
    assert_eq!((&first["run"]["stdout"], &first["compile_cached"]), (&json!("42\n"), &Value::Null), "{first}");
    // The program replaces itself; what is kept is not what it leaves.
    for _ in 0..2 {
        let again = run(&server, json!({"stdin": "1"}));
        assert_eq!((&again["run"]["stdout"], &again["compile_cached"]), (&json!("2\n"), &json!(true)), "{again}");
        assert_eq!(again["compile"]["status"], "ok");
        assert_eq!(again["timing"]["compile_ms"], 0.0);
    }
    for isolation in ["wipe", "fresh"] {
        let judgement = server.judge(&json!({
            "language": "c", "source": SOURCE, "isolation": isolation,
            "cases": [{"stdin": "1", "expected_output": "2"}, {"stdin": "2", "expected_output": "3"}]
        }));
        assert_eq!(
            (&judgement["verdict"], &judgement["compile_cached"]),
            (&json!("accepted"), &json!(true)),
            "{judgement}"
        );
    }
    assert_eq!(server.metric("caisson_compile_cache_total{result=\"hit\"}"), 4.0);
    // Any difference is another submission.
    for other in [json!({"compile": {"flags": ["-O1"]}}), json!({"source": format!("{SOURCE}\n")})] {
        assert_eq!(run(&server, other)["compile_cached"], Value::Null);
    }
    for _ in 0..2 {
        let failed = run(&server, json!({"source": "int main(void) {"}));
        assert_eq!((&failed["status"], &failed["compile_cached"]), (&json!("compile_error"), &Value::Null));
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn what_is_too_large_to_be_kept_runs_all_the_same() {
    let server = server(64 << 20);
    let large = "char a[52000000] = {1};\nint main(void) { return a[51999999]; }";
    for _ in 0..2 {
        let answer = run(&server, json!({"source": large}));
        assert_eq!((&answer["status"], &answer["compile_cached"]), (&json!("ok"), &Value::Null), "{answer}");
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn nothing_is_kept_unless_it_is_asked_for() {
    let server = server(0);
    for _ in 0..2 {
        let answer = run(&server, json!({}));
        assert_eq!((&answer["run"]["stdout"], &answer["compile_cached"]), (&json!("42\n"), &Value::Null), "{answer}");
    }
    server.nothing_is_left();
    server.stop();
}
