//! What a collector of traces is sent, and that nobody waits for one that is away.

use std::sync::{
    Arc, LazyLock,
    atomic::{AtomicUsize, Ordering},
};

use caisson::telemetry::{Headers, Otlp, OtlpConfig};
use opentelemetry_proto::tonic::trace::v1::{Span, span::SpanKind, status::StatusCode};
use serde_json::json;
use tracing::{Dispatch, Event, Level, Subscriber, subscriber::DefaultGuard};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry,
};

use crate::{
    collector::{Collector, attributes},
    http::{Answer, Call},
    server::{Arrange, Server, execute, judge},
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// A server whose spans go to this address.
struct Traced {
    server: Server,
    otlp: Otlp,
    told: Told,
    _subscriber: DefaultGuard,
}

/// Warnings that are told.
#[derive(Clone, Default)]
struct Told(Arc<AtomicUsize>);

impl<S: Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() == Level::WARN && event.metadata().target().starts_with("caisson::telemetry") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// One that is always there. While there is only one subscriber, a place in the code that another thread comes to first,
/// a thread without one, is taken by tracing to interest nobody, and the test that has it would miss what is told there.
static STANDING_BY: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(registry()));

async fn traced(endpoint: &str, trace_ratio: f64) -> Traced {
    LazyLock::force(&STANDING_BY);
    let headers = Headers(vec![("authorization".to_owned(), "Bearer hunter2".to_owned())]);
    let service_name = "judge".to_owned();
    let otlp = Otlp::start(OtlpConfig { endpoint: endpoint.to_owned(), headers, service_name });
    let told = Told::default();
    // All of the server runs on this thread.
    let subscriber = tracing::subscriber::set_default(registry().with(otlp.layer()).with(told.clone()));
    let server = Arrange { trace_ratio, ..Arrange::default() }.start().await.settled().await;
    Traced { server, otlp, told, _subscriber: subscriber }
}

impl Traced {
    /// The answer; its spans are at the collector, or lost.
    async fn call(&self, call: Call) -> Answer {
        let answer = self.server.call(call).await;
        // What was told to the client may still be on its way to its end here.
        tokio::task::yield_now().await;
        self.otlp.flush().await;
        answer
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    let mut found = spans.iter().filter(|span| span.name == name);
    let first = found.next().unwrap_or_else(|| panic!("no span {name} among {spans:#?}"));
    assert!(found.next().is_none(), "{name} is there twice");
    first
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    attributes(&span.attributes).into_iter().find(|(known, _)| known == key).map(|(_, value)| value)
}

#[tokio::test]
async fn a_request_and_its_parts_are_one_trace_below_the_senders_span() {
    let collector = Collector::start();
    let traced = traced(&collector.endpoint, 0.0).await;
    let fields = json!({"language": "c", "source": "print TOP-SECRET\nsleep 2", "stdin": "HUSH-HUSH"});
    let call = execute(fields).header("traceparent", &format!("00-{TRACE}-{SPAN}-01"));
    let answer = traced.call(call).await;
    let spans = collector.spans();
    let request = named(&spans, "POST /v1/execute");
    assert_eq!(answer.header("traceparent").unwrap(), format!("00-{TRACE}-{}-01", hex(&request.span_id)));
    assert_eq!((hex(&request.trace_id), hex(&request.parent_span_id)), (TRACE.to_owned(), SPAN.to_owned()));
    assert_eq!((request.kind(), request.flags), (SpanKind::Server, 0x301));
    assert!(request.status.is_none());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    for (key, value) in [
        ("http.request.method", "POST"),
        ("http.route", "/v1/execute"),
        ("http.response.status_code", "200"),
        ("caisson.language", "c"),
        ("caisson.outcome", "ok"),
        ("caisson.claim", "warm"),
        ("caisson.job.id", &id),
    ] {
        assert_eq!(attribute(request, key).as_deref(), Some(value), "{key}");
    }
    assert_eq!(request.attributes.len(), 7);
    for (name, key, value) in [
        ("queue", "caisson.language", None),
        ("claim", "caisson.claim", Some("warm")),
        ("compile", "caisson.outcome", Some("ok")),
        ("run", "caisson.outcome", Some("ok")),
    ] {
        let part = named(&spans, name);
        assert_eq!((&part.trace_id, &part.parent_span_id), (&request.trace_id, &request.span_id), "{name}");
        assert_eq!((part.kind(), part.flags), (SpanKind::Internal, 0x101), "{name}");
        assert_eq!(attribute(part, key).as_deref(), value, "{name}");
        assert!(request.start_time_unix_nano <= part.start_time_unix_nano, "{name}");
        assert!(part.end_time_unix_nano <= request.end_time_unix_nano, "{name}");
    }
    let run = named(&spans, "run");
    assert!(run.end_time_unix_nano - run.start_time_unix_nano >= 2_000_000);
    assert_eq!(spans.len(), 5);
    for export in collector.exports() {
        let words = String::from_utf8_lossy(&export.body);
        assert!(!words.contains("TOP-SECRET") && !words.contains("HUSH-HUSH"), "{words}");
    }
}

#[tokio::test]
async fn an_export_says_whose_it_is() {
    let collector = Collector::start();
    traced(&collector.endpoint, 1.0).await.call(Call::get("/healthz")).await;
    let exports = collector.exports();
    let [export] = &exports[..] else { panic!("{}", exports.len()) };
    let head = export.head.to_ascii_lowercase();
    assert!(head.starts_with("post /v1/traces http/1.1\r\n"), "{head}");
    assert!(head.contains("\r\ncontent-type: application/x-protobuf\r\n"), "{head}");
    assert!(head.contains("\r\nauthorization: bearer hunter2\r\n"), "{head}");
    let [of_service] = &export.request.resource_spans[..] else { panic!("one service") };
    let resource = attributes(&of_service.resource.as_ref().unwrap().attributes);
    assert_eq!(resource[0], ("service.name".to_owned(), "judge".to_owned()));
    assert!(collector.spans()[0].parent_span_id.is_empty());
}

#[tokio::test]
async fn every_case_of_a_judging_is_a_part_of_it() {
    let collector = Collector::start();
    let traced = traced(&collector.endpoint, 1.0).await;
    let cases = json!([{"stdin": "1", "expected_output": "1"}, {"stdin": "2", "expected_output": "3"}, {"stdin": "4"}]);
    for accept in ["application/json", "text/event-stream"] {
        let before = collector.spans().len();
        let call = judge(json!({"language": "c", "source": "cat", "cases": cases})).header("Accept", accept);
        assert_eq!(traced.call(call).await.status, 200);
        let spans = collector.spans().split_off(before);
        let request = named(&spans, "POST /v1/judge");
        assert_eq!(attribute(request, "caisson.outcome").as_deref(), Some("wrong_answer"), "{accept}");
        assert_eq!(spans.iter().filter(|span| span.name == "run").count(), 2, "{accept}");
        assert_eq!(named(&spans, "compile").parent_span_id, request.span_id, "{accept}");
    }
}

#[tokio::test]
async fn a_trace_that_its_sender_does_not_record_is_not_recorded_here_either() {
    let collector = Collector::start();
    let traced = traced(&collector.endpoint, 1.0).await;
    let unsampled = Call::get("/healthz").header("traceparent", &format!("00-{TRACE}-{SPAN}-00"));
    assert!(traced.call(unsampled).await.header("traceparent").unwrap().ends_with("-00"));
    assert_eq!(collector.spans(), []);
    assert!(traced.call(Call::get("/healthz")).await.header("traceparent").unwrap().ends_with("-01"));
    assert_eq!(collector.spans().len(), 1);
}

#[tokio::test]
async fn what_fails_through_our_fault_is_marked() {
    let collector = Collector::start();
    let traced = traced(&collector.endpoint, 1.0).await;
    traced.call(execute(json!({"source": "print x\nexit 3"}))).await;
    traced.server.engine.fake.behave(|engine| engine.create_fails = true);
    traced.server.dispatch.drain(std::time::Duration::ZERO).await;
    assert_eq!(traced.call(execute(json!({"source": "print x"}))).await.status, 503);
    let spans = collector.spans();
    let requests: Vec<_> = spans.iter().filter(|span| span.name == "POST /v1/execute").collect();
    let [good, bad] = requests[..] else { panic!("{spans:#?}") };
    assert_eq!((attribute(good, "caisson.outcome").as_deref(), &good.status), (Some("runtime_error"), &None));
    assert_eq!(bad.status.as_ref().unwrap().code(), StatusCode::Error);
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_and_one_warning() {
    let endpoint = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let traced = traced(&endpoint, 1.0).await;
    for _ in 0..5 {
        assert_eq!(traced.call(execute(json!({"source": "print x"}))).await.status, 200);
    }
    assert_eq!(traced.told.0.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_collector_that_comes_back_is_sent_spans_again() {
    let collector = Collector::start();
    let traced = traced(&collector.endpoint, 1.0).await;
    for (status, warnings) in [(503, 1), (429, 1), (200, 1), (200, 1), (500, 2), (200, 2)] {
        collector.answers(status);
        traced.call(Call::get("/healthz")).await;
        assert_eq!(traced.told.0.load(Ordering::SeqCst), warnings, "{status}");
    }
    // What a refusal took with it is not sent again.
    assert_eq!(collector.exports().len(), 6);
}
