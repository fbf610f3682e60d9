//! Why a request is refused, and how that is told: RFC 9457 problem documents.
//!
//! A fault travels from the handler to the outermost middleware as an extension of an empty response, because only
//! there is the request's id known.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::dispatch::Refusal;

/// The closed set that clients may match on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    MalformedRequest,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    PayloadTooLarge,
    UnsupportedMediaType,
    UnknownLanguage,
    UnknownVersion,
    /// A limit, or anything else that is not a file, that a request may not ask for.
    InvalidLimit,
    /// A file or a path that a request may not name.
    InvalidFile,
    /// The key sends too much.
    RateLimited,
    /// The key has too much under way.
    ConcurrencyLimited,
    Saturated,
    Draining,
    EngineUnavailable,
    Internal,
}

/// A request that gets no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub code: Code,
    /// For the client: none of our internal words.
    pub detail: String,
    pub errors: Vec<FieldFault>,
    pub retry_after: Option<Duration>,
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldFault {
    /// RFC 6901.
    pub pointer: String,
    pub detail: String,
}

/// How long a client should stay away while this process ends: a restart takes about that long.
const DRAIN_RETRY: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Problem<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldFault],
}

impl Code {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedRequest => (StatusCode::BAD_REQUEST, "malformed_request", "The request is malformed"),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, "unauthenticated", "A valid key is required"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "The key does not allow this"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not_found", "There is nothing here"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "The method is not allowed here")
            }
            Self::PayloadTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "payload_too_large", "The request is too large"),
            Self::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", "The media type is not supported")
            }
            Self::UnknownLanguage => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unknown_language", "The language is not known")
            }
            Self::UnknownVersion => {
                (StatusCode::UNPROCESSABLE_ENTITY, "unknown_version", "The language is not served in this version")
            }
            Self::InvalidLimit => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_limit", "The request asks for what cannot be granted")
            }
            Self::InvalidFile => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid_file", "The request names a file that cannot be")
            }
            Self::RateLimited => (StatusCode::TOO_MANY_REQUESTS, "rate_limited", "The key sends too many requests"),
            Self::ConcurrencyLimited => {
                (StatusCode::TOO_MANY_REQUESTS, "concurrency_limited", "The key has too many requests under way")
            }
            Self::Saturated => (StatusCode::SERVICE_UNAVAILABLE, "saturated", "The service is busy"),
            Self::Draining => (StatusCode::SERVICE_UNAVAILABLE, "draining", "The service is shutting down"),
            Self::EngineUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "engine_unavailable", "There are no sandboxes at the moment")
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed"),
        }
    }

    pub fn status(self) -> StatusCode {
        self.parts().0
    }
}

impl Fault {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), errors: Vec::new(), retry_after: None }
    }

    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait), ..self }
    }

    /// The value of `Retry-After`: whole seconds, never 0, which some clients take for "at once".
    pub fn retry_after_seconds(&self) -> Option<u64> {
        self.retry_after.map(|wait| (wait.as_secs() + u64::from(wait.subsec_nanos() > 0)).max(1))
    }

    /// Writes the fault into a response, whose other headers stay.
    pub fn describe(&self, request_id: &str, response: &mut Response) {
        let (status, code, title) = self.code.parts();
        let problem = Problem {
            r#type: format!("/problems/{code}"),
            title,
            status: status.as_u16(),
            detail: &self.detail,
            code,
            request_id,
            errors: &self.errors,
        };
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, seconds.into());
        }
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        // A structure of strings and numbers has no way to fail; an empty body would still bear the right status.
        *response.body_mut() = Body::from(serde_json::to_vec(&problem).unwrap_or_default());
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Saturated { why, retry_after } => {
                Self::new(Code::Saturated, why.to_string()).retry_after(retry_after)
            }
            Refusal::Draining => Self::draining(),
            Refusal::EngineUnavailable { retry_after } => {
                Self::new(Code::EngineUnavailable, "no sandbox can be made at the moment").retry_after(retry_after)
            }
        }
    }
}

impl Fault {
    pub fn draining() -> Self {
        Self::new(Code::Draining, "nothing new is accepted any more").retry_after(DRAIN_RETRY)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::Saturation;

    #[test]
    fn a_wait_is_rounded_up_to_whole_seconds() {
        let seconds = |wait| Fault::new(Code::Saturated, "").retry_after(wait).retry_after_seconds();
        assert_eq!(seconds(Duration::ZERO), Some(1));
        assert_eq!(seconds(Duration::from_millis(1001)), Some(2));
        assert_eq!(seconds(Duration::from_secs(3)), Some(3));
    }

    #[test]
    fn each_refusal_tells_when_to_come_back() {
        let retry_after = Duration::from_secs(7);
        for (refusal, code) in [
            (Refusal::Saturated { why: Saturation::QueueFull, retry_after }, Code::Saturated),
            (Refusal::Draining, Code::Draining),
            (Refusal::EngineUnavailable { retry_after }, Code::EngineUnavailable),
        ] {
            let fault = Fault::from(refusal);
            assert_eq!(fault.code, code);
            assert!(fault.retry_after.is_some());
        }
    }
}
