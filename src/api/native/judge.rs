//! `POST /v1/judge`: compile once, run on many cases, say of each whether its answer is right.

mod request;
mod response;
mod stream;
mod validator;

use std::sync::Arc;

use axum::{
    extract::{self, State},
    response::Response,
};
use tracing::Span;

use super::super::{Api, auth, body, fault::Fault, id, status::json, timing::with_timing, trace};
use crate::dispatch::aside;
use request::Request;
use response::{Answer, verdict};

/// A client that hangs up drops this future, and with it the judging.
pub async fn judge(State(api): State<Arc<Api>>, request: extract::Request) -> Result<Response, Fault> {
    let wants_stream = stream::is_wanted(request.headers());
    let client = auth::client(&request);
    let (request, of_request) = body::json(request, &api, Request::decode).await?;
    let encoding = request.program.output_encoding;
    let (language, mut judging) = request.resolve(id::fresh(), &api.catalogue, &api.config)?;
    judging.standing.client = client;
    // No more at once than there are slots, and than there could ever be memory for.
    judging.parallel = judging.parallel.min(api.dispatch.run_slots());
    while judging.parallel > 1 && judging.most_output_bytes() > api.room.share() {
        judging.parallel -= 1;
    }
    let id = judging.id.clone();
    Span::current().record("job.id", id.as_str()).record("language", language.key.as_str());
    // Events wait for a slow client beside the whole answer.
    let copies = if wants_stream { 2 } else { 1 };
    let held = of_request.and(api.make_room(copies * judging.most_output_bytes() + api.dispatch.most_cached_bytes())?);
    if wants_stream {
        return Ok(held.until_sent(stream::judge(api, language, judging, encoding).await?));
    }
    let judgement = api.dispatch.judge(judging, |_| ()).await?;
    let (timing, claim) = (judgement.timing, judgement.claim);
    trace::tell(verdict(judgement.verdict()), claim);
    let answer = aside(judgement.output_bytes(), move || json(&Answer::new(&id, &language, &judgement, encoding)));
    Ok(held.until_sent(with_timing(answer.await, &timing, claim)))
}
