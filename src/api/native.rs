//! `POST /v1/execute`: run once. Below it, `POST /v1/judge`: run on many cases.

mod judge;
mod meaning;
mod request;
mod response;

use std::sync::Arc;

use axum::{
    extract::{self, State},
    response::Response,
};
use tracing::Span;

pub use judge::judge;
pub use response::whole_status;

use super::{Api, auth, body, fault::Fault, id, status::json, timing::with_timing, trace};
use crate::dispatch::aside;
use request::Request;
use response::Answer;

/// How a program's output is written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Encoding {
    #[default]
    Utf8,
    Base64,
}

/// A client that hangs up drops this future, and with it the job.
pub async fn execute(State(api): State<Arc<Api>>, request: extract::Request) -> Result<Response, Fault> {
    let client = auth::client(&request);
    let (request, of_request) = body::json(request, &api, Request::decode).await?;
    let encoding = request.output_encoding;
    let (language, submission) = request.resolve(id::fresh(), &api.catalogue, &api.config)?;
    let id = submission.id.clone();
    Span::current().record("job.id", id.as_str()).record("language", language.key.as_str());
    let mut job = language.job(submission);
    job.standing.client = client;
    let held = of_request.and(api.make_room(job.most_output_bytes() + api.dispatch.most_cached_bytes())?);
    let report = api.dispatch.submit(job).await?;
    let (timing, claim) = (report.timing, report.claim);
    trace::tell(whole_status(&report), claim);
    let answer = aside(report.output_bytes(), move || json(&Answer::new(&id, &language, &report, encoding))).await;
    Ok(held.until_sent(with_timing(answer, &timing, claim)))
}
