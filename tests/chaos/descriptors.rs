//! A service that may open no more files.

use std::{net::TcpStream, process::Command};

use crate::{
    load::Load,
    promises::{Traces, assert_kept},
    server::{Arrange, Server, until},
};

/// More than the server has open when it begins, with its sandboxes and clients, and less than this many clients take.
const FEW: u64 = 60;
const MANY: usize = 100;

/// From now on, of a process that runs.
fn allow(server: &Server, files: u64) {
    let pid = format!("--pid={}", server.pid());
    // The soft limit: the hard one can only be lowered.
    let limited = Command::new("prlimit").args([pid, format!("--nofile={files}:")]).status();
    assert!(limited.unwrap().success());
}

#[test]
fn a_service_without_free_descriptors_answers_late_but_answers() {
    let server = Arrange::new(&[("bash", 2)]).warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    allow(&server, FEW);
    let address = server.url.trim_start_matches("http://");
    // The kernel takes them in for the service.
    let silent: Vec<_> = (0..MANY).map(|_| TcpStream::connect(address).unwrap()).collect();
    until("it has no descriptor left", || {
        !server.events("could not accept a connection; are there too many open files?").is_empty()
    });
    drop(silent);
    load.goes_on(5);
    assert_kept(&server, &traces, &load.end(), &["engine_unavailable", "saturated", "sandbox_error"]);
    server.stop();
}
