//! Each program of `<language>.toml` is run twice, its interpreter or compiler armed and started late, and nothing that a client
//! can compare may differ.

use std::{collections::BTreeMap, fs, sync::Mutex, thread};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::server::{Arrange, Server, root};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corpus {
    plain: BTreeMap<String, String>,
    special: Vec<Program>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Program {
    name: String,
    source: String,
    /// In place of `source`.
    base64: Option<String>,
    source_repeat: Option<usize>,
    stdin: Option<String>,
    stdin_repeat: Option<usize>,
    stdin_base64: Option<String>,
    args: Vec<String>,
    env: BTreeMap<String, String>,
    limits: BTreeMap<String, Value>,
    /// Beside the source.
    files: BTreeMap<String, String>,
    entrypoint: Option<String>,
    /// It is to be started late, by a rule.
    cold: bool,
    /// It is, for its limits; where programs are forked it is a copy all the same.
    limited: bool,
    /// What is compiled is more than a pipe holds.
    large: bool,
}

const COMPARED: [&str; 8] =
    ["status", "exit_code", "signal", "message", "stdout", "stderr", "stdout_truncated", "stderr_truncated"];

/// More would only wait for each other.
const AT_ONCE: usize = 3;

/// So many of each language at least.
const LEAST: usize = 150;

/// So many of them with a daemon, where two sandboxes take a third of a second.
const SHARE: usize = 75;

#[test]
fn python_does_the_same() {
    all_do_the_same("python", "main.py");
}

/// What is forked for the very step does not wait in the FIFO.
#[test]
fn python_does_the_same_as_a_copy_that_was_made_late() {
    let server = arranged("python");
    let mut programs = programs("python");
    for program in &mut programs {
        program.limits.entry("open_files".to_owned()).or_insert(json!(255));
        program.limited = true;
    }
    // Where nothing is forked there is nothing to compare: one shows it.
    if !server.docker.is_native() {
        programs.truncate(1);
    }
    all_of_these_do_the_same(&programs, server, "python", "main.py");
}

#[test]
fn javascript_does_the_same() {
    all_do_the_same("javascript", "main.js");
}

#[test]
fn bash_does_the_same() {
    all_do_the_same("bash", "main.sh");
}

#[test]
fn perl_does_the_same() {
    all_do_the_same("perl", "main.pl");
}

#[test]
fn php_does_the_same() {
    all_do_the_same("php", "main.php");
}

#[test]
fn ruby_does_the_same() {
    all_do_the_same("ruby", "main.rb");
}

#[test]
fn lua_does_the_same() {
    all_do_the_same("lua", "main.lua");
}

#[test]
fn java_is_compiled_the_same() {
    all_do_the_same("java", "Main.java");
}

#[test]
fn c_is_compiled_the_same() {
    all_do_the_same("c", "main.c");
}

fn all_do_the_same(language: &'static str, source_file: &str) {
    all_of_these_do_the_same(&programs(language), arranged(language), language, source_file);
}

fn arranged(language: &'static str) -> Server {
    Arrange::new(&[(language, 8)]).warm()
}

fn programs(language: &str) -> Vec<Program> {
    let text = fs::read_to_string(root().join(format!("tests/armed/{language}.toml"))).unwrap();
    let Corpus { plain, special } = toml::from_str(&text).unwrap();
    let plain = plain.into_iter().map(|(name, source)| Program { name, source, ..Program::default() });
    let programs: Vec<_> = plain.chain(special).collect();
    assert!(programs.len() >= LEAST, "{language} has {} programs", programs.len());
    programs
}

/// All of them natively. With a daemon every so many-th, since what is compared is the interpreter's doing and not the engine's; but all
/// of Java's, which are not run natively.
fn share<'p>(programs: &'p [Program], language: &str, is_native: bool) -> Vec<&'p Program> {
    let step = if is_native || language == "java" { 1 } else { (programs.len() / SHARE).max(1) };
    programs.iter().step_by(step).collect()
}

fn all_of_these_do_the_same(programs: &[Program], server: Server, language: &str, source_file: &str) {
    let programs = share(programs, language, server.docker.is_native());
    let left = Mutex::new(programs.iter());
    let wrong = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = left.lock().unwrap().next();
                    let Some(program) = next else { return };
                    if let Err(what) = program.check(&server, language, source_file) {
                        wrong.lock().unwrap().push(format!("{}: {what}", program.name));
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{} of {} programs:\n{}", wrong.len(), programs.len(), wrong.join("\n"));
    server.nothing_is_left();
    server.stop();
}

impl Program {
    fn check(&self, server: &Server, language: &str, source_file: &str) -> Result<(), String> {
        let run = |arm: &str| {
            let mut request = self.request(language, source_file);
            request["arm"] = arm.into();
            // Of whoever waits for a sandbox, not every program finds it armed.
            server.until_ready(AT_ONCE);
            server.execute(&request)
        };
        let (armed, late) = (run("auto"), run("off"));
        for stage in ["compile", "run"] {
            for field in COMPARED {
                let (armed, late) = (comparable(&armed[stage][field]), comparable(&late[stage][field]));
                if armed != late {
                    return Err(format!("{field} of {stage} is\n  {armed} armed, and\n  {late} otherwise"));
                }
            }
        }
        let first = if armed["compile"].is_null() { "run" } else { "compile" };
        let second = &armed["run"];
        let (armed, late) = (&armed[first]["armed"], &late[first]["armed"]);
        let is_late = self.cold || (self.limited && !(language == "python" && server.docker.is_native()));
        if (*armed == true) == is_late || *late == true {
            return Err(format!("armed is {armed} by itself and {late} when off"));
        }
        // Of what a second step is, Java's alone waits too, for a class that is made.
        let is_missing = comparable(&second["stderr"]).contains("Could not find or load main class");
        let succeeds = language == "java" && !(self.cold || self.large || is_missing) && self.args.is_empty();
        if first == "compile" && !second.is_null() && (second["armed"] == true) != succeeds {
            return Err(format!("armed is {} of its run", second["armed"]));
        }
        Ok(())
    }

    fn request(&self, language: &str, source_file: &str) -> Value {
        let source = match &self.base64 {
            Some(text) => BASE64_STANDARD.decode(text).unwrap(),
            None => self.source.repeat(self.source_repeat.unwrap_or(1)).into_bytes(),
        };
        let mut files =
            vec![json!({"path": source_file, "content": BASE64_STANDARD.encode(source), "encoding": "base64"})];
        files.extend(self.files.iter().map(|(path, content)| json!({"path": path, "content": content})));
        let stdin = match &self.stdin_base64 {
            Some(text) => text.clone(),
            None => {
                BASE64_STANDARD.encode(self.stdin.as_deref().unwrap_or_default().repeat(self.stdin_repeat.unwrap_or(1)))
            }
        };
        let mut request = json!({
            "language": language, "files": files, "stdin": stdin, "stdin_encoding": "base64", "args": self.args,
            "env": self.env, "limits": self.limits, "output_encoding": "base64"
        });
        if let Some(entrypoint) = &self.entrypoint {
            request["entrypoint"] = entrypoint.as_str().into();
        }
        request
    }
}

/// Without what differs from run to run of any program: where things lie in memory, the number that Node.js puts before its
/// warnings, and the names that GCC gives to what it hands on.
fn comparable(field: &Value) -> String {
    let Some(bytes) = field.as_str().and_then(|text| BASE64_STANDARD.decode(text).ok()) else {
        return field.to_string();
    };
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    let kinds = [
        ("0x", char::is_ascii_hexdigit as fn(&char) -> bool),
        ("(node:", char::is_ascii_digit),
        ("/tmp/cc", char::is_ascii_alphanumeric),
    ];
    for (begin, is_part) in kinds {
        let mut rest = std::mem::take(&mut text);
        while let Some(at) = rest.find(begin) {
            let (before, number) = rest.split_at(at + begin.len());
            text.push_str(before);
            rest = number.trim_start_matches(|letter| is_part(&letter)).to_owned();
        }
        text.push_str(&rest);
    }
    text
}
