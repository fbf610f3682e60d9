//! Whether an answer is what the program's header says, within its time, and without a secret.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::Value;

use crate::program::{Output, Program, Via};

/// What a limit may be overrun by, in milliseconds.
const GRACE_MS: f64 = 1000.0;

/// Of a compile, where the program's header has no limit of its own: the default of the configuration.
const COMPILE_WALL_MS: f64 = 30_000.0;

impl Program {
    pub fn faults_of(&self, request: &Value, answer: &Value) -> Vec<String> {
        let mut faults = match &self.via {
            Via::Execute(statuses) => self.faults_of_job(statuses, answer),
            Via::Judge(verdicts) => self.faults_of_judging(verdicts, answer),
        };
        let compile_ms = request["compile"]["limits"]["wall_time_ms"].as_f64().unwrap_or(COMPILE_WALL_MS);
        // Compiled in vain, it is the compile that the header speaks of.
        let within_ms = self.within_ms.filter(|_| answer["run"].is_null()).unwrap_or(compile_ms + GRACE_MS);
        over(&mut faults, "the compile's wall time", &answer["compile"]["wall_time_ms"], within_ms);
        let faulty_artifacts =
            answer["artifacts"].as_array().into_iter().flatten().filter(|one| one["error"].is_null());
        faults.extend(faulty_artifacts.map(|artifact| format!("it was brought {}", artifact["path"])));
        faults
    }

    fn faults_of_job(&self, statuses: &[String], answer: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let status = answer["status"].as_str().unwrap_or_default();
        if !statuses.iter().any(|allowed| allowed == status) {
            faults.push(format!("the status is {status}, not {}", statuses.join(" or ")));
        }
        let stage = if answer["run"].is_null() { &answer["compile"] } else { &answer["run"] };
        if let Some(says) = &self.says
            && !stage["message"].as_str().is_some_and(|message| message.contains(says.as_str()))
        {
            faults.push(format!("the message is {}, without `{says}`", stage["message"]));
        }
        faults.extend(self.fault_of_run(&answer["run"]));
        let within_ms = self.within_ms.unwrap_or(self.wall_limit_ms + GRACE_MS);
        over(&mut faults, "the run's time, as the service has it", &answer["timing"]["run_ms"], within_ms);
        faults
    }

    fn faults_of_judging(&self, verdicts: &[String], answer: &Value) -> Vec<String> {
        let mut faults = Vec::new();
        let cases = answer["cases"].as_array().map(Vec::as_slice).unwrap_or_default();
        let seen: Vec<_> = cases.iter().map(|case| case["verdict"].as_str().unwrap_or_default()).collect();
        if seen != *verdicts {
            let compiler = cut(answer["compile"]["stderr"].as_str().unwrap_or_default());
            let (seen, wanted) = (seen.join(", "), verdicts.join(", "));
            faults.push(format!("the verdicts are {seen}, not {wanted} (the compiler: {compiler:?})"));
        }
        faults.extend(cases.iter().filter_map(|case| self.fault_of_run(&case["run"])));
        faults
    }

    /// What it printed, and its times.
    fn fault_of_run(&self, run: &Value) -> Option<String> {
        if run.is_null() {
            // It did not run, which status and verdicts tell.
            return None;
        }
        let mut faults = Vec::new();
        let stdout = run["stdout"].as_str().unwrap_or_default();
        let is_right = match &self.output {
            Output::Is(text) => stdout == text,
            Output::Ends(text) => stdout.ends_with(text.as_str()),
            Output::Any => true,
        };
        if !is_right {
            let (said, stderr) = (cut(stdout), cut(run["stderr"].as_str().unwrap_or_default()));
            faults.push(format!("it said {said:?} and {stderr:?} ({})", run["message"]));
        }
        let wall_ms = self.within_ms.unwrap_or(self.wall_limit_ms + GRACE_MS);
        over(&mut faults, "the wall time", &run["wall_time_ms"], wall_ms);
        over(&mut faults, "the processor time", &run["cpu_time_ms"], self.cpu_limit_ms + GRACE_MS);
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn over(faults: &mut Vec<String>, what: &str, value: &Value, most: f64) {
    if let Some(value) = value.as_f64()
        && value > most
    {
        faults.push(format!("{what} is {value} ms, more than {most}"));
    }
}

/// All that an answer says, its artifacts decoded. Without what the checker says of a wrong answer: it quotes what was
/// expected, to whoever sent that.
pub fn text_of(answer: &Value) -> String {
    let mut answer = answer.clone();
    for case in answer["cases"].as_array_mut().into_iter().flatten() {
        case["checker_message"].take();
    }
    let artifacts = answer["artifacts"].as_array().into_iter().flatten();
    let contents = artifacts.filter_map(|artifact| BASE64_STANDARD.decode(artifact["content"].as_str()?).ok());
    let decoded: String = contents.map(|content| String::from_utf8_lossy(&content).into_owned()).collect();
    answer.to_string() + &decoded
}

pub fn cut(text: &str) -> String {
    text.chars().take(300).collect()
}
