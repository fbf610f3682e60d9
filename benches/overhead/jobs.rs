//! What is run, and how in each of the ways.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{bare::Commands, noop};

/// A program.
pub struct Job {
    pub name: &'static str,
    /// Its language, and so its image.
    pub language: &'static str,
    pub path: &'static str,
    pub request: Value,
    pub bare: Commands,
    /// The same as one command for a container, whose files are in /box.
    pub in_container: &'static [&'static str],
    /// Measured in each round: bare runs, warm hits on Docker and on the native engine.
    pub runs: [usize; 3],
    /// What the p50 should not exceed, as parts of the bare one: on Docker, on the native engine.
    pub targets: [Option<f64>; 2],
}

/// The standard input of every program.
pub const INPUT: &str = "input";
const NUMBERS: &str = "3 4 5\n";
const CASES: usize = 20;

const HELLO_PYTHON: &str = "print(\"hello\")\n";
const HELLO_JAVASCRIPT: &str = "console.log(\"hello\");\n";
const HELLO_JAVA: &str = "public class Main {\n    public static void main(String[] arguments) {\n        \
                          System.out.println(\"hello\");\n    }\n}\n";
const HELLO_C: &str = "#include <stdio.h>\n\nint main(void)\n{\n    puts(\"hello\");\n    return 0;\n}\n";
const HELLO_CPP: &str = "#include <bits/stdc++.h>\n\nint main()\n{\n    std::cout << \"hello\" << std::endl;\n}\n";
const SUM: &str = "print(sum(map(int, input().split())))\n";

const PYTHON_SUM: &[&str] = &["/usr/bin/python3", "sum.py"];

/// With the compilers' own parts and not with what our images put before them, see `bare`; java by its own defaults.
const BARE_JAVA: Commands =
    &[&["/usr/bin/javac", "-encoding", "UTF-8", "-d", ".", "Main.java"], &["/usr/bin/java", "-cp", ".", "Main"]];

/// Writes what they need into a directory.
pub fn prepare(files: &Path) {
    noop::build(files);
    let sources = [
        ("main.py", HELLO_PYTHON),
        ("main.js", HELLO_JAVASCRIPT),
        ("Main.java", HELLO_JAVA),
        ("main.c", HELLO_C),
        ("main.cpp", HELLO_CPP),
        ("sum.py", SUM),
        (INPUT, NUMBERS),
    ];
    for (name, text) in sources {
        fs::write(files.join(name), text).unwrap();
    }
}

pub fn python_hello() -> Value {
    hello("python", HELLO_PYTHON)
}

fn hello(language: &str, source: &str) -> Value {
    json!({"language": language, "source": source})
}

fn judging() -> Value {
    let case = json!({"stdin": NUMBERS, "expected_output": "12\n"});
    json!({"language": "python", "source": SUM, "cases": vec![case; CASES]})
}

pub fn all() -> Vec<Job> {
    vec![
        Job {
            name: "static no-op",
            language: "binary",
            path: "/v1/execute",
            request: noop::request(),
            bare: &[&["./noop"]],
            in_container: &["/box/noop"],
            runs: [40, 16, 40],
            targets: [Some(3.5), None],
        },
        Job {
            name: "python hello",
            language: "python",
            path: "/v1/execute",
            request: python_hello(),
            bare: &[&["/usr/bin/python3", "main.py"]],
            in_container: &["/usr/bin/python3", "/box/main.py"],
            runs: [20, 12, 20],
            targets: [Some(0.6), Some(0.35)],
        },
        Job {
            name: "javascript hello",
            language: "javascript",
            path: "/v1/execute",
            request: hello("javascript", HELLO_JAVASCRIPT),
            bare: &[&["/usr/bin/node", "main.js"]],
            in_container: &["/usr/bin/node", "/box/main.js"],
            runs: [12, 8, 12],
            targets: [Some(0.35), Some(0.35)],
        },
        Job {
            name: "java hello, compiled",
            language: "java",
            path: "/v1/execute",
            request: hello("java", HELLO_JAVA),
            bare: BARE_JAVA,
            in_container: &["/bin/sh", "-c", "javac -d /tmp /box/Main.java && java -cp /tmp Main"],
            runs: [4, 4, 4],
            targets: [Some(0.1), Some(0.1)],
        },
        Job {
            name: "C hello, compiled",
            language: "c",
            path: "/v1/execute",
            request: hello("c", HELLO_C),
            bare: &[&["/usr/bin/gcc", "-O2", "-o", "main", "main.c", "-lm"], &["./main"]],
            in_container: &["/bin/sh", "-c", "gcc -O2 -o /tmp/main /box/main.c -lm && /tmp/main"],
            runs: [12, 8, 12],
            targets: [Some(0.85), Some(0.85)],
        },
        Job {
            name: "C++ hello, compiled",
            language: "cpp",
            path: "/v1/execute",
            request: hello("cpp", HELLO_CPP),
            bare: &[
                &["/bin/sh", "-c", "exec g++ -B \"$(echo /usr/libexec/gcc/*/14/plain)\" -O2 -o main main.cpp"],
                &["./main"],
            ],
            in_container: &["/bin/sh", "-c", "g++ -O2 -o /tmp/main /box/main.cpp && /tmp/main"],
            runs: [3, 4, 4],
            targets: [Some(0.3), Some(0.3)],
        },
        Job {
            name: "python, 20 cases",
            language: "python",
            path: "/v1/judge",
            request: judging(),
            bare: &[PYTHON_SUM; CASES],
            in_container: &[
                "/bin/sh",
                "-c",
                "for case in $(seq 20); do python3 /box/sum.py </box/input || exit 1; done",
            ],
            runs: [3, 4, 4],
            targets: [None, None],
        },
    ]
}
