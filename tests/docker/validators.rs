//! Judging by programs of the judge's own, interactive problems, and the ways in which cases are kept apart.

use serde_json::{Value, json};

use super::judge::verdicts;
use crate::server::{Arrange, Server};

const SUM: &str = "#include <stdio.h>\nint main(void) { int a, b; scanf(\"%d%d\", &a, &b); printf(\"%d\\n\", a + b); }";

fn sums(count: usize) -> Vec<Value> {
    (0..count).map(|a| json!({"stdin": format!("{a} 2\n"), "expected_output": format!("{}\n", a + 2)})).collect()
}

fn messages(judgement: &Value) -> Vec<&str> {
    let cases = judgement["cases"].as_array().unwrap();
    cases.iter().map(|case| case["checker_message"].as_str().unwrap_or_default()).collect()
}

fn server(languages: &[(&'static str, usize)]) -> Server {
    Arrange::new(languages).set("pool.run_slots=2").warm()
}

#[test]
fn every_case_may_have_a_sandbox_of_its_own_and_cases_may_run_side_by_side() {
    let server = server(&[("c", 2), ("python", 2)]);
    let python = "import os\na, b = map(int, input().split())\n\
        assert not os.path.exists('/tmp/mark')\nopen('/tmp/mark', 'w')\nprint(a + b)";
    for (language, source) in [("c", SUM), ("python", python)] {
        for parallel in [1, 2] {
            let judgement = server.judge(&json!({
                "language": language, "source": source, "cases": sums(4), "isolation": "fresh", "parallel": parallel
            }));
            assert_eq!(verdicts(&judgement), ["accepted"; 4], "{language} {parallel}: {judgement}");
            server.until_full();
        }
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn cases_that_run_side_by_side_are_told_in_their_own_order_and_the_first_failure_counts() {
    let server = server(&[("python", 2)]);
    // The first case is the slowest, and the third is wrong.
    let source = "import time\nn = int(input())\ntime.sleep(0.5 if n == 0 else 0)\nprint('bad' if n == 2 else n)";
    let cases: Vec<_> = (0..8).map(|n| json!({"stdin": n.to_string(), "expected_output": n.to_string()})).collect();
    let judgement = server.judge(&json!({"language": "python", "source": source, "cases": cases, "parallel": 2}));
    let mut expected = vec!["accepted", "accepted", "wrong_answer"];
    expected.extend(["skipped"; 5]);
    assert_eq!(verdicts(&judgement), expected, "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_checker_of_kattis_kind_is_given_the_case_and_tells_its_verdict_and_why() {
    let checker = r#"
#include <fstream>
#include <iostream>
#include <string>
int main(int argc, char **argv) {
    std::ifstream in(argv[1]), answer(argv[2]);
    std::ofstream message(std::string(argv[3]) + "judgemessage.txt");
    int a, b, wanted, got;
    in >> a >> b;
    answer >> wanted;
    if (!(std::cin >> got)) { message << "no number"; return 43; }
    message << a << "+" << b << "=" << got;
    for (int i = 4; i < argc; i++) message << " [" << argv[i] << "]";
    std::ofstream(std::string(argv[3]) + "left.txt") << "trace";
    return got == wanted ? 42 : 43;
}"#;
    let server = server(&[("c", 1), ("cpp", 1)]);
    let mut cases = sums(3);
    cases[1]["checker_args"] = json!(["x y"]);
    let request = |source: &str| {
        json!({"language": "c", "source": source, "cases": cases, "stop_on_failure": false, "checker": {
            "kind": "program", "language": "cpp", "source": checker, "protocol": "kattis", "args": ["A"]
        }})
    };
    let judgement = server.judge(&request(SUM));
    assert_eq!(verdicts(&judgement), ["accepted"; 3], "{judgement}");
    assert_eq!(messages(&judgement), ["0+2=2 [A]", "1+2=3 [A] [x y]", "2+2=4 [A]"]);
    let judgement = server.judge(&request(&SUM.replace("a + b", "a * b")));
    assert_eq!(verdicts(&judgement), ["wrong_answer", "wrong_answer", "accepted"], "{judgement}");
    // What meets a limit is not asked about.
    let judgement = server.judge(&request("int main(void) { return 3; }"));
    assert_eq!(verdicts(&judgement), ["runtime_error"; 3], "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_checker_of_testlibs_kind_says_it_with_its_exit_code() {
    let checker = "import sys\nout, answer = (open(path).read().split() for path in sys.argv[2:4])\n\
        open('trace', 'x')\nprint('saw', out, file=sys.stderr)\n\
        sys.exit(0 if out == answer else 2 if not out else 3 if out == ['?'] else 1)";
    let server = server(&[("python", 2)]);
    let source = "n = int(input())\nprint([1, 0, '', '?'][n])";
    let cases: Vec<_> = (0..4).map(|n| json!({"stdin": n.to_string(), "expected_output": "1"})).collect();
    let judgement = server.judge(&json!({
        "language": "python", "source": source, "cases": cases, "stop_on_failure": false,
        "checker": {"kind": "program", "language": "python", "source": checker, "protocol": "testlib"}
    }));
    let expected = ["accepted", "wrong_answer", "presentation_error", "judge_error"];
    assert_eq!(verdicts(&judgement), expected, "{judgement}");
    assert_eq!(messages(&judgement)[0], "saw ['1']");
    assert!(messages(&judgement)[3].contains("ended with exit code 3"), "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_checker_that_cannot_do_its_work_is_an_error_of_the_judge() {
    let server = server(&[("c", 1), ("python", 1)]);
    let checkers = [
        (json!({"language": "c", "source": "int main(void) {"}), "does not compile"),
        (json!({"language": "python", "source": "import os\nos.abort()"}), "was ended by signal 6"),
        (json!({"language": "python", "source": "while True: pass", "limits": {"cpu_time_ms": 300}}), "CPU time limit"),
        (json!({"language": "python", "source": "x = bytearray(1 << 30)", "limits": {"memory_bytes": 64 << 20}}), ""),
    ];
    for (mut checker, said) in checkers {
        checker["kind"] = json!("program");
        checker["protocol"] = json!("kattis");
        let judgement = server.judge(&json!({"language": "c", "source": SUM, "cases": sums(2), "checker": checker}));
        assert_eq!(verdicts(&judgement), ["judge_error", "skipped"], "{judgement}");
        assert!(messages(&judgement)[0].contains(said), "{judgement}");
        server.until_full();
    }
    server.nothing_is_left();
    server.stop();
}

/// A number is to be guessed within ten guesses.
const INTERACTOR: &str = r#"
import sys
n = int(open(sys.argv[1]).read())
def end(words, code):
    open(sys.argv[3] + 'judgemessage.txt', 'w').write(words)
    sys.exit(code)
for i in range(10):
    line = sys.stdin.readline()
    if not line: end('early end', 43)
    guess = int(line)
    if guess == n:
        print('correct', flush=True)
        end(f'after {i + 1}', 42)
    print('higher' if guess < n else 'lower', flush=True)
end('too many guesses', 43)
"#;

#[test]
fn an_interactive_problem_is_judged_by_whoever_fails_first() {
    let good = "lo, hi = 0, 100\nwhile True:\n    m = (lo + hi) // 2\n    print(m, flush=True)\n    said = input()\n\
        \x20   if said == 'correct': break\n    if said == 'higher': lo = m + 1\n    else: hi = m - 1";
    let slow_guesser = "for i in range(101):\n    print(i, flush=True)\n    if input() == 'correct': break";
    let submissions = [
        (good.to_owned(), "accepted", "after 3"),
        (slow_guesser.to_owned(), "wrong_answer", "too many guesses"),
        ("print(50)".to_owned(), "wrong_answer", "early end"),
        ("while True: print(5)".to_owned(), "wrong_answer", "too many guesses"),
        // Both wait for each other.
        ("input()".to_owned(), "time_limit_exceeded", ""),
        ("import time\ntime.sleep(100)".to_owned(), "time_limit_exceeded", ""),
        ("import os, time\nos.close(1)\ntime.sleep(1)".to_owned(), "wrong_answer", "early end"),
        ("import os\nos.close(0)\nprint(37, flush=True)".to_owned(), "accepted", "after 1"),
        ("raise SystemExit(3)".to_owned(), "runtime_error", ""),
        ("print(37, flush=True)\ninput()\nraise SystemExit(3)".to_owned(), "runtime_error", "after 1"),
        ("import ctypes\nctypes.string_at(0)".to_owned(), "runtime_error", ""),
        ("x = bytearray(1 << 30)".to_owned(), "memory_limit_exceeded", ""),
    ];
    let server = server(&[("python", 4)]);
    for (source, verdict, said) in submissions {
        let judgement = server.judge(&json!({
            "language": "python", "source": source, "cases": [{"stdin": "37"}],
            "limits": {"wall_time_ms": 4000, "memory_bytes": 64 << 20},
            "interactor": {"language": "python", "source": INTERACTOR, "protocol": "kattis"}
        }));
        assert_eq!(judgement["verdict"], verdict, "{source}: {judgement}");
        assert!(messages(&judgement)[0].contains(said), "{source}: {judgement}");
        server.until_full();
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn an_interactor_that_fails_is_an_error_of_the_judge_and_a_flood_is_its_authors_fault() {
    let flood = "while True: print('x' * 1000)";
    let (wait, patient) = ("import time\ntime.sleep(100)", "import sys\nsys.stdin.read()");
    let pairs = [
        // submission, interactor, verdict
        (flood, wait, "output_limit_exceeded"),
        (patient, flood, "judge_error"),
        (patient, "raise SystemExit(1)", "judge_error"),
        (patient, "import sys\nsys.exit(42)", "accepted"),
        (patient, "import sys\nsys.exit(43)", "wrong_answer"),
        // It stays when the submission has gone, and never says anything.
        ("pass", wait, "judge_error"),
        ("raise SystemExit(1)", wait, "runtime_error"),
    ];
    let server = server(&[("python", 4)]);
    for (submission, interactor, verdict) in pairs {
        let limits = json!({"wall_time_ms": 1500, "output_bytes": 200_000});
        let judgement = server.judge(&json!({
            "language": "python", "source": submission, "cases": [{}], "limits": limits,
            "interactor": {"language": "python", "source": interactor, "protocol": "kattis", "limits": limits}
        }));
        assert_eq!(judgement["verdict"], verdict, "{submission} with {interactor}: {judgement}");
        assert!(
            judgement["timing"]["total_ms"].as_f64().unwrap() < 8000.0,
            "{submission} with {interactor}: {judgement}"
        );
        server.until_full();
    }
    server.nothing_is_left();
    server.stop();
}

#[test]
fn a_submission_that_is_refused_is_ended_at_once_even_if_it_does_not_listen() {
    let server = server(&[("python", 2)]);
    let judgement = server.judge(&json!({
        "language": "python", "source": "import time\ntime.sleep(100)", "cases": [{}],
        "limits": {"wall_time_ms": 20_000},
        "interactor": {
            "language": "python", "protocol": "kattis",
            "source": "import sys\nsys.stdout.write('x' * 900_000)\nsys.stdout.flush()\nsys.exit(43)"
        }
    }));
    assert_eq!(judgement["verdict"], "wrong_answer", "{judgement}");
    let took = judgement["timing"]["run_ms"].as_f64().unwrap();
    assert!(took < 10_000.0, "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn many_short_exchanges_go_through_and_none_is_lost() {
    // Both sides check every number.
    let side = |first: bool| {
        format!(
            "#include <stdio.h>\nint main(void) {{ for (int i = 0; i < 2000; i++) {{ int n; {} }} return {}; }}",
            if first {
                "printf(\"%d\\n\", i); fflush(stdout); if (scanf(\"%d\", &n) != 1 || n != 2 * i) return 1;"
            } else {
                "if (scanf(\"%d\", &n) != 1 || n != i) return 43; printf(\"%d\\n\", 2 * n); fflush(stdout);"
            },
            if first { 0 } else { 42 }
        )
    };
    let server = server(&[("c", 2)]);
    let judgement = server.judge(&json!({
        "language": "c", "source": side(true), "cases": [{}, {}],
        "interactor": {"language": "c", "source": side(false), "protocol": "kattis"}
    }));
    assert_eq!(verdicts(&judgement), ["accepted"; 2], "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn files_of_a_case_before_are_not_charged_to_the_next() {
    let source = "import os, sys\nif input() == '1':\n    for i in range(2): open(f'/tmp/{i}', 'wb').write(bytes(50 << 20))\n\
        \x20   for i in range(3000): open(f'/work/{i}', 'w')\n    os.makedirs('a/b'); open('a/b/c', 'w'); os.chmod('a/b', 0o555)\n\
        \x20   os.chdir('/dev/shm')\n    for i in range(900): os.mkdir('d'); os.chdir('d')\nprint('fine')";
    let case =
        |number: u32| json!({"stdin": number.to_string(), "expected_output": "fine", "limits": {"wall_time_ms": 5000}});
    let small =
        json!({"stdin": "2", "expected_output": "fine", "limits": {"memory_bytes": 16 << 20, "wall_time_ms": 1000}});
    let server = server(&[("python", 1)]);
    let judgement = server.judge(&json!({
        "language": "python", "source": source, "cases": [case(1), small, case(1), small], "stop_on_failure": false
    }));
    assert_eq!(verdicts(&judgement), ["accepted"; 4], "{judgement}");
    server.nothing_is_left();
    server.stop();
}

#[test]
fn memory_that_the_kernel_could_take_back_does_not_raise_the_next_limit() {
    // The first case fills the kernel's cache of names, the second takes more than it may.
    let source = "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include <sys/stat.h>\nint main(void) {\n\
        int n; scanf(\"%d\", &n); struct stat st; char name[64];\n\
        if (n == 1) for (int i = 0; i < 400000; i++) { sprintf(name, \"/tmp/none-%d\", i); stat(name, &st); }\n\
        else for (int i = 0; i < 160; i++) memset(malloc(1 << 20), 1, 1 << 20);\n\
        puts(\"done\"); }";
    let server = server(&[("c", 1)]);
    let case = |number: u32, mib: u32| json!({"stdin": number.to_string(), "limits": {"memory_bytes": mib << 20}});
    let judgement = server.judge(&json!({
        "language": "c", "source": source, "cases": [case(1, 256), case(2, 64)], "stop_on_failure": false
    }));
    assert_eq!(verdicts(&judgement)[1], "memory_limit_exceeded", "{judgement}");
    server.nothing_is_left();
    server.stop();
}
