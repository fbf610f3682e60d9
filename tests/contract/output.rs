//! How the bytes of a program become JSON.

use serde_json::{Value, json};

use crate::server::Arrange;

/// What comes back when a program writes `base64` to its standard output.
async fn written(base64: &str, encoding: &str, limits: Value) -> Value {
    let fields = json!({
        "source": "cat", "stdin": base64, "stdin_encoding": "base64", "output_encoding": encoding, "limits": limits
    });
    Arrange::warm().await.report(fields).await["run"].clone()
}

#[tokio::test]
async fn bytes_that_are_no_text_are_replaced_and_that_is_told() {
    let run = written("Yf9i", "utf8", json!({})).await;
    assert_eq!((&run["stdout"], &run["stdout_lossy"]), (&json!("a\u{fffd}b"), &json!(true)));
    assert_eq!(run.get("stderr_lossy"), None);
}

#[tokio::test]
async fn text_of_any_script_comes_back_as_it_was_and_is_not_called_lossy() {
    let text = "grün 漢字 🦀 \u{0} \u{1b}[0m \"quoted\" \\ \u{2028}";
    let run = Arrange::warm().await.report(json!({"source": "cat", "stdin": text})).await["run"].clone();
    assert_eq!(run["stdout"], text);
    assert_eq!(run.get("stdout_lossy"), None);
}

#[tokio::test]
async fn base64_brings_back_every_byte() {
    let run = written("Yf9iAA==", "base64", json!({})).await;
    assert_eq!((&run["stdout"], &run["stderr"]), (&json!("Yf9iAA=="), &json!("")));
    assert_eq!(run.get("stdout_lossy"), None);
}

#[tokio::test]
async fn half_a_character_at_the_cut_is_dropped_and_not_called_lossy() {
    // Two characters of two bytes each, cut after three.
    let run = written("w6TDtg==", "utf8", json!({"output_bytes": 3})).await;
    assert_eq!((&run["stdout"], &run["stdout_truncated"]), (&json!("ä"), &json!(true)));
    assert_eq!(run.get("stdout_lossy"), None);
}

#[tokio::test]
async fn each_stream_has_a_cap_of_its_own() {
    let fields = json!({"source": "print 12345\nerr 1234", "limits": {"output_bytes": 4}});
    let run = Arrange::warm().await.report(fields).await["run"].clone();
    assert_eq!((&run["stdout"], &run["stderr"]), (&json!("1234"), &json!("1234")));
    assert_eq!((&run["stdout_truncated"], &run["stderr_truncated"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn output_as_large_as_the_ceiling_comes_back_whole() {
    let text = "x".repeat(1 << 20);
    let fields = json!({"source": "cat", "stdin": text, "limits": {"output_bytes": 1 << 20}});
    let run = Arrange::warm().await.report(fields).await["run"].clone();
    assert_eq!(run["stdout"].as_str().map(str::len), Some(1 << 20));
    assert_eq!(run["stdout_truncated"], false);
}
