//! `caisson bench`, started, perhaps disturbed, and read.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Stdio},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::server::{Server, caisson};

/// One that goes on.
pub struct Bench {
    child: Child,
    progress: BufReader<std::process::ChildStderr>,
    files: TempDir,
}

pub struct Report {
    pub code: Option<i32>,
    /// The table.
    pub said: String,
    pub document: Value,
    pub svg: String,
}

impl Bench {
    pub fn start(server: &Server, arguments: &[&str]) -> Self {
        let files = tempfile::tempdir().unwrap();
        let mut child = caisson()
            .args(["bench", "--url", &server.url])
            .args(arguments)
            .arg("--json")
            .arg(files.path().join("report.json"))
            .arg("--plot")
            .arg(files.path().join("report.svg"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let progress = BufReader::new(child.stderr.take().unwrap());
        Self { child, progress, files }
    }

    /// Until its next line on stderr: a second more of its load has passed.
    pub fn next_line(&mut self) -> String {
        let mut line = String::new();
        self.progress.read_line(&mut line).unwrap();
        line
    }

    pub fn report(mut self) -> Report {
        // A pipe that nobody reads would fill, a table does not fill one.
        let mut rest = String::new();
        while self.progress.read_line(&mut rest).unwrap() > 0 {}
        let output = self.child.wait_with_output().unwrap();
        let read = |name: &str| {
            std::fs::read_to_string(self.files.path().join(name)).unwrap_or_else(|error| panic!("{error}: {rest}"))
        };
        Report {
            code: output.status.code(),
            said: String::from_utf8(output.stdout).unwrap(),
            document: serde_json::from_str(&read("report.json")).unwrap(),
            svg: read("report.svg"),
        }
    }
}

impl Report {
    pub fn of(server: &Server, arguments: &[&str]) -> Self {
        Bench::start(server, arguments).report()
    }

    /// What came of the only rate.
    pub fn rate(&self) -> &Value {
        let rates = self.document["rates"].as_array().unwrap();
        assert_eq!(rates.len(), 1, "{}", self.said);
        &rates[0]
    }

    pub fn number(&self, path: &str) -> f64 {
        let value = self.rate().pointer(path).and_then(Value::as_f64);
        value.unwrap_or_else(|| panic!("no number at {path} of {:#}", self.document))
    }
}
