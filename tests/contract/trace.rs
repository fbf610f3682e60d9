//! W3C Trace Context: an answer says which trace it belongs to, the sender's if it has one.

use serde_json::json;

use crate::{
    http::{Answer, Call},
    server::{Arrange, execute, judge},
    steady::is_fresh_id,
};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// The four fields of the header.
fn parent(answer: &Answer) -> [String; 4] {
    let fields: Vec<_> = answer.header("traceparent").expect("a traceparent").split('-').map(str::to_owned).collect();
    fields.try_into().expect("four fields")
}

#[tokio::test]
async fn a_trace_goes_on_under_a_span_of_our_own_whatever_is_asked_for() {
    let server = Arrange::warm().await;
    let seed = json!({"payload": "print x", "lang": "c", "timelimit": 5, "memlimit": 64}).to_string();
    for call in [
        execute(json!({"source": "print x"})),
        judge(json!({"source": "cat", "cases": [{}]})),
        judge(json!({"source": "cat", "cases": [{}]})).header("Accept", "text/event-stream"),
        execute(json!({"language": "cobol"})),
        Call::post("/execute", seed),
        Call::get("/healthz"),
        Call::get("/nowhere"),
    ] {
        let shown = format!("{call:?}");
        let answer = server.call(call.header("Traceparent", &format!("00-{TRACE}-{SPAN}-01"))).await;
        let [version, trace, span, flags] = parent(&answer);
        assert_eq!([&*version, &*trace, &*flags], ["00", TRACE, "01"], "{shown}");
        assert!(span != SPAN && span.len() == 16, "{shown}: {span}");
    }
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one_and_no_two_are_the_same() {
    let server = Arrange::warm().await;
    let [_, first, _, flags] = parent(&server.get("/healthz").await);
    let [_, second, ..] = parent(&server.get("/healthz").await);
    assert!(is_fresh_id(&first) && is_fresh_id(&second) && first != second);
    // Nobody records it here.
    assert_eq!(flags, "00");
}

#[tokio::test]
async fn a_trace_that_cannot_be_is_replaced_and_the_request_served() {
    let server = Arrange::warm().await;
    let upper = TRACE.to_uppercase();
    for header in [
        String::new(),
        "nonsense".to_owned(),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{upper}-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", "0".repeat(32)),
        format!("00-{TRACE}-{}-01", "0".repeat(16)),
        format!("00-{TRACE}-{SPAN}-01-more"),
    ] {
        let call = execute(json!({"source": "print x"})).header("traceparent", &header).header("tracestate", "a=1");
        let answer = server.call(call).await;
        assert_eq!(answer.status, 200, "{header}");
        let [_, trace, ..] = parent(&answer);
        assert!(is_fresh_id(&trace) && trace != TRACE, "{header} became {trace}");
        assert_eq!(answer.header("tracestate"), None);
    }
}

#[tokio::test]
async fn a_later_version_is_answered_in_the_one_that_we_speak() {
    let header = format!("cc-{TRACE}-{SPAN}-00-more");
    let answer = Arrange::warm().await.call(Call::get("/healthz").header("traceparent", &header)).await;
    let [version, trace, _, flags] = parent(&answer);
    assert_eq!([&*version, &*trace, &*flags], ["00", TRACE, "00"]);
}

#[tokio::test]
async fn a_state_comes_back_with_its_trace() {
    let header = format!("00-{TRACE}-{SPAN}-01");
    let call = Call::get("/healthz").header("traceparent", &header);
    let answer = Arrange::warm().await.call(call.header("tracestate", "a=1").header("tracestate", "b@c=2")).await;
    assert_eq!(answer.header("tracestate"), Some("a=1,b@c=2"));
}
