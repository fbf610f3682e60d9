//! Looks at all that the service needs, one thing after the other, and says what to do about each that is missing.

use std::{error::Error, io, sync::Arc, time::Instant};

use tokio::sync::mpsc::UnboundedReceiver;

use super::{
    boot_id,
    choice::{Chosen, choose},
    pool_config,
};
use crate::{
    config::Config,
    engine::{Engine, EngineError, EngineInfo},
    language::Language,
    observe::{Deaf, Observer},
    sandbox::{BootError, Ledger, LedgerConfig, Promise, Ready, Remains, Warmup},
};

/// One thing that was looked at.
#[derive(Debug)]
pub struct Finding {
    pub subject: String,
    /// What was seen, or what is wrong.
    pub result: Result<String, Problem>,
    /// What is wrong can be lived with.
    pub is_advice: bool,
}

#[derive(Debug)]
pub struct Problem {
    pub what: String,
    pub remedy: String,
}

/// Docker Engine 20.10.
const LEAST_API: (u32, u32) = (1, 41);

/// Asks the engine about itself, then makes a sandbox of each language, hears its agent, and destroys it.
pub async fn examine(config: &Config) -> Vec<Finding> {
    let boot = boot_id();
    // An owner of its own: the janitor of a service that runs would take these sandboxes for orphans.
    let owner = format!("{}-doctor", config.pool.owner);
    let observer: Arc<dyn Observer> = Arc::new(Deaf);
    let Chosen { engine, is_here: _, address } = choose(config, &owner, &boot, &observer).await;
    let info = match engine.probe().await {
        Ok(info) => info,
        Err(error) => return vec![Finding::new("engine", Err(unreachable(&address, &error)))],
    };
    let mut findings = Vec::from(of_engine(info));
    let ledger = LedgerConfig {
        owner,
        boot,
        budget: 1,
        // Behind those of the service's own budget.
        uid_base: config.pool.uid_base + 2 * config.pool.budget as u32,
    };
    let (ledger, mut remains) = Ledger::new(ledger, Arc::new(Deaf));
    for language in &config.languages {
        let mut promises = Vec::new();
        let result = of_language(config, language, &*engine, &ledger, &mut remains, &mut promises).await;
        findings.push(Finding::new(format!("language {}", language.key), result));
        // One sandbox is like the other; what differs all the same is told of each.
        for promise in promises {
            let finding = Finding::of_promise(promise);
            if findings
                .iter()
                .all(|known| known.subject != finding.subject || known.result.is_ok() != finding.result.is_ok())
            {
                findings.push(finding);
            }
        }
    }
    findings.push(core_dumps());
    findings
}

/// A limit of core dumps does not hold where they are handed to a program.
fn core_dumps() -> Finding {
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap_or_default();
    let result = match pattern.trim_end().strip_prefix('|') {
        None => Ok("to files, which no job may write".to_owned()),
        Some(program) => Err(Problem {
            what: format!("this host hands them to {program}"),
            remedy: "sysctl kernel.core_pattern=core, so that crashing jobs start nothing on the host".to_owned(),
        }),
    };
    Finding { is_advice: true, ..Finding::new("core dumps of the host", result) }
}

fn of_engine(info: EngineInfo) -> [Finding; 3] {
    let EngineInfo { name, version, api_version, runtime, runtime_reason, runtimes: _, cgroup_version, lacks } = info;
    // Only a daemon has one.
    let api = if api_version.is_empty() { String::new() } else { format!(", API {api_version}") };
    let reason = runtime_reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    let seen = format!("{name} {version}{api}, runtime {runtime}{reason}");
    let engine = if api_version.is_empty() || is_recent(&api_version) {
        Ok(seen)
    } else {
        let remedy = format!("install Docker Engine 20.10 or later (API {}.{})", LEAST_API.0, LEAST_API.1);
        Err(Problem { what: format!("{seen}: too old"), remedy })
    };
    let cgroup = match cgroup_version.as_str() {
        "1" | "2" => Ok(format!("version {cgroup_version}")),
        other => Err(Problem {
            what: format!("version `{other}`"),
            remedy: "use a host with cgroup version 1 or 2: limits and meters depend on it".to_owned(),
        }),
    };
    let limits = if lacks.is_empty() {
        Ok("seccomp, memory, swap, processes, processor time".to_owned())
    } else {
        Err(Problem {
            what: format!("missing: {}", lacks.join(", ")),
            remedy: "enable the cgroup controllers in the kernel (on Debian: the boot parameters cgroup_enable=memory \
                     swapaccount=1), and use an engine built with seccomp"
                .to_owned(),
        })
    };
    [Finding::new("engine", engine), Finding::new("cgroup", cgroup), Finding::new("limits", limits)]
}

async fn of_language(
    config: &Config,
    language: &Language,
    engine: &dyn Engine,
    ledger: &Arc<Ledger>,
    remains: &mut UnboundedReceiver<Remains>,
    promises: &mut Vec<Promise>,
) -> Result<String, Problem> {
    let problem = |error: &dyn Error, remedy: &str| Problem { what: chain(error), remedy: remedy.to_owned() };
    match engine.has_image(&language.image).await {
        Ok(true) => {}
        Ok(false) => {
            return Err(Problem {
                what: format!("the image {} is not there", language.image),
                remedy: format!("caisson images build {0} (natively: images/roots.sh {0})", language.key),
            });
        }
        Err(error) => return Err(problem(&error, "see the engine's own log")),
    }
    let Some(custody) = ledger.take(&language.key) else {
        return Err(Problem {
            what: "an earlier sandbox is still there".to_owned(),
            remedy: "see above, and the engine's own log".to_owned(),
        });
    };
    let pool = pool_config(language, 0);
    let job_uid = custody.job_uid();
    let spec = pool.spec(&custody, config.pool.cpus);
    let since = Instant::now();
    let warmup = Warmup { rehearsal: pool.rehearsal.as_ref(), arming: &|| pool.arming.as_ref() };
    let booted = Ready::boot(custody, &spec, warmup, engine, config.pool.boot_patience).await;
    let took = since.elapsed();
    match &booted {
        Ok(ready) => promises.extend(ready.inspection().into_iter().flat_map(|seen| seen.promises(job_uid))),
        Err(BootError::Promise(broken)) => promises.extend(broken.promises().iter().cloned()),
        Err(_) => {}
    }
    let result = booted.as_ref().map(|_| format!("a sandbox was ready after {} ms", took.as_millis()));
    let result = result
        .map_err(|error| problem(error, "see the engine's own log; caisson images build brings the agent up to date"));
    // Whether it came up or not, there is one to destroy.
    drop(booted);
    if let Some(remains) = remains.recv().await {
        engine
            .destroy(remains.id(), remains.how)
            .await
            .map_err(|error| problem(&error, &format!("docker rm --force {}", remains.id())))?;
        remains.gone();
    }
    result
}

fn unreachable(host: &str, error: &EngineError) -> Problem {
    let remedy = match io_kind(error) {
        Some(io::ErrorKind::PermissionDenied) => {
            "run as root, or add this user to the group docker and log in again (who may use Docker may do everything)"
        }
        Some(io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) | None => {
            "start the engine (systemctl start docker, or make engine), or name another one in docker.host"
        }
        Some(_) => "see whether docker.host is right, and the engine's own log",
    };
    Problem { what: format!("no answer from {host}: {}", chain(error)), remedy: remedy.to_owned() }
}

fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    match error.downcast_ref::<io::Error>() {
        Some(error) => Some(error.kind()),
        None => io_kind(error.source()?),
    }
}

/// An error with all its causes on one line.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        // Many a library repeats its cause in its own words.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

fn is_recent(api_version: &str) -> bool {
    let mut parts = api_version.split('.').map(|part| part.parse::<u32>().ok());
    match (parts.next().flatten(), parts.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= LEAST_API,
        _ => false,
    }
}

impl Finding {
    fn new(subject: impl Into<String>, result: Result<String, Problem>) -> Self {
        Self { subject: subject.into(), result, is_advice: false }
    }

    fn of_promise(promise: Promise) -> Self {
        let Promise { name, found, remedy, is_advice } = promise;
        let result = found.map_err(|what| Problem { what, remedy: remedy.to_owned() });
        Self { is_advice, ..Self::new(format!("promise {name}"), result) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_recent_from_api_1_41_on() {
        assert!(is_recent("1.41") && is_recent("1.50") && is_recent("2.0"));
        assert!(!is_recent("1.40") && !is_recent("1.9") && !is_recent(""));
    }

    #[test]
    fn what_an_engine_lacks_comes_with_a_remedy() {
        let info = EngineInfo {
            name: "Docker Engine".into(),
            version: "19.03".into(),
            api_version: "1.40".into(),
            runtime: "runc".into(),
            runtime_reason: None,
            runtimes: vec!["runc".into()],
            cgroup_version: "1".into(),
            lacks: vec!["limits of swap"],
        };
        let [engine, cgroup, limits] = of_engine(info);
        assert!(engine.result.unwrap_err().remedy.contains("20.10"));
        assert_eq!(cgroup.result.unwrap(), "version 1");
        assert!(limits.result.unwrap_err().what.contains("limits of swap"));
    }
}
