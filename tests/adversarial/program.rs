//! One hostile program: its request, and what must come of it.

use std::fs;

use serde_json::{Map, Value, json};

use crate::{header::Header, planted::Planted, server::root};

#[derive(Debug)]
pub struct Program {
    /// What it tries, in the words of its file's name.
    pub name: String,
    pub language: &'static str,
    pub via: Via,
    pub is_beside_innocent: bool,
    /// The attack is known to succeed, and is told when it no longer does.
    pub is_open: bool,
    pub output: Output,
    /// A part of the message of the stage that decided.
    pub says: Option<String>,
    /// Of the stage that decides, in place of its wall limit.
    pub within_ms: Option<f64>,
    pub wall_limit_ms: f64,
    pub cpu_limit_ms: f64,
    source: String,
    limits: Map<String, Value>,
    compile: Map<String, Value>,
    artifacts: Vec<String>,
}

#[derive(Debug)]
pub enum Via {
    /// With the statuses that it may have.
    Execute(Vec<String>),
    /// With the verdicts of the cases.
    Judge(Vec<String>),
}

/// What the program prints when its attack has failed.
#[derive(Debug)]
pub enum Output {
    Is(String),
    Ends(String),
    /// Ended by a limit, or not compiled: nothing is looked for.
    Any,
}

const HELD: &str = "held\n";
const USUAL_LIMITS: &str = r#"{"cpu_time_ms": 2000, "wall_time_ms": 4000}"#;

impl Program {
    pub fn all(class: &str) -> Vec<Self> {
        let directory = root().join("tests/adversarial/programs").join(class);
        let files = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut paths: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        paths.sort();
        let read = |path: std::path::PathBuf| {
            let (name, extension) = (path.file_stem().unwrap().to_str().unwrap(), path.extension());
            let source = fs::read_to_string(&path).unwrap();
            let extension = extension.unwrap_or_default().to_str().unwrap();
            Self::parse(name, extension, source).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
        };
        paths.into_iter().map(read).collect()
    }

    fn parse(name: &str, extension: &str, source: String) -> Result<Self, String> {
        let (language, mark) = match extension {
            "c" => ("c", "//"),
            "cpp" => ("cpp", "//"),
            "java" => ("java", "//"),
            "js" => ("javascript", "//"),
            "py" => ("python", "#"),
            "sh" => ("bash", "#"),
            _ => return Err(format!("no language has the extension `{extension}`")),
        };
        let header = Header::parse(&source, mark)?;
        let status = header.get("status").unwrap_or_default();
        let split = |by: char| status.split(by).map(str::to_owned).collect::<Vec<_>>();
        let via = match header.flag("via", "judge")? {
            true => Via::Judge(split(',')),
            false => Via::Execute(split('|')),
        };
        let limits = match header.json::<Map<_, _>>("limits")? {
            Some(limits) => limits,
            None => serde_json::from_str(USUAL_LIMITS).map_err(|error| error.to_string())?,
        };
        let limit = |key: &str| limits.get(key).and_then(Value::as_f64).ok_or(format!("`limits` has no `{key}`"));
        let (wall_limit_ms, cpu_limit_ms) = (limit("wall_time_ms")?, limit("cpu_time_ms")?);
        let mut compile = Map::new();
        for (key, field) in [("flags", "flags"), ("compile_limits", "limits")] {
            compile.extend(header.json(key)?.map(|value: Value| (field.to_owned(), value)));
        }
        let output = match (header.json("stdout")?, header.json("stdout_ends")?) {
            (Some(text), None) => Output::Is(text),
            (None, Some(text)) => Output::Ends(text),
            (None, None) if status.split(['|', ',']).any(|word| ["ok", "accepted"].contains(&word)) => {
                Output::Is(HELD.to_owned())
            }
            (None, None) => Output::Any,
            (Some(_), Some(_)) => return Err("`stdout` and `stdout_ends` exclude each other".to_owned()),
        };
        let artifacts: Vec<_> = header.json("artifacts")?.unwrap_or_default();
        if matches!(via, Via::Judge(_)) && !artifacts.is_empty() {
            return Err("a judging brings no `artifacts` back".to_owned());
        }
        Ok(Self {
            name: name.to_owned(),
            language,
            via,
            is_beside_innocent: header.flag("beside", "innocent")?,
            is_open: header.get("open").is_some(),
            output,
            says: header.get("says").map(str::to_owned),
            within_ms: header.json("within_ms")?,
            wall_limit_ms,
            cpu_limit_ms,
            artifacts,
            source,
            limits,
            compile,
        })
    }

    /// Route and body. `inputs` has one secret for each case.
    pub fn request(&self, planted: &Planted, inputs: &[String]) -> (&'static str, Value) {
        let compile = planted.fill(&Value::from(self.compile.clone()).to_string());
        let compile: Value = serde_json::from_str(&compile).expect("what is filled in has no quotes");
        let mut request = json!({
            "language": self.language,
            "source": planted.fill(&self.source),
            "limits": self.limits,
            "compile": compile,
        });
        let Via::Judge(verdicts) = &self.via else {
            request["artifacts"] = json!(self.artifacts);
            return ("/v1/execute", request);
        };
        let held = match &self.output {
            Output::Is(text) | Output::Ends(text) => text.as_str(),
            Output::Any => HELD,
        };
        let case = |(number, (verdict, input)): (usize, (&String, &String))| {
            let expected = if verdict == "wrong_answer" { planted.answer() } else { held };
            json!({"stdin": format!("{} {input}\n", number + 1), "expected_output": expected})
        };
        request["cases"] = verdicts.iter().zip(inputs).enumerate().map(case).collect();
        request["checker"] = json!({"kind": "exact"});
        request["stop_on_failure"] = false.into();
        ("/v1/judge", request)
    }

    pub fn cases(&self) -> usize {
        match &self.via {
            Via::Execute(_) => 0,
            Via::Judge(verdicts) => verdicts.len(),
        }
    }
}
