//! A language whose image is not there.

use serde_json::json;

use crate::{
    image::{Image, Languages},
    promises::recovered,
    server::{Arrange, Server, until},
};

fn answer(server: &Server) -> serde_json::Value {
    let request = json!({"language": "other", "source": "echo hello", "deadline_ms": 5000});
    server.post("/v1/execute", request.to_string()).body
}

fn is_told(server: &Server) {
    until("who asks is told", || {
        let body = answer(server);
        assert!(["engine_unavailable", "saturated"].contains(&body["code"].as_str().unwrap_or_default()), "{body}");
        body["code"] == "engine_unavailable"
    });
    let ready = server.get("/readyz");
    assert_eq!((ready.status, &ready.body["detail"]), (503, &json!("no sandbox is ready for: other")));
    assert_eq!(server.output("bash", "echo beside"), "beside\n");
}

fn is_healed(server: &Server) {
    until("its jobs succeed", || answer(server)["run"]["stdout"] == "hello\n");
    recovered(server);
}

#[test]
fn an_image_that_is_missing_is_told_and_its_arrival_is_enough() {
    let image = Image::missing();
    let languages = Languages::of("bash", &[("other", &image)]);
    let server = Arrange::new(&[("bash", 1), ("other", 1)]).set(languages.flag()).start();
    until("the other language is ready", || server.status()["pools"][0]["ready"] == 1);
    is_told(&server);
    image.becomes("caisson/bash:latest");
    is_healed(&server);
    server.stop();
}

#[test]
fn an_image_that_is_removed_later_is_told_once_its_last_sandbox_is_used() {
    let image = Image::like("caisson/bash:latest");
    let languages = Languages::of("bash", &[("other", &image)]);
    let server = Arrange::new(&[("bash", 1), ("other", 2)]).set(languages.flag()).warm();
    image.vanishes();
    for _ in 0..2 {
        assert_eq!(answer(&server)["run"]["stdout"], "hello\n");
    }
    is_told(&server);
    image.becomes("caisson/bash:latest");
    is_healed(&server);
    server.stop();
}
