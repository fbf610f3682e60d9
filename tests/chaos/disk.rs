//! An engine whose disk is full.

use crate::{
    load::Load,
    private_engine::PrivateEngine,
    promises::{Traces, assert_kept},
    server::{Arrange, until},
};

/// Room for the image twice, as an engine that is given one needs, and for what sandboxes need.
const DISK_MIB: u32 = 512;

#[test]
fn an_engine_whose_disk_is_full_is_a_clear_answer_until_there_is_room_again() {
    let arrange = Arrange::new(&[("bash", 2)]);
    let engine = PrivateEngine::on_a_disk_of(DISK_MIB, &["caisson/bash:latest"]);
    let server = arrange.docker(engine.host.clone()).warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    engine.fill_disk();
    load.hears("engine_unavailable");
    until("the service is not ready", || server.get("/readyz").status == 503);
    engine.clear_disk();
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["engine_unavailable", "saturated"]);
    server.stop();
}
