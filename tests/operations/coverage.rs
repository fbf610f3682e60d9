//! Whether dashboards and rules and the service speak of the same metrics. Pure; the live test feeds it what a service
//! exports.

use std::collections::BTreeSet;

use crate::{
    board::Board,
    promql::{metric, selectors},
    rules::Rule,
};

/// Prometheus' own.
const OF_PROMETHEUS: [&str; 2] = ["up", "ALERTS"];

/// A metric that is read, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    metric: String,
    place: String,
}

/// A metric that the service exports.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Told {
    name: String,
    is_histogram: bool,
}

const PARTS: [&str; 3] = ["_bucket", "_sum", "_count"];

impl Told {
    fn series(&self) -> Vec<String> {
        if self.is_histogram {
            PARTS.iter().map(|part| format!("{}{part}", self.name)).collect()
        } else {
            vec![self.name.clone()]
        }
    }
}

/// What panels, variables and rules read.
pub fn read(boards: &[(&str, Board)], rules: &[Rule]) -> BTreeSet<Read> {
    let mut read = BTreeSet::new();
    let mut take = |expr: &str, place: String| {
        let metrics = selectors(expr).into_iter().map(|selector| metric(&selector).to_owned());
        read.extend(metrics.map(|metric| Read { metric, place: place.clone() }));
    };
    for (name, board) in boards {
        for panel in board.shown() {
            panel.targets.iter().for_each(|target| take(&target.expr, format!("{name}: {}", panel.title)));
        }
        for variable in &board.templating.list {
            let series = variable.definition.as_deref().and_then(|query| query.strip_prefix("label_values("));
            // Up to the label's name, which is no metric.
            if let Some((series, _)) = series.and_then(|query| query.rsplit_once(',')) {
                take(series, format!("{name}: ${}", variable.name));
            }
        }
    }
    rules.iter().for_each(|rule| take(&rule.expr, rule.name().to_owned()));
    read
}

/// What the text of /metrics declares.
pub fn told(metrics: &str) -> BTreeSet<Told> {
    let declared = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    declared.map(|(name, kind)| Told { name: name.to_owned(), is_histogram: kind == "histogram" }).collect()
}

/// One sentence for each metric that is read and not told, or told and not read, or recorded in vain.
pub fn complaints(read: &BTreeSet<Read>, told: &BTreeSet<Told>, rules: &[Rule]) -> Vec<String> {
    let series: BTreeSet<String> = told.iter().flat_map(Told::series).collect();
    let recorded: BTreeSet<&str> = rules.iter().filter_map(|rule| rule.record.as_deref()).collect();
    let is_there = |name: &str| series.contains(name) || recorded.contains(name) || OF_PROMETHEUS.contains(&name);
    let missing = read.iter().filter(|read| !is_there(&read.metric));
    let missing = missing.map(|Read { metric, place }| format!("{place} reads {metric}, which nobody tells"));
    let metrics: BTreeSet<&str> = read.iter().map(|read| read.metric.as_str()).collect();
    let unread = told.iter().filter(|told| !told.series().iter().any(|name| metrics.contains(name.as_str())));
    let unread = unread.map(|told| format!("{} is told, and neither a panel nor a rule reads it", told.name));
    let idle = recorded.iter().filter(|name| !metrics.contains(**name));
    let idle = idle.map(|name| format!("{name} is recorded, and nobody reads it"));
    missing.chain(unread).chain(idle).collect()
}

/// As if everything were well: what is told is what is read.
fn agreed(read: &BTreeSet<Read>) -> BTreeSet<Told> {
    let metrics = read.iter().map(|read| read.metric.as_str());
    let own = metrics.filter(|name| !name.contains(':') && !OF_PROMETHEUS.contains(name));
    let told = own.map(|name| {
        let base = PARTS.iter().find_map(|part| name.strip_suffix(part));
        Told { name: base.unwrap_or(name).to_owned(), is_histogram: base.is_some() }
    });
    told.collect()
}

#[test]
fn who_agrees_gets_no_complaint() {
    let rules = Rule::all();
    let read = read(&Board::all(), &rules);
    assert_eq!(complaints(&read, &agreed(&read), &rules), Vec::<String>::new());
}

#[test]
fn each_metric_that_is_renamed_is_missed_under_both_names() {
    let rules = Rule::all();
    let read = read(&Board::all(), &rules);
    let told = agreed(&read);
    assert!(told.len() > 40, "{told:?}");
    for metric in &told {
        let mut renamed = told.clone();
        renamed.remove(metric);
        renamed.insert(Told { name: format!("{}_renamed", metric.name), ..metric.clone() });
        let found = complaints(&read, &renamed, &rules);
        assert!(found.iter().any(|said| said.contains(&format!(" reads {}", metric.name))), "{found:?}");
        assert!(found.iter().any(|said| said.starts_with(&format!("{}_renamed is told", metric.name))), "{found:?}");
    }
}
