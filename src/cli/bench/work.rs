//! What is sent: one job over and over, or several by their weights.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use clap::Args;
use fastrand::Rng;
use hyper::body::Bytes;
use serde::Deserialize;
use serde_json::Value;

#[derive(Debug, Args)]
#[group(multiple = false)]
pub struct Choice {
    /// A program that prints "hello"; for other languages than those we ship: --job
    #[arg(long, default_value = "python")]
    language: String,
    /// A request as for /v1/execute, or, if it has cases, as for /v1/judge
    #[arg(long, value_name = "FILE")]
    job: Option<PathBuf>,
    /// Several requests: [{"weight": 4, "job": {…}}, {"weight": 1, "file": "other.json"}, …]
    #[arg(long, value_name = "FILE")]
    mix: Option<PathBuf>,
}

#[derive(Debug)]
pub struct Job {
    pub path: &'static str,
    pub request: Value,
    pub body: Bytes,
}

#[derive(Debug)]
pub struct Work {
    pub name: String,
    /// Each with the share of those before it and its own; the last has 1.
    jobs: Vec<(f64, Arc<Job>)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    weight: f64,
    job: Option<Value>,
    /// Seen from the directory of the mix.
    file: Option<PathBuf>,
}

/// For the languages that we ship. No list that a new language has to be put into: `--job` takes any.
const HELLO: &[(&str, &str)] = &[
    ("bash", include_str!("../../../tests/load/jobs/bash.json")),
    ("binary", include_str!("../../../tests/load/jobs/binary.json")),
    ("c", include_str!("../../../tests/load/jobs/c.json")),
    ("cpp", include_str!("../../../tests/load/jobs/cpp.json")),
    ("java", include_str!("../../../tests/load/jobs/java.json")),
    ("javascript", include_str!("../../../tests/load/jobs/javascript.json")),
    ("python", include_str!("../../../tests/load/jobs/python.json")),
];

impl Choice {
    pub fn work(&self) -> anyhow::Result<Work> {
        let Self { language, job, mix } = self;
        match (job, mix) {
            (Some(file), _) => Ok(Work::single(shown(file), Job::new(read(file)?)?)),
            (None, Some(file)) => {
                let parts = serde_json::from_value(read(file)?)
                    .with_context(|| format!("{} is no list of jobs with weights", file.display()))?;
                Work::mixed(shown(file), parts, file.parent().unwrap_or(Path::new(".")))
                    .with_context(|| file.display().to_string())
            }
            (None, None) => Ok(Work::single(format!("{language} hello"), Job::new(hello(language)?)?)),
        }
    }
}

fn shown(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

fn read(file: &Path) -> anyhow::Result<Value> {
    let text = fs::read(file).with_context(|| format!("could not read {}", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no JSON", file.display()))
}

fn hello(language: &str) -> anyhow::Result<Value> {
    let Some((_, request)) = HELLO.iter().find(|(known, _)| *known == language) else {
        let known: Vec<_> = HELLO.iter().map(|(name, _)| *name).collect();
        bail!("there is no program at hand for {language}, only for {}; give one with --job", known.join(", "));
    };
    serde_json::from_str(request).with_context(|| format!("the program at hand for {language} is no JSON"))
}

impl Job {
    fn new(request: Value) -> anyhow::Result<Self> {
        ensure!(request.is_object(), "a job is a JSON object, as the server takes it");
        let path = if request.get("cases").is_some() { "/v1/judge" } else { "/v1/execute" };
        Ok(Self { path, body: request.to_string().into(), request })
    }
}

impl Work {
    fn single(name: String, job: Job) -> Self {
        Self { name, jobs: vec![(1.0, Arc::new(job))] }
    }

    fn mixed(name: String, parts: Vec<Part>, directory: &Path) -> anyhow::Result<Self> {
        let of = |weight: &f64| weight.is_finite() && *weight > 0.0;
        ensure!(parts.iter().all(|part| of(&part.weight)), "each weight must be more than 0");
        ensure!(!parts.is_empty(), "there is no job in it");
        let total: f64 = parts.iter().map(|part| part.weight).sum();
        let (mut jobs, mut share) = (Vec::with_capacity(parts.len()), 0.0);
        for Part { weight, job, file } in parts {
            share += weight / total;
            let request = match (job, file) {
                (Some(job), None) => job,
                (None, Some(file)) => read(&directory.join(file))?,
                _ => bail!("each part has either a job or a file"),
            };
            jobs.push((share, Arc::new(Job::new(request)?)));
        }
        Ok(Self { name, jobs })
    }

    /// Each once.
    pub fn all(&self) -> impl Iterator<Item = &Job> {
        self.jobs.iter().map(|(_, job)| &**job)
    }

    pub fn pick(&self, random: &mut Rng) -> Arc<Job> {
        let drawn = random.f64();
        let (_, job) = self.jobs.iter().find(|(share, _)| drawn < *share).unwrap_or_else(|| self.last());
        Arc::clone(job)
    }

    /// Shares that were added up may end a little below 1.
    fn last(&self) -> &(f64, Arc<Job>) {
        self.jobs.last().expect("work has at least one job")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn mix(parts: Value) -> anyhow::Result<Work> {
        Work::mixed("mix".to_owned(), serde_json::from_value(parts)?, Path::new("."))
    }

    #[test]
    fn a_job_with_cases_is_for_the_judge() {
        assert_eq!(Job::new(hello("c").unwrap()).unwrap().path, "/v1/execute");
        assert_eq!(Job::new(json!({"language": "c", "source": "", "cases": []})).unwrap().path, "/v1/judge");
        assert!(Job::new(json!([])).is_err());
    }

    #[test]
    fn jobs_are_drawn_by_their_weights() {
        let job = |language: &str| json!({"language": language, "source": ""});
        let work = mix(json!([{"weight": 4, "job": job("c")}, {"weight": 1, "job": job("bash")}])).unwrap();
        let mut random = Rng::with_seed(1);
        let drawn = (0..10_000).filter(|_| work.pick(&mut random).request["language"] == "bash").count();
        assert!((1_900..2_100).contains(&drawn), "{drawn}");
    }

    #[test]
    fn a_mix_that_is_none_says_why() {
        let job = json!({"language": "c", "source": ""});
        for (parts, why) in [
            (json!([]), "there is no job in it"),
            (json!([{"weight": 0, "job": job}]), "each weight must be more than 0"),
            (json!([{"weight": 1}]), "each part has either a job or a file"),
            (json!([{"weight": 1, "job": job, "file": "x.json"}]), "each part has either a job or a file"),
            (json!([{"weight": 1, "file": "no/such.json"}]), "could not read ./no/such.json"),
        ] {
            assert_eq!(mix(parts).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn every_program_at_hand_is_a_job() {
        for (language, _) in HELLO {
            assert_eq!(Job::new(hello(language).unwrap()).unwrap().request["language"], *language);
        }
    }

    #[test]
    fn a_language_without_a_program_at_hand_is_told_with_the_way_out() {
        let said = hello("cobol").unwrap_err().to_string();
        assert!(
            said.contains("for cobol") && said.contains("bash, binary, c, cpp") && said.contains("--job"),
            "{said}"
        );
    }
}
