//! A wall clock that jumps, for the service alone: the machine's stays as it is. Needs `libfaketime`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    load::Load,
    promises::{Traces, assert_kept},
    server::{Arrange, Server, until},
};

fn library() -> PathBuf {
    let triples = fs::read_dir("/usr/lib").unwrap().flatten();
    let found = triples.map(|entry| entry.path().join("faketime/libfaketime.so.1")).find(|path| path.is_file());
    found.expect("libfaketime is needed: .ci/tools.sh faketime")
}

/// The whole file at once: it is read at every look at the clock.
fn set(clock: &Path, offset: &str) {
    let next = clock.with_extension("next");
    fs::write(&next, format!("{offset}\n")).unwrap();
    fs::rename(next, clock).unwrap();
}

/// Of the last line of its log.
fn day(server: &Server) -> String {
    let log = server.log();
    let last: serde_json::Value = serde_json::from_str(log.last().unwrap()).unwrap();
    last["timestamp"].as_str().unwrap().chars().take("2026-01-01".len()).collect()
}

#[test]
fn a_wall_clock_that_jumps_a_day_ahead_and_a_day_back_is_noticed_by_nobody() {
    let directory = tempfile::tempdir().unwrap();
    let clock = directory.path().join("clock");
    set(&clock, "+0");
    let server = Arrange::new(&[("bash", 2)])
        .env("LD_PRELOAD", library().to_str().unwrap())
        .env("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap())
        .env("FAKETIME_NO_CACHE", "1")
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .warm();
    let mut traces = Traces::default();
    let load = Load::begin(&server);
    traces.look(&server);
    let today = day(&server);
    let mut seen = vec![today];
    for offset in ["+1d", "-1d"] {
        set(&clock, offset);
        until("the service sees the other day", || !seen.contains(&day(&server)));
        seen.push(day(&server));
        load.goes_on(5);
    }
    assert_kept(&server, &traces, &load.end(), &[]);
    server.stop();
}
