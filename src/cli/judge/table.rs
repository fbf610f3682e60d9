//! What became of each submission, for people as a table and for programs as JSON.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use super::package::{Expected, Package, Submission};

/// The part of the server's answer that bears on the table.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Answer {
    verdict: String,
    compile: Option<Stage>,
    cases: Vec<Judged>,
    max_cpu_time_ms: f64,
    max_memory_peak_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Judged {
    id: String,
    verdict: String,
    run: Option<Stage>,
    checker_message: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Stage {
    stderr: String,
    exit_code: Option<i64>,
    signal: Option<String>,
    message: Option<String>,
}

/// One submission and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    submission: String,
    /// Any of these; `rejected` is every verdict but `accepted`.
    expected: String,
    result: State,
    got: Option<String>,
    max_cpu_time_ms: Option<f64>,
    max_memory_peak_bytes: Option<u64>,
    /// The first case that was not accepted.
    case: Option<String>,
    message: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Skipped,
    AsExpected,
    NotAsExpected,
    /// There is no verdict on the program.
    NotJudged,
}

/// The widths of the columns, known before the first row is.
#[derive(Debug)]
pub struct Table {
    submission: usize,
    expected: usize,
}

/// The longest verdict.
const VERDICT: usize = "memory_limit_exceeded".len();
const MIB: f64 = 1024.0 * 1024.0;
/// How much is shown of what a compiler said.
const MOST_LINES: usize = 8;
const MOST_CHARACTERS: usize = 200;

impl Row {
    pub fn judged(submission: &Submission, answer: &Answer) -> Self {
        let Submission { path, expected, files: _ } = submission;
        let Answer { verdict, compile, cases, max_cpu_time_ms, max_memory_peak_bytes } = answer;
        let result = match verdict.as_str() {
            "judge_error" => State::NotJudged,
            verdict if expected.is_met_by(verdict) => State::AsExpected,
            _ => State::NotAsExpected,
        };
        let first = cases.iter().find(|case| case.verdict != "accepted" && case.verdict != "skipped");
        let message = match first {
            Some(case) => case.message(),
            None if verdict == "compile_error" => compile.as_ref().and_then(Stage::words),
            None => None,
        };
        let has_run = cases.iter().any(|case| case.run.is_some());
        Self {
            submission: path.clone(),
            expected: expected.label(),
            result,
            got: Some(verdict.clone()),
            max_cpu_time_ms: has_run.then_some(*max_cpu_time_ms),
            max_memory_peak_bytes: has_run.then_some(*max_memory_peak_bytes),
            case: first.map(|case| case.id.clone()),
            message,
        }
    }

    /// Nothing that a verdict could show is expected of it.
    pub fn skipped(submission: &Submission, reason: &str) -> Self {
        Self::without_verdict(submission, State::Skipped, reason)
    }

    pub fn not_judged(submission: &Submission, reason: &str) -> Self {
        Self::without_verdict(submission, State::NotJudged, reason)
    }

    fn without_verdict(submission: &Submission, result: State, reason: &str) -> Self {
        Self {
            submission: submission.path.clone(),
            expected: submission.expected.label(),
            result,
            got: None,
            max_cpu_time_ms: None,
            max_memory_peak_bytes: None,
            case: None,
            message: Some(reason.to_owned()),
        }
    }

    pub fn state(&self) -> State {
        self.result
    }

    /// What there is to say below the row.
    fn remark(&self) -> Vec<String> {
        let Self { result, got, case, message, .. } = self;
        if *result == State::AsExpected {
            return Vec::new();
        }
        let whole = match (case, got, message) {
            (Some(case), _, Some(message)) => format!("{case}: {message}"),
            (Some(case), Some(got), None) => format!("{case}: {got}"),
            (_, _, Some(message)) => message.clone(),
            (None, Some(got), None) if got == "accepted" => "every case is accepted".to_owned(),
            (_, _, None) => return Vec::new(),
        };
        whole.lines().take(MOST_LINES).map(shown).collect()
    }
}

/// Without anything that a terminal would obey: what a program wrote may be in it.
fn shown(line: &str) -> String {
    line.chars().take(MOST_CHARACTERS).map(|character| if character.is_control() { ' ' } else { character }).collect()
}

impl Judged {
    fn message(&self) -> Option<String> {
        let Self { id: _, verdict: _, run, checker_message } = self;
        checker_message.clone().or_else(|| run.as_ref()?.words())
    }
}

impl Stage {
    /// The first there is of: the service's words, how it ended together with the program's words.
    fn words(&self) -> Option<String> {
        let Self { stderr, exit_code, signal, message } = self;
        let ended = message.clone().or_else(|| signal.clone());
        let ended = ended.or_else(|| exit_code.filter(|code| *code != 0).map(|code| format!("exit code {code}")));
        let words: Vec<_> = ended.into_iter().chain(stderr.lines().map(str::to_owned)).collect();
        (!words.is_empty()).then(|| words.join("\n"))
    }
}

impl Table {
    pub fn new(submissions: &[&Submission]) -> Self {
        let widest = |length: fn(&Submission) -> usize, name: &str| {
            submissions.iter().map(|submission| length(submission)).max().unwrap_or(0).max(name.len())
        };
        Self {
            submission: widest(|submission| submission.path.chars().count(), "submission"),
            expected: widest(|submission| submission.expected.label().len(), "expected"),
        }
    }

    pub fn head(&self, package: &Package, out: &mut impl Write) -> io::Result<()> {
        let cases = package.cases.len();
        writeln!(out, "{}: {cases} {}", shown(&package.name), if cases == 1 { "case" } else { "cases" })?;
        self.line(["", "submission", "expected", "got", "time", "memory"], out)
    }

    pub fn row(&self, row: &Row, out: &mut impl Write) -> io::Result<()> {
        let Row { submission, expected, result, got, max_cpu_time_ms, max_memory_peak_bytes, case: _, message: _ } =
            row;
        let state = match result {
            State::Skipped => "skip",
            State::AsExpected => "ok",
            State::NotAsExpected => "WRONG",
            State::NotJudged => "ERROR",
        };
        let time = max_cpu_time_ms.map(|ms| format!("{:.3} s", ms / 1e3)).unwrap_or_default();
        let memory = max_memory_peak_bytes.map(|bytes| format!("{:.1} MiB", bytes as f64 / MIB)).unwrap_or_default();
        self.line([state, &shown(submission), expected, got.as_deref().unwrap_or("-"), &time, &memory], out)?;
        for line in row.remark() {
            writeln!(out, "        {line}")?;
        }
        Ok(())
    }

    fn line(
        &self,
        [state, submission, expected, got, time, memory]: [&str; 6],
        out: &mut impl Write,
    ) -> io::Result<()> {
        let Self { submission: first, expected: second } = self;
        let line =
            format!("{state:5} {submission:first$}  {expected:second$}  {got:VERDICT$}  {time:>9}  {memory:>10}",);
        writeln!(out, "{}", line.trim_end())
    }

    pub fn foot(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
        let count = |state| rows.iter().filter(|row| row.result == state).count();
        let judged = rows.len() - count(State::Skipped);
        let mut line = format!("{} of {judged} as expected", count(State::AsExpected));
        for (state, word) in [(State::NotJudged, "not judged"), (State::Skipped, "skipped")] {
            if count(state) > 0 {
                line = format!("{line}, {} {word}", count(state));
            }
        }
        writeln!(out, "{line}")
    }
}

/// The one document of `--json`.
#[derive(Debug, Serialize)]
pub struct Document<'a> {
    pub name: &'a str,
    pub cases: usize,
    pub submissions: &'a [Row],
    pub notes: &'a [String],
}

impl Expected {
    /// Why it cannot be judged, if so.
    pub fn is_unclear(&self) -> Option<&'static str> {
        match self {
            Self::Unclear(reason) => Some(reason),
            Self::OneOf(_) | Self::Rejected => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn submission(expected: &[&'static str]) -> Submission {
        Submission {
            path: "accepted/sum.c".to_owned(),
            expected: Expected::OneOf(expected.to_vec()),
            files: Vec::new(),
        }
    }

    fn stage(message: Option<&str>) -> Value {
        json!({"stderr": "", "exit_code": 0, "signal": null, "message": message})
    }

    fn answer(verdict: &str, cases: Value) -> Answer {
        let whole = json!({"verdict": verdict, "compile": null, "cases": cases, "max_cpu_time_ms": 12.5,
            "max_memory_peak_bytes": 1_572_864});
        serde_json::from_value(whole).unwrap()
    }

    fn printed(row: &Row, of: &Submission) -> String {
        let mut out = Vec::new();
        Table::new(&[of]).row(row, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_as_expected_takes_one_line() {
        let submission = submission(&["accepted"]);
        let cases = json!([{"id": "1", "verdict": "accepted", "run": stage(None), "checker_message": null}]);
        let row = Row::judged(&submission, &answer("accepted", cases));
        assert_eq!(row.state(), State::AsExpected);
        assert_eq!(
            printed(&row, &submission),
            "ok    accepted/sum.c  accepted  accepted                 0.013 s     1.5 MiB\n"
        );
    }

    #[test]
    fn what_is_not_says_where_and_why_and_nothing_a_terminal_obeys() {
        let submission = submission(&["accepted"]);
        let cases = json!([
            {"id": "1", "verdict": "accepted", "run": stage(None), "checker_message": null},
            {"id": "2", "verdict": "wrong_answer", "run": stage(None), "checker_message": "got \u{1b}[31m4"},
            {"id": "3", "verdict": "skipped", "run": null, "checker_message": null},
        ]);
        let row = Row::judged(&submission, &answer("wrong_answer", cases));
        assert_eq!(row.state(), State::NotAsExpected);
        assert!(printed(&row, &submission).ends_with("\n        2: got  [31m4\n"), "{}", printed(&row, &submission));
    }

    #[test]
    fn a_case_without_a_checkers_word_has_the_services() {
        let submission = submission(&["accepted"]);
        let run = stage(Some("cpu"));
        let cases = json!([{"id": "2", "verdict": "time_limit_exceeded", "run": run, "checker_message": null}]);
        let row = Row::judged(&submission, &answer("time_limit_exceeded", cases));
        assert!(printed(&row, &submission).ends_with("\n        2: cpu\n"));
    }

    #[test]
    fn a_judges_error_is_no_verdict_whatever_is_expected() {
        let submission = Submission { expected: Expected::Rejected, ..submission(&[]) };
        let row = Row::judged(&submission, &answer("judge_error", json!([])));
        assert_eq!(row.state(), State::NotJudged);
    }

    #[test]
    fn what_is_accepted_against_expectation_says_so() {
        let submission = submission(&["wrong_answer", "presentation_error"]);
        let row = Row::judged(&submission, &answer("accepted", json!([])));
        assert!(printed(&row, &submission).ends_with("\n        every case is accepted\n"));
    }

    #[test]
    fn the_foot_counts() {
        let submission = submission(&["accepted"]);
        let rows = [
            Row::judged(&submission, &answer("accepted", json!([]))),
            Row::not_judged(&submission, "no language"),
            Row::skipped(&submission, "scores are not compared"),
        ];
        let mut out = Vec::new();
        Table::foot(&rows, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "1 of 2 as expected, 1 not judged, 1 skipped\n");
    }
}
