//! Recording rules and alerts: what is in them, and that each alert fires when it should and not when it should not.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde::Deserialize;

use crate::server::root;

#[derive(Debug, Deserialize)]
struct File {
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
struct Group {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, Deserialize)]
pub struct Rule {
    pub record: Option<String>,
    pub alert: Option<String>,
    pub expr: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

impl Rule {
    pub fn all() -> Vec<Self> {
        ["recording.yml", "alerts.yml"].iter().flat_map(|name| Self::read(name)).collect()
    }

    fn read(name: &str) -> Vec<Self> {
        let text = fs::read_to_string(directory().join(name)).unwrap();
        let file: File = serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        file.groups.into_iter().flat_map(|group| group.rules).collect()
    }

    pub fn name(&self) -> &str {
        self.record.as_deref().or(self.alert.as_deref()).expect("a rule records or alerts")
    }
}

pub fn directory() -> PathBuf {
    root().join("dashboards/prometheus")
}

/// Promtool's unit tests, one file each.
fn tests() -> Vec<PathBuf> {
    let files = fs::read_dir(directory().join("tests")).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "yml")).collect()
}

fn promtool(arguments: &[&str], files: &[PathBuf]) {
    let output = Command::new("promtool").args(arguments).args(files).output();
    let output = output.expect("promtool is needed: apt-get install prometheus");
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success() && !said.contains("FAILED"), "promtool {arguments:?}: {said}");
}

#[test]
fn promtool_accepts_the_rules_and_the_example() {
    promtool(&["check", "rules"], &[directory().join("recording.yml"), directory().join("alerts.yml")]);
    promtool(&["check", "config"], &[directory().join("prometheus.yml")]);
}

#[test]
fn every_alert_fires_when_it_should_and_only_then() {
    std::thread::scope(|scope| {
        for file in tests() {
            scope.spawn(move || promtool(&["test", "rules"], &[file]));
        }
    });
}

#[derive(Deserialize)]
struct UnitTests {
    tests: Vec<UnitTest>,
}

#[derive(Deserialize)]
struct UnitTest {
    name: String,
    alert_rule_test: Vec<Expectation>,
}

#[derive(Deserialize)]
struct Expectation {
    alertname: String,
    exp_alerts: Vec<serde_json::Value>,
}

#[test]
fn every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() {
    let mut seen: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    for file in tests() {
        let all: UnitTests = serde_saphyr::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
        for test in all.tests {
            for expected in test.alert_rule_test {
                let word = if expected.exp_alerts.is_empty() { "is silent" } else { "fires" };
                assert!(test.name.starts_with(&format!("{} {word}: ", expected.alertname)), "{}", test.name);
                seen.entry(expected.alertname).or_default()[usize::from(expected.exp_alerts.is_empty())] += 1;
            }
        }
    }
    for alert in Rule::all().iter().filter_map(|rule| rule.alert.as_ref()) {
        let counts = seen.remove(alert).unwrap_or_default();
        assert!(counts[0] > 0 && counts[1] > 0, "{alert} fires in {} tests and is silent in {}", counts[0], counts[1]);
    }
    assert!(seen.is_empty(), "tests of alerts that are not there: {seen:?}");
}

#[test]
fn every_alert_says_what_it_means_and_has_its_place_in_the_runbook() {
    let runbook = fs::read_to_string(root().join("dashboards/RUNBOOK.md")).unwrap();
    let mut headings: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("## Caisson")).collect();
    for rule in Rule::all() {
        let Some(alert) = &rule.alert else { continue };
        for key in ["summary", "description"] {
            assert!(rule.annotations.get(key).is_some_and(|text| text.len() > 20), "{alert} has no {key}");
        }
        assert!(matches!(rule.labels["severity"].as_str(), "page" | "ticket"), "{alert}");
        let place = format!("dashboards/RUNBOOK.md#{}", alert.to_lowercase());
        assert_eq!(rule.annotations.get("runbook_url"), Some(&place));
        let before = headings.len();
        headings.retain(|heading| format!("Caisson{heading}") != *alert);
        assert_eq!(headings.len(), before - 1, "the runbook has one section about {alert}");
    }
    assert_eq!(headings, Vec::<&str>::new(), "sections about alerts that are not there");
}
