//! The jobs of a soak, each with what must come of it.

use std::{fs, process::Command};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use super::Dice;
use crate::{
    header::Header,
    server::{Reply, root},
};

/// One request.
pub struct Work {
    pub name: &'static str,
    pub route: &'static str,
    pub request: Value,
    wanted: Wanted,
}

enum Wanted {
    /// One of these statuses.
    Status(Vec<String>),
    /// Ended well, with this output.
    Output(String),
    Verdicts(&'static [&'static str]),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Right,
    /// By what is done to the service: the sandbox was lost, or there was none. With the word that the client was told.
    Disturbed(String),
    Wrong(String),
    /// There was no answer.
    Lost(String),
}

/// What is read or compiled once.
pub struct Works {
    hostile: Vec<Hostile>,
    /// A static program that prints its argument, in base64.
    binary: String,
}

struct Hostile {
    name: &'static str,
    language: &'static str,
    source: String,
    statuses: Vec<String>,
    limits: Value,
}

/// Of `tests/adversarial/programs`: quick ones, that need nothing planted.
const HOSTILE: [(&str, &str, &str); 5] = [
    ("hostile: fork bomb", "c", "processes/fork_bomb.c"),
    ("hostile: malloc", "c", "memory/malloc_for_ever.c"),
    ("hostile: flood", "bash", "floods/yes_to_everything.sh"),
    ("hostile: kill the agent", "python", "supervisor/kill_the_agent.py"),
    ("hostile: leave sleepers", "javascript", "processes/leave_sleepers.js"),
];

/// In a hundred.
const HOSTILE_SHARE: usize = 5;

impl End {
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Disturbed(_) | Self::Lost(_))
    }
}

impl Works {
    pub fn prepare() -> Self {
        Self { hostile: HOSTILE.into_iter().map(Hostile::read).collect(), binary: binary() }
    }

    /// The same number is always the same work.
    pub fn number(&self, number: usize) -> Work {
        let mut dice = Dice::new(number as u64 + 1);
        let token = format!("job-{number}");
        if dice.throw(100) < HOSTILE_SHARE {
            return self.hostile[dice.throw(self.hostile.len())].work();
        }
        // The slow ones are rarer.
        match dice.throw(20) {
            0..=4 => prints("bash", json!({"language": "bash", "source": format!("echo {token}")}), &token),
            5..=7 => prints("python", json!({"language": "python", "source": format!("print('{token}')")}), &token),
            8 | 9 => prints(
                "javascript",
                json!({"language": "javascript", "source": format!("console.log('{token}')")}),
                &token,
            ),
            10 | 11 => {
                let source = format!("#include <stdio.h>\nint main(void) {{ puts(\"{token}\"); }}");
                prints("c", json!({"language": "c", "source": source}), &token)
            }
            12 => {
                let source = format!("#include <iostream>\nint main() {{ std::cout << \"{token}\\n\"; }}");
                prints("cpp", json!({"language": "cpp", "source": source}), &token)
            }
            13 => {
                let source = format!(
                    "class Main {{ public static void main(String[] a) {{ System.out.println(\"{token}\"); }} }}"
                );
                prints("java", json!({"language": "java", "source": source}), &token)
            }
            14 | 15 => {
                let file = json!({"path": "main", "content": self.binary, "encoding": "base64"});
                prints("binary", json!({"language": "binary", "files": [file], "args": [token]}), &token)
            }
            16 => ends("does not compile", "compile_error", json!({"language": "c", "source": "int main(void) {"})),
            17 => ends("fails", "runtime_error", json!({"language": "python", "source": "raise SystemExit(3)"})),
            18 => {
                let limits = json!({"wall_time_ms": 300});
                let request = json!({"language": "bash", "source": "sleep 10", "limits": limits});
                ends("sleeps", "time_limit_exceeded", request)
            }
            _ => judging(&token),
        }
    }
}

fn prints(name: &'static str, request: Value, token: &str) -> Work {
    Work { name, route: "/v1/execute", request, wanted: Wanted::Output(format!("{token}\n")) }
}

fn ends(name: &'static str, status: &str, request: Value) -> Work {
    Work { name, route: "/v1/execute", request, wanted: Wanted::Status(vec![status.to_owned()]) }
}

fn judging(token: &str) -> Work {
    let source = "a, b = input().split()\nprint(1 // int(b), a)";
    let case = |stdin: String, expected: String| json!({"stdin": stdin, "expected_output": expected});
    let cases = json!([
        case(format!("{token} 1"), format!("1 {token}")),
        case(format!("{token} 1"), "something else".to_owned()),
        case(format!("{token} 0"), String::new()),
        case(format!("{token} -1"), format!("-1 {token}")),
    ]);
    let request = json!({"language": "python", "source": source, "cases": cases, "stop_on_failure": false});
    let wanted = Wanted::Verdicts(&["accepted", "wrong_answer", "runtime_error", "accepted"]);
    Work { name: "judging", route: "/v1/judge", request, wanted }
}

impl Hostile {
    fn read((name, language, file): (&'static str, &'static str, &'static str)) -> Self {
        let path = root().join("tests/adversarial/programs").join(file);
        let source = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mark = if ["bash", "python"].contains(&language) { "#" } else { "//" };
        let header = Header::parse(&source, mark).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
        let statuses = header.get("status").unwrap_or_default().split('|').map(str::to_owned).collect();
        let limits = header.json("limits").expect("limits are JSON").unwrap_or_else(|| json!({"wall_time_ms": 4000}));
        Self { name, language, source, statuses, limits }
    }

    fn work(&self) -> Work {
        let Self { name, language, source, statuses, limits } = self;
        let request = json!({"language": language, "source": source, "limits": limits});
        Work { name, route: "/v1/execute", request, wanted: Wanted::Status(statuses.clone()) }
    }
}

fn binary() -> String {
    let directory = tempfile::tempdir().unwrap();
    let (source, executable) = (directory.path().join("main.c"), directory.path().join("main"));
    fs::write(&source, "#include <stdio.h>\nint main(int n, char **words) { return puts(words[n - 1]) < 0; }").unwrap();
    let status = Command::new("cc").args(["-O2", "-static", "-o"]).args([&executable, &source]).status();
    assert!(status.expect("cc is needed: .ci/tools.sh build").success());
    BASE64_STANDARD.encode(fs::read(executable).unwrap())
}

impl Work {
    pub fn end(&self, reply: Result<Reply, String>) -> End {
        let Reply { status, headers, body } = match reply {
            Ok(reply) => reply,
            Err(error) => return End::Lost(error),
        };
        let told = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let is_refused = status == 503 && headers.contains_key("retry-after");
        if is_refused && ["engine_unavailable", "saturated"].contains(&told(&body["code"]).as_str()) {
            return End::Disturbed(told(&body["code"]));
        }
        let verdicts: Vec<_> =
            body["cases"].as_array().into_iter().flatten().map(|case| told(&case["verdict"])).collect();
        if status == 200
            && (body["status"] == "sandbox_error" || verdicts.iter().any(|verdict| verdict == "judge_error"))
        {
            return End::Disturbed("sandbox_error".to_owned());
        }
        let is_right = match &self.wanted {
            Wanted::Status(statuses) => statuses.iter().any(|status| body["status"] == *status),
            Wanted::Output(output) => body["status"] == "ok" && body["run"]["stdout"] == *output,
            Wanted::Verdicts(wanted) => verdicts == *wanted,
        };
        if status == 200 && is_right { End::Right } else { End::Wrong(format!("{status}: {body}")) }
    }
}
