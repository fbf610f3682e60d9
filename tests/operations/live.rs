//! A live service watched by a real Prometheus: whatever a dashboard or a rule asks for must be answered.

use std::{fmt::Write as _, fs, time::Duration};

use crate::{
    board::{Board, Panel, Target},
    coverage, draw,
    load::drive,
    prometheus::{Prometheus, Series, now},
    promql::{filled_in, selectors},
    rules::Rule,
    server::{Arrange, Server, root},
};

/// Short: four of Prometheus' scrapes are what Grafana takes.
const RATE_INTERVAL: &str = "15s";
/// Everything in the load has happened several times by then, the window of the shortest rules is well begun.
const LOAD: Duration = Duration::from_secs(50);

/// What Prometheus answered to one query of a panel.
pub struct Answer<'b> {
    pub target: &'b Target,
    pub series: Vec<Series>,
}

struct Watch<'p> {
    prometheus: &'p Prometheus,
    variables: Vec<(String, String)>,
    start: f64,
    end: f64,
}

impl Watch<'_> {
    fn ask<'b>(&self, panel: &Panel, target: &'b Target) -> Answer<'b> {
        let expr = filled_in(&target.expr, &self.variables);
        let result = if target.instant {
            self.prometheus.at(&expr, self.end)
        } else {
            self.prometheus.range(&expr, self.start, self.end)
        };
        Answer { target, series: result.unwrap_or_else(|said| panic!("{}: {expr}: {said}", panel.title)) }
    }

    fn has_data(&self, expr: &str) -> bool {
        let expr = filled_in(expr, &self.variables);
        let series = self.prometheus.range(&expr, self.start, self.end).unwrap_or_else(|said| panic!("{expr}: {said}"));
        series.iter().any(|series| !series.points.is_empty())
    }
}

/// As Grafana fills them in: all values of each variable.
fn variables(prometheus: &Prometheus, board: &Board) -> Vec<(String, String)> {
    let mut filled = vec![("__rate_interval".to_owned(), RATE_INTERVAL.to_owned())];
    for variable in board.templating.list.iter().filter(|variable| variable.kind == "query") {
        let definition = filled_in(variable.definition.as_deref().unwrap(), &filled);
        let inner = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
        let (series, label) = inner.rsplit_once(", ").unwrap();
        let values = prometheus.label_values(series, label);
        assert!(!values.is_empty(), "{definition} has no value");
        let escaped: Vec<_> = values.iter().map(|value| value.replace('.', "\\\\.")).collect();
        filled.push((variable.name.clone(), format!("({})", escaped.join("|"))));
    }
    filled
}

/// What happened must have happened, or the answers prove nothing.
fn everything_happened(server: &Server) {
    let metrics = server.get("/metrics").body;
    let metrics = metrics.as_str().unwrap();
    for series in [
        "caisson_jobs_total{language=\"bash\",outcome=\"ok\"}",
        "caisson_jobs_total{language=\"bash\",outcome=\"abandoned\"}",
        "caisson_jobs_total{language=\"c\",outcome=\"ok\"}",
        "caisson_jobs_total{language=\"c\",outcome=\"compile_error\"}",
        "caisson_jobs_total{language=\"python\",outcome=\"runtime_error\"}",
        "caisson_jobs_total{language=\"python\",outcome=\"time_limit_exceeded\"}",
        "caisson_jobs_total{language=\"python\",outcome=\"memory_limit_exceeded\"}",
        "caisson_jobs_total{language=\"python\",outcome=\"output_limit_exceeded\"}",
        "caisson_jobs_rejected_total{reason=\"queue_full\"}",
        "caisson_claims_total{language=\"bash\",result=\"late\"}",
        "caisson_judge_cases_total{language=\"c\",verdict=\"accepted\"}",
        "caisson_judge_cases_total{language=\"c\",verdict=\"wrong_answer\"}",
        "caisson_judge_cases_total{language=\"c\",verdict=\"skipped\"}",
        "caisson_compile_cache_total{result=\"hit\"}",
        "caisson_compile_cache_total{result=\"miss\"}",
    ] {
        let value = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        assert!(value.is_some_and(|value| value != "0"), "{series} is {value:?}: the load did not bring it about");
    }
}

#[test]
fn every_panel_and_every_rule_gets_data_from_a_service_at_work() {
    let server = Arrange::new(&[("bash", 1), ("c", 3), ("python", 4)])
        .set("pool.run_slots=2")
        .set("pool.queue=3")
        .set("pool.compile_cache_bytes=16777216")
        .warm();
    let prometheus = Prometheus::start(server.url.strip_prefix("http://").unwrap());
    let start = now();
    drive(&server, LOAD);
    everything_happened(&server);
    // Whatever came last is scraped and reckoned with.
    std::thread::sleep(Duration::from_secs(2));
    let end = now();

    let (boards, rules) = (Board::all(), Rule::all());
    let told = coverage::told(server.get("/metrics").body.as_str().unwrap());
    let complaints = coverage::complaints(&coverage::read(&boards, &rules), &told, &rules);
    assert_eq!(complaints, Vec::<String>::new());

    let target = root().join("target/dashboards");
    fs::create_dir_all(&target).unwrap();
    let mut report = String::new();
    let mut missing = Vec::new();
    for (name, board) in &boards {
        let watch = Watch { prometheus: &prometheus, variables: variables(&prometheus, board), start, end };
        let answers: Vec<(&Panel, Vec<Answer>)> = board
            .shown()
            .map(|panel| (panel, panel.targets.iter().map(|target| watch.ask(panel, target)).collect()))
            .collect();
        writeln!(report, "{}", board.title).unwrap();
        for (panel, answers) in &answers {
            for answer in answers {
                let said = summary(panel, answer);
                writeln!(report, "  {:<32} {said}", panel.title).unwrap();
                if answer.series.iter().all(|series| series.points.is_empty()) {
                    missing.push(format!("{name}: {} {}", panel.title, answer.target.ref_id));
                }
            }
        }
        fs::write(target.join(format!("{name}.svg")), draw::picture(board, &answers, start, end)).unwrap();
    }
    let watch = Watch { prometheus: &prometheus, variables: Vec::new(), start, end };
    for rule in &rules {
        let is_answered = match &rule.record {
            Some(record) => watch.has_data(record) && watch.has_data(&rule.expr),
            // An alert that does not fire has no value; what it looks at must be there.
            None => selectors(&rule.expr).iter().all(|selector| watch.has_data(selector)),
        };
        writeln!(report, "rule {:<50} {}", rule.name(), if is_answered { "has data" } else { "NO DATA" }).unwrap();
        if !is_answered {
            missing.push(rule.name().to_owned());
        }
    }
    fs::write(target.join("panels.txt"), &report).unwrap();
    println!("{report}");
    assert_eq!(missing, Vec::<String>::new(), "these got no data");
    assert_eq!(prometheus.failed_rules(), Vec::<String>::new());
    // A service that is merely busy gives no cause for these, not for a moment.
    let quiet = "CaissonRestarts|CaissonBreakerOpen|CaissonOverBudget|CaissonFilesRunOut";
    let alerts = prometheus.range(&format!("ALERTS{{alertname=~\"{quiet}\"}}"), start, end).unwrap();
    assert!(alerts.is_empty(), "{alerts:?}");
    server.stop();
}

/// How many series there were, and what the one with the greatest values said last and at most.
fn summary(panel: &Panel, answer: &Answer) -> String {
    // Of a heat map it is the unit of the buckets, and the values are counts.
    let (unit, name) = match panel.kind.as_str() {
        "heatmap" => ("none", "jobs, all buckets".to_owned()),
        "table" => {
            let head = panel.head(&answer.target.ref_id);
            let unit = panel.property(&head, "unit").and_then(|unit| unit.as_str());
            (unit.unwrap_or(&panel.field_config.defaults.unit), head)
        }
        _ => (panel.field_config.defaults.unit.as_str(), answer.target.legend_format.clone()),
    };
    let peak = |series: &Series| series.points.iter().map(|(_, value)| *value).fold(f64::NEG_INFINITY, f64::max);
    let filled = answer.series.iter().filter(|series| !series.points.is_empty());
    let Some(series) = filled.max_by(|one, other| peak(one).total_cmp(&peak(other))) else {
        return format!("{} NO DATA: {}", answer.target.ref_id, answer.target.expr);
    };
    let last = draw::format(unit, series.points[series.points.len() - 1].1);
    let (id, count) = (&answer.target.ref_id, answer.series.len());
    let name = draw::legend(&name, series);
    format!("{id} {count:>3} series; {name}: last {last}, max {}", draw::format(unit, peak(series)))
}
