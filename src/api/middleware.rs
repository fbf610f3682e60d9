//! What surrounds every handler: an id, a place in a trace, a span, and an answer even when the handler panics.

use std::{any::Any, sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower_http::catch_panic::CatchPanicLayer;
use tracing::{Instrument, field::Empty};

use super::{
    Api,
    fault::{Code, Fault},
    id,
    trace::Trace,
};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request its id and its span, and every fault the words that only this place knows.
pub async fn identify(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let since = Instant::now();
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let request_id = given.filter(|given| id::is_acceptable(given)).map_or_else(id::fresh, str::to_owned);
    let trace = Trace::of(request.headers(), api.config.trace_ratio);
    // The route, not the path: a path may hold anything.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let span = tracing::info_span!(
        "request",
        request_id,
        trace_id = trace.id,
        span_id = trace.span,
        parent_span_id = trace.parent,
        sampled = trace.is_sampled.then_some(true),
        method = %request.method(),
        route,
        client = Empty,
        language = Empty,
        job.id = Empty,
        outcome = Empty,
        claim = Empty,
        status = Empty
    );
    let mut response = next.run(request).instrument(span.clone()).await;
    let fault = response.extensions_mut().remove::<Fault>();
    if let Some(fault) = &fault {
        fault.describe(&request_id, &mut response);
    }
    let _entered = span.enter();
    let status = response.status().as_u16();
    let duration_ms = since.elapsed().as_secs_f64() * 1e3;
    match fault.map(|fault| fault.code) {
        Some(Code::Internal) => tracing::error!(status, duration_ms, "a request failed through our own fault"),
        code => tracing::debug!(status, duration_ms, code = ?code, "request answered"),
    }
    // After the line, which says it itself.
    span.record("status", status);
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    trace.describe(response.headers_mut());
    response
}

/// Turns a handler's panic into an answer. The message of a panic may quote a request's source, so it is not repeated.
pub fn catch_panics() -> CatchPanicLayer<fn(Box<dyn Any + Send>) -> Response> {
    CatchPanicLayer::custom(|_| internal().into_response())
}

pub async fn not_found() -> Fault {
    Fault::new(Code::NotFound, "no such route; GET /v1/languages and POST /v1/execute are a place to start")
}

pub async fn method_not_allowed() -> Fault {
    Fault::new(Code::MethodNotAllowed, "the route exists, but not for this method; see the header Allow")
}

fn internal() -> Fault {
    Fault::new(Code::Internal, "the fault is ours and has been logged under this request_id")
}
