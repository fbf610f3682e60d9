//! What the seed's dialect refuses. Where the original crashed with an empty 500, this says why with a 422.

use serde_json::{Value, json};

use crate::{
    http::Call,
    seed::seed,
    server::{Arrange, Server},
};

/// Status and text of a request that never reaches a sandbox. The next good one is served and the
/// shelves are as full as before.
async fn refused(server: &Server, call: Call) -> (u16, String) {
    let steps = server.engine.steps();
    let answer = server.call(call).await;
    assert_eq!(server.engine.steps(), steps, "a refused request reached a sandbox");
    assert_eq!(answer.header("content-type"), Some("text/plain; charset=utf-8"));
    let next = server.call(seed(json!({}))).await;
    assert_eq!((next.status, next.text()), (200, r#"{"exit_status":0,"output":"x"}"#));
    server.settle().await;
    (answer.status, answer.text().to_owned())
}

async fn refused_fields(server: &Server, fields: Value) -> (u16, String) {
    refused(server, seed(fields)).await
}

fn unprocessable(text: &str) -> (u16, String) {
    (422, text.to_owned())
}

#[tokio::test]
async fn a_language_that_is_not_configured_is_named_in_the_originals_spelling() {
    let server = Arrange::warm().await;
    for lang in ["cobol", "", "../c", "$(id)", "漢字"] {
        let expected = unprocessable(&format!("unsupported lanugage: {lang}"));
        assert_eq!(refused_fields(&server, json!({"lang": lang})).await, expected);
    }
}

#[tokio::test]
async fn what_a_shell_would_run_is_no_number() {
    let server = Arrange::warm().await;
    for attack in [
        "a[$(touch /tmp/x)]",
        "$(touch /tmp/x)",
        "`touch /tmp/x`",
        "5; touch /tmp/x",
        "5 && touch /tmp/x",
        "5|sh",
        "${IFS}5",
        "x=5",
        "5\ntouch /tmp/x",
        "PATH",
    ] {
        for key in ["timelimit", "memlimit"] {
            let expected = unprocessable(&format!("{key} must be a number"));
            assert_eq!(refused_fields(&server, json!({key: attack})).await, expected, "{attack}");
        }
    }
}

#[tokio::test]
async fn what_is_not_a_plain_decimal_number_is_refused() {
    let server = Arrange::warm().await;
    for value in [
        json!("five"),
        json!(""),
        json!(" 5"),
        json!("5s"),
        json!("0x5"),
        json!("1e1"),
        json!("-5"),
        json!("+5"),
        json!("NaN"),
        json!("inf"),
        json!("1.2.3"),
        json!("٥"),
        json!(true),
        json!([5]),
        json!({}),
    ] {
        for key in ["timelimit", "memlimit"] {
            let expected = unprocessable(&format!("{key} must be a number"));
            assert_eq!(refused_fields(&server, json!({key: value})).await, expected, "{value}");
        }
    }
}

#[tokio::test]
async fn a_number_out_of_bounds_is_refused() {
    let server = Arrange::warm().await;
    let time = "timelimit must be at least 0.001 and at most 60 seconds";
    let memory = "memlimit must be at least 1 and at most 1024 MiB";
    for (fields, text) in [
        (json!({"timelimit": "0"}), "timelimit must be greater than 0"),
        (json!({"timelimit": -1}), "timelimit must be greater than 0"),
        (json!({"timelimit": "61"}), time),
        (json!({"timelimit": 1e300}), time),
        (json!({"timelimit": "9".repeat(400)}), time),
        (json!({"memlimit": "0"}), "memlimit must be greater than 0"),
        (json!({"memlimit": "0.5"}), memory),
        (json!({"memlimit": "1025"}), memory),
    ] {
        assert_eq!(refused_fields(&server, fields).await, unprocessable(text));
    }
}

#[tokio::test]
async fn every_key_that_is_missing_is_named() {
    let server = Arrange::warm().await;
    for key in ["payload", "lang", "timelimit", "memlimit"] {
        assert_eq!(refused_fields(&server, json!({key: null})).await, unprocessable(&format!("missing: {key}")));
    }
    let all = unprocessable("missing: payload, lang, timelimit, memlimit");
    assert_eq!(refused(&server, Call::post("/execute", "{}")).await, all);
}

#[tokio::test]
async fn a_payload_and_a_language_are_strings() {
    let server = Arrange::warm().await;
    for key in ["payload", "lang"] {
        for value in [json!(1), json!(["print x"]), json!({}), json!(false)] {
            let expected = unprocessable(&format!("{key} must be a string"));
            assert_eq!(refused_fields(&server, json!({key: value})).await, expected, "{value}");
        }
    }
    let nothing = r#"{"payload": null, "lang": "python", "timelimit": "5", "memlimit": "50"}"#;
    let expected = unprocessable("payload must be a string");
    assert_eq!(refused(&server, Call::post("/execute", nothing)).await, expected);
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Arrange::warm().await;
    let bodies: [&[u8]; 6] = [b"", b"payload=x", b"[]", b"null", b"{\"payload\": \"\xff\"}", b"{"];
    for body in bodies {
        let expected = unprocessable("the body must be a JSON object with payload, lang, timelimit and memlimit");
        assert_eq!(refused(&server, Call::post("/execute", body)).await, expected);
    }
}

#[tokio::test]
async fn a_body_over_the_cap_is_refused_in_plain_text() {
    let server = Arrange { max_body_bytes: 1000, ..Arrange::default() }.start().await;
    let expected = (413, "the body is over the cap of 1000 bytes".to_owned());
    assert_eq!(refused(&server, Call::post_announcing("/execute", 1001, b"")).await, expected);
    let chunked = Call::post_chunks("/execute", &[&[b' '; 1000], b"x"]);
    assert_eq!(refused(&server, chunked).await, expected);
}
