//! A Prometheus of the test's own on loopback, with the example configuration at one scrape a second.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{SystemTime, UNIX_EPOCH},
};

use serde_json::Value;

use crate::{rules::directory, server::until};

pub struct Prometheus {
    url: String,
    child: Child,
    /// Configuration and data; goes with it.
    _directory: tempfile::TempDir,
}

/// One series of an answer: (time, value), the newest last. Values that are no numbers are left out.
#[derive(Debug, Clone)]
pub struct Series {
    pub labels: BTreeMap<String, String>,
    pub points: Vec<(f64, f64)>,
}

pub fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

impl Prometheus {
    /// Watches the service at this address (`127.0.0.1:1234`) with our rules.
    pub fn start(service: &str) -> Self {
        let temporary = tempfile::tempdir().unwrap();
        let mut config = fs::read_to_string(directory().join("prometheus.yml")).unwrap();
        for (example, ours) in [
            ("scrape_interval: 15s", "scrape_interval: 1s"),
            ("evaluation_interval: 15s", "evaluation_interval: 1s"),
            ("127.0.0.1:8080", service),
        ] {
            assert!(config.contains(example), "prometheus.yml says {example}");
            config = config.replace(example, ours);
        }
        fs::write(temporary.path().join("prometheus.yml"), config).unwrap();
        for rules in ["recording.yml", "alerts.yml"] {
            fs::copy(directory().join(rules), temporary.path().join(rules)).unwrap();
        }
        // It does not tell which port it was given, so it is given one that was free a moment ago.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let child = Command::new("prometheus")
            .current_dir(temporary.path())
            .args(["--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"])
            .arg(format!("--web.listen-address={address}"))
            .stdin(Stdio::null())
            .spawn()
            .expect("prometheus is needed: apt-get install prometheus");
        let mut prometheus = Self { url: format!("http://{address}"), child, _directory: temporary };
        until("Prometheus sees the service", || {
            assert!(prometheus.child.try_wait().unwrap().is_none(), "Prometheus ended");
            let seen = prometheus.try_get("/api/v1/query", &[("query", "up == 1")]);
            seen.is_ok_and(|data| !data["result"].as_array().unwrap().is_empty())
        });
        prometheus
    }

    /// Every second from `start` to `end`.
    pub fn range(&self, query: &str, start: f64, end: f64) -> Result<Vec<Series>, String> {
        let (start, end) = (start.to_string(), end.to_string());
        let data =
            self.try_get("/api/v1/query_range", &[("query", query), ("start", &start), ("end", &end), ("step", "1")])?;
        Ok(series(&data))
    }

    pub fn at(&self, query: &str, time: f64) -> Result<Vec<Series>, String> {
        Ok(series(&self.try_get("/api/v1/query", &[("query", query), ("time", &time.to_string())])?))
    }

    /// What Grafana's `label_values(series, label)` shows.
    pub fn label_values(&self, series: &str, label: &str) -> Vec<String> {
        let data = self.try_get(&format!("/api/v1/label/{label}/values"), &[("match[]", series)]).unwrap();
        data.as_array().unwrap().iter().map(|value| value.as_str().unwrap().to_owned()).collect()
    }

    /// Names of rules that could not be evaluated, with the reason.
    pub fn failed_rules(&self) -> Vec<String> {
        let data = self.try_get("/api/v1/rules", &[]).unwrap();
        let groups = data["groups"].as_array().unwrap();
        assert!(!groups.is_empty(), "the rules are loaded");
        let rules = groups.iter().flat_map(|group| group["rules"].as_array().unwrap());
        rules
            .filter(|rule| rule["health"] != "ok")
            .map(|rule| format!("{}: {}", rule["name"], rule["lastError"]))
            .collect()
    }

    fn try_get(&self, path: &str, query: &[(&str, &str)]) -> Result<Value, String> {
        let config = ureq::Agent::config_builder().http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        let request = agent.get(format!("{}{path}", self.url)).query_pairs(query.iter().copied());
        let mut response = request.call().map_err(|error| error.to_string())?;
        let text = response.body_mut().read_to_string().map_err(|error| error.to_string())?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| text.clone())?;
        if answer["status"] == "success" { Ok(answer["data"].take()) } else { Err(text) }
    }
}

fn series(data: &Value) -> Vec<Series> {
    let point = |pair: &Value| {
        let value: f64 = pair[1].as_str()?.parse().ok()?;
        value.is_finite().then_some((pair[0].as_f64()?, value))
    };
    // A scalar is one point without a series.
    if data["resultType"] == "scalar" {
        return vec![Series { labels: BTreeMap::new(), points: point(&data["result"]).into_iter().collect() }];
    }
    let one = |result: &Value| {
        let text = |(name, value): (&String, &Value)| (name.clone(), value.as_str().unwrap_or_default().to_owned());
        let labels = result["metric"].as_object().unwrap().iter().map(text).collect();
        let several = result["values"].as_array().into_iter().flatten();
        let points = several.chain(result.get("value")).filter_map(point).collect();
        Series { labels, points }
    };
    data["result"].as_array().unwrap().iter().map(one).collect()
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
