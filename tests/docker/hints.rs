//! A shelf that was asked for in advance is full when it is wanted, on the real engine.

use std::time::{Duration, Instant, SystemTime};

use caisson::calendar;
use serde_json::json;

use crate::server::{Arrange, Server, until};

fn ready(server: &Server) -> u64 {
    server.status()["pools"][0]["ready"].as_u64().unwrap()
}

#[test]
fn a_hinted_shelf_is_full_by_its_time_and_is_given_up_after_it() {
    let server = Arrange::new(&[("bash", 1)]).warm();
    // Eight at a boot's 200 ms or so each; far more than that, since the machine may be busy.
    let ahead = Duration::from_secs(15);
    let at = calendar::format(SystemTime::now() + ahead);
    let due = Instant::now() + ahead;
    let body = json!({"size": 8, "at": at, "hold_ms": 3000}).to_string();
    let reply = server.send("PUT", "/v1/pools/bash/hints", Some("application/json"), body.into());
    assert_eq!((reply.status, &reply.body["hints"][0]["size"]), (200, &json!(8)), "{}", reply.body);
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    assert_eq!(ready(&server), 8);
    assert_eq!(server.metric("caisson_pool_hint{language=\"bash\"}"), 8.0);
    until("what nobody took is given up", || ready(&server) == 1);
    server.nothing_is_left();
    server.stop();
}
