//! What the service says about itself: to load balancers, to Prometheus, to operators.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{
    Api,
    fault::{Code, Fault},
};
use crate::{calendar, dispatch};

/// When to ask again for a sandbox that is being made: about the time that making one takes.
const READY_RETRY: Duration = Duration::from_secs(1);

#[derive(Debug, Serialize)]
struct Health {
    status: &'static str,
}

#[derive(Debug, Serialize)]
struct Status<'a> {
    build: Build<'a>,
    draining: bool,
    queue: Queue,
    run_slots: Share,
    /// Of sandboxes, those that are being removed included.
    budget: usize,
    pools: Vec<Pool<'a>>,
}

#[derive(Debug, Serialize)]
struct Build<'a> {
    version: &'a str,
    engine: &'a str,
}

#[derive(Debug, Serialize)]
struct Queue {
    waiting: usize,
}

#[derive(Debug, Serialize)]
struct Share {
    total: usize,
    in_use: usize,
}

#[derive(Debug, Serialize)]
struct Pool<'a> {
    language: &'a str,
    ready: usize,
    booting: usize,
    claimed: usize,
    /// Jobs that wait for one of its sandboxes.
    waiting: usize,
    target: usize,
    healthy: bool,
    hints: Vec<Hint>,
}

/// Ready sandboxes asked for in advance.
#[derive(Debug, Serialize)]
pub struct Hint {
    size: usize,
    at: String,
    until: String,
    /// By the configuration.
    scheduled: bool,
}

/// `GET /healthz`: the process lives.
pub async fn alive() -> Response {
    json(&Health { status: "ok" })
}

/// `GET /readyz`: every required pool has a ready sandbox, and new work is accepted.
pub async fn ready(State(api): State<Arc<Api>>) -> Result<Response, Fault> {
    readiness(&api.dispatch.status())?;
    Ok(json(&Health { status: "ready" }))
}

/// `GET /v1/status`.
pub async fn show(State(api): State<Arc<Api>>) -> Response {
    let dispatch::Status { draining, queued, run_slots, run_slots_in_use, budget, pools } = api.dispatch.status();
    json(&Status {
        build: Build { version: &api.config.build.version, engine: &api.config.build.engine },
        draining,
        queue: Queue { waiting: queued },
        run_slots: Share { total: run_slots, in_use: run_slots_in_use },
        budget,
        pools: pools.iter().map(Pool::new).collect(),
    })
}

/// `GET /metrics`.
pub async fn metrics(State(api): State<Arc<Api>>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (api.metrics)()).into_response()
}

/// A 200 with this body.
pub fn json(body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(_) => Fault::new(Code::Internal, "the answer could not be written down").into_response(),
    }
}

fn readiness(status: &dispatch::Status) -> Result<(), Fault> {
    if status.draining {
        return Err(Fault::draining());
    }
    let missing: Vec<_> = status.missing().map(|language| language.as_str()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let detail = format!("no sandbox is ready for: {}", missing.join(", "));
    Err(Fault::new(Code::EngineUnavailable, detail).retry_after(READY_RETRY))
}

impl<'a> Pool<'a> {
    fn new(pool: &'a dispatch::PoolStatus) -> Self {
        let dispatch::PoolStatus { language, ready, booting, claimed, waiting, target, hints, healthy } = pool;
        Self {
            language: language.as_str(),
            ready: *ready,
            booting: *booting,
            claimed: *claimed,
            waiting: *waiting,
            target: *target,
            healthy: *healthy,
            hints: hints.iter().copied().map(Hint::from).collect(),
        }
    }
}

impl From<dispatch::HintStatus> for Hint {
    fn from(hint: dispatch::HintStatus) -> Self {
        let dispatch::HintStatus { size, at, until, is_scheduled } = hint;
        Self { size, at: calendar::format(at), until: calendar::format(until), scheduled: is_scheduled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dispatch::PoolStatus, job::LanguageId};

    fn status(draining: bool, ready: &[(&str, usize)]) -> dispatch::Status {
        let pools = ready.iter().map(|(language, ready)| PoolStatus {
            language: LanguageId::new(language),
            ready: *ready,
            booting: 0,
            claimed: 0,
            waiting: 0,
            target: 2,
            hints: Vec::new(),
            healthy: true,
        });
        dispatch::Status { draining, queued: 0, run_slots: 2, run_slots_in_use: 0, budget: 8, pools: pools.collect() }
    }

    #[test]
    fn readiness_names_the_pools_that_lack_a_sandbox() {
        assert_eq!(readiness(&status(false, &[("c", 1)])), Ok(()));
        let fault = readiness(&status(false, &[("c", 0), ("java", 1), ("python", 0)])).unwrap_err();
        assert_eq!(fault.code, Code::EngineUnavailable);
        assert_eq!(fault.detail, "no sandbox is ready for: c, python");
    }

    #[test]
    fn who_drains_is_not_ready() {
        assert_eq!(readiness(&status(true, &[("c", 1)])).unwrap_err().code, Code::Draining);
    }
}
