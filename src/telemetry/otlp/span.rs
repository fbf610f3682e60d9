//! Which spans are exported and what of them: a request that is sampled, and its parts. What a span is asked to record
//! and is not named here stays here, so that no source code, input or header can leave by way of a new field.

use std::{
    fmt::Debug,
    hash::{BuildHasher, Hasher, RandomState},
    time::{Instant, SystemTime},
};

use tracing::{
    Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, layer::Context, registry::LookupSpan};

use crate::observe::TRACE;

/// One that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: String,
    pub kind: Kind,
    pub began: SystemTime,
    pub ended: SystemTime,
    pub attributes: Vec<(&'static str, Value)>,
    /// Ours, not the program's.
    pub is_error: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Request,
    Part,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    Text(String),
    Number(i64),
}

/// Hands over each span as it ends.
pub struct Spans<F>(pub F);

/// One that goes on.
struct Open {
    trace: [u8; 16],
    id: [u8; 8],
    parent: Option<[u8; 8]>,
    kind: Kind,
    name: &'static str,
    began: SystemTime,
    /// A clock that is set meanwhile must not make it longer, or end before it began.
    since: Instant,
    told: Told,
}

/// What its fields say.
#[derive(Default)]
struct Told {
    is_sampled: bool,
    trace: Option<[u8; 16]>,
    id: Option<[u8; 8]>,
    parent: Option<[u8; 8]>,
    attributes: Vec<(&'static str, Value)>,
}

/// The name of the span of a request.
const REQUEST: &str = "request";

const METHOD: &str = "http.request.method";
const ROUTE: &str = "http.route";
const STATUS: &str = "http.response.status_code";

/// Fields that are exported, and as what. The HTTP ones are those of OpenTelemetry's semantic conventions.
const ATTRIBUTES: [(&str, &str); 7] = [
    ("method", METHOD),
    ("route", ROUTE),
    ("status", STATUS),
    ("language", "caisson.language"),
    ("outcome", "caisson.outcome"),
    ("claim", "caisson.claim"),
    ("job.id", "caisson.job.id"),
];

/// Another is `_OTHER`, as the conventions will have it: a client may invent any.
const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Whether the span of a request or a part of one.
pub fn is_exported(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && (metadata.target() == TRACE || metadata.name() == REQUEST)
}

impl<S, F> Layer<S> for Spans<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    F: Fn(Ended) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut told = Told::default();
        attributes.record(&mut told);
        let name = attributes.metadata().name();
        // Of spans that this layer sees, so that those that are only for the log do not stand between.
        let above =
            span.parent().and_then(|parent| parent.extensions().get::<Open>().map(|open| (open.trace, open.id)));
        let open = match above {
            Some((trace, parent)) => Some(Open::new(trace, fresh(), Some(parent), Kind::Part, name, told)),
            None if told.is_sampled => match (told.trace, told.id) {
                (Some(trace), Some(id)) => Some(Open::new(trace, id, told.parent, Kind::Request, name, told)),
                _ => None,
            },
            None => None,
        };
        if let Some(open) = open {
            span.extensions_mut().insert(open);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(open) = span.extensions_mut().get_mut::<Open>() {
            values.record(&mut open.told);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let open = context.span(&id).and_then(|span| span.extensions_mut().remove::<Open>());
        if let Some(open) = open {
            self.0(open.end());
        }
    }
}

impl Open {
    fn new(trace: [u8; 16], id: [u8; 8], parent: Option<[u8; 8]>, kind: Kind, name: &'static str, told: Told) -> Self {
        Self { trace, id, parent, kind, name, began: SystemTime::now(), since: Instant::now(), told }
    }

    fn end(self) -> Ended {
        let Self { trace, id, parent, kind, name, began, since, told } = self;
        let attributes = told.attributes;
        let value = |wanted| attributes.iter().find(|(key, _)| *key == wanted).map(|(_, value)| value);
        let is_error = matches!(value(STATUS), Some(Value::Number(500..)));
        let name = match (kind, value(METHOD), value(ROUTE)) {
            (Kind::Request, Some(Value::Text(method)), Some(Value::Text(route))) => format!("{method} {route}"),
            _ => name.to_owned(),
        };
        Ended { trace, id, parent, name, kind, began, ended: began + since.elapsed(), attributes, is_error }
    }
}

impl Told {
    fn take(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let Some((_, key)) = ATTRIBUTES.iter().find(|(name, _)| *name == field.name()) else { return };
        let value = match value() {
            Value::Text(method) if *key == METHOD && !METHODS.contains(&&*method) => Value::Text("_OTHER".to_owned()),
            value => value,
        };
        self.attributes.retain(|(known, _)| known != key);
        self.attributes.push((key, value));
    }
}

impl Visit for Told {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, || Value::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "trace_id" => self.trace = digits(value),
            "span_id" => self.id = digits(value),
            "parent_span_id" => self.parent = digits(value),
            _ => self.take(field, || Value::Text(value.to_owned())),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.is_sampled |= field.name() == "sampled" && value;
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.take(field, || Value::Number(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.take(field, || Value::Number(value.try_into().unwrap_or(i64::MAX)));
    }
}

/// Two hexadecimal digits to a byte.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    let bytes: Option<Vec<_>> = (0..N).map(|at| u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()).collect();
    bytes?.try_into().ok().filter(|_| text.len() == 2 * N)
}

/// The standard library's keyed hash under keys that the operating system drew.
fn fresh() -> [u8; 8] {
    RandomState::new().build_hasher().finish().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::{Span, field::Empty, info_span, subscriber::with_default};
    use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt, registry};

    use super::*;

    const TRACE_ID: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN_ID: &str = "b7ad6b7169203331";

    /// The spans that end while this goes on.
    fn exported(act: impl FnOnce()) -> Vec<Ended> {
        let all = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&all);
        let layer = Spans(move |ended| heard.lock().unwrap().push(ended)).with_filter(filter_fn(is_exported));
        with_default(registry().with(layer), act);
        Arc::try_unwrap(all).unwrap().into_inner().unwrap()
    }

    fn request(sampled: Option<bool>) -> Span {
        let parent = Some("00f067aa0ba902b7");
        info_span!("request", trace_id = TRACE_ID, span_id = SPAN_ID, parent_span_id = parent, sampled, status = Empty)
    }

    #[test]
    fn parts_stand_below_their_request_whatever_is_between_for_the_log() {
        let ended = exported(|| {
            request(Some(true)).in_scope(|| {
                info_span!("submit").in_scope(|| drop(info_span!(target: TRACE, "claim", claim = "warm")));
            });
        });
        let [part, whole] = &ended[..] else { panic!("{ended:?}") };
        assert_eq!((part.name.as_str(), whole.name.as_str()), ("claim", "request"));
        assert_eq!((whole.trace, whole.id), (digits(TRACE_ID).unwrap(), digits(SPAN_ID).unwrap()));
        assert_eq!(whole.parent, digits("00f067aa0ba902b7"));
        assert_eq!((part.trace, part.parent), (whole.trace, Some(whole.id)));
        assert_ne!(part.id, whole.id);
        assert_eq!((part.kind, whole.kind), (Kind::Part, Kind::Request));
        assert_eq!(part.attributes, [("caisson.claim", Value::Text("warm".to_owned()))]);
        assert!(whole.began <= part.began && part.ended <= whole.ended);
    }

    #[test]
    fn a_request_that_is_not_sampled_is_not_exported_and_neither_are_its_parts() {
        let ended = exported(|| request(None).in_scope(|| drop(info_span!(target: TRACE, "claim"))));
        assert_eq!(ended, []);
        assert_eq!(exported(|| drop(info_span!(target: TRACE, "claim"))), []);
    }

    #[test]
    fn what_is_recorded_later_counts_and_what_is_not_named_here_stays_here() {
        let ended = exported(|| {
            let span = info_span!(
                "request",
                trace_id = TRACE_ID,
                span_id = SPAN_ID,
                sampled = true,
                method = "BREW",
                route = "/v1/execute",
                source = "int main",
                request_id = "theirs",
                client = "judge",
                status = Empty,
            );
            span.record("status", 503);
        });
        let text = |text: &str| Value::Text(text.to_owned());
        assert_eq!(
            ended[0].attributes,
            [(METHOD, text("_OTHER")), (ROUTE, text("/v1/execute")), (STATUS, Value::Number(503))]
        );
        assert_eq!((ended[0].name.as_str(), ended[0].is_error), ("_OTHER /v1/execute", true));
    }

    #[test]
    fn only_whole_ids_are_ids() {
        assert_eq!(digits("00ff"), Some([0, 255]));
        for text in ["", "00f", "00ff0", "00fg", "é0f"] {
            assert_eq!(digits::<2>(text), None, "{text}");
        }
    }
}
