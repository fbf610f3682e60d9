//! What of OpenTelemetry's protocol is sent: the fields that we fill, by their numbers in
//! <https://github.com/open-telemetry/opentelemetry-proto>, whose own types the tests read it with.

use std::time::{SystemTime, UNIX_EPOCH};

use super::span::{Ended, Kind, Value};

/// `ExportTraceServiceRequest`.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Export {
    #[prost(message, repeated, tag = "1")]
    resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ResourceSpans {
    #[prost(message, optional, tag = "1")]
    resource: Option<Resource>,
    #[prost(message, repeated, tag = "2")]
    scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Resource {
    #[prost(message, repeated, tag = "1")]
    attributes: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ScopeSpans {
    #[prost(message, optional, tag = "1")]
    scope: Option<Scope>,
    #[prost(message, repeated, tag = "2")]
    spans: Vec<Span>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Scope {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    version: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    parent_span_id: Vec<u8>,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(int32, tag = "6")]
    kind: i32,
    #[prost(fixed64, tag = "7")]
    start_time_unix_nano: u64,
    #[prost(fixed64, tag = "8")]
    end_time_unix_nano: u64,
    #[prost(message, repeated, tag = "9")]
    attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "15")]
    status: Option<Status>,
    #[prost(fixed32, tag = "16")]
    flags: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(int32, tag = "3")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AnyValue {
    #[prost(oneof = "Any", tags = "1, 3")]
    value: Option<Any>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
enum Any {
    #[prost(string, tag = "1")]
    Text(String),
    #[prost(int64, tag = "3")]
    Number(i64),
}

const STATUS_ERROR: i32 = 2;
const KIND_INTERNAL: i32 = 1;
const KIND_SERVER: i32 = 2;
/// W3C's: only sampled spans come here.
const SAMPLED: u32 = 0x1;
/// The next bit says something.
const HAS_REMOTE: u32 = 0x100;
const IS_REMOTE: u32 = 0x200;

impl Export {
    pub fn new(service: &str, spans: Vec<Ended>) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let service = [("service.name", service.to_owned()), ("service.version", version.clone())];
        let attributes = service.into_iter().map(|(key, value)| KeyValue::new(key, Value::Text(value))).collect();
        let scope_spans = ScopeSpans {
            scope: Some(Scope { name: "caisson".to_owned(), version }),
            spans: spans.into_iter().map(Span::new).collect(),
        };
        let resource = Some(Resource { attributes });
        Self { resource_spans: vec![ResourceSpans { resource, scope_spans: vec![scope_spans] }] }
    }
}

impl Span {
    fn new(ended: Ended) -> Self {
        let Ended { trace, id, parent, name, kind, began, ended, attributes, is_error } = ended;
        let (kind, remote) = match kind {
            Kind::Request if parent.is_some() => (KIND_SERVER, IS_REMOTE),
            Kind::Request => (KIND_SERVER, 0),
            Kind::Part => (KIND_INTERNAL, 0),
        };
        Self {
            trace_id: trace.to_vec(),
            span_id: id.to_vec(),
            parent_span_id: parent.map_or_else(Vec::new, |parent| parent.to_vec()),
            name,
            kind,
            start_time_unix_nano: nanos(began),
            end_time_unix_nano: nanos(ended),
            attributes: attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect(),
            status: is_error.then_some(Status { code: STATUS_ERROR }),
            flags: SAMPLED | HAS_REMOTE | remote,
        }
    }
}

impl KeyValue {
    fn new(key: &str, value: Value) -> Self {
        let value = match value {
            Value::Text(text) => Any::Text(text),
            Value::Number(number) => Any::Number(number),
        };
        Self { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }) }
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
