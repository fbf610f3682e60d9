//! `[server]` and who may use it.

use std::{net::SocketAddr, num::NonZeroU32, time::Duration};

use super::notes::Notes;
use crate::config::{
    Key, KeyRate, KeyScope, Server,
    raw::{RawKey, RawServer},
};

/// Below this a token can be guessed.
const LEAST_TOKEN: usize = 16;

/// Requests per second of one key. More is no bound worth the name, and less is a key that may do nothing.
const MOST_RATE: f64 = 1e6;
const LEAST_RATE: f64 = 0.001;
/// Times the longest period, this is within what the clock of the bound can count.
const MOST_BURST: u64 = 1_000_000;
const MOST_CONCURRENT: u64 = 1_000_000;

pub(super) fn check(raw: RawServer, notes: &mut Notes<'_>) -> Server {
    let RawServer {
        listen,
        max_connections,
        idle_patience_ms,
        max_body_bytes,
        max_in_flight_bytes,
        max_files,
        default_deadline_ms,
        max_deadline_ms,
        drain_patience_ms,
        keys,
    } = raw;
    let address = listen.parse::<SocketAddr>().unwrap_or_else(|_| {
        notes.add("server.listen", "must be an address and a port, such as 127.0.0.1:8080 or [::1]:8080");
        SocketAddr::from(([127, 0, 0, 1], 0))
    });
    if !address.ip().is_loopback() && keys.is_empty() {
        let problem = "is reachable from elsewhere, and whoever reaches it may run code: \
            add at least one [[server.keys]], or listen on 127.0.0.1";
        notes.add("server.listen", problem);
    }
    notes.within("server.max_connections", max_connections, 1, 1 << 20);
    notes.at_least("server.idle_patience_ms", idle_patience_ms, 1);
    notes.within("server.max_body_bytes", max_body_bytes, 1024, 256 * 1024 * 1024);
    notes.within("server.max_files", max_files, 1, 512);
    notes.at_least("server.max_deadline_ms", max_deadline_ms, 1);
    notes.within("server.default_deadline_ms", default_deadline_ms, 1, max_deadline_ms.max(1));
    let keys = keys.into_iter().enumerate().map(|(index, key)| check_key(index, key, notes)).collect::<Vec<_>>();
    for (index, key) in keys.iter().enumerate() {
        if keys[..index].iter().any(|other| other.token == key.token) {
            notes.add(&format!("server.keys[{index}].token"), "is the token of another key too");
        }
        if !key.name.is_empty() && keys[..index].iter().any(|other| other.name == key.name) {
            notes.add(&format!("server.keys[{index}].name"), "is the name of another key too");
        }
    }
    Server {
        listen: address,
        max_connections: max_connections as usize,
        idle_patience: Duration::from_millis(idle_patience_ms),
        max_body_bytes: max_body_bytes as usize,
        max_in_flight_bytes: usize::try_from(max_in_flight_bytes).unwrap_or(usize::MAX),
        max_files: max_files as usize,
        default_deadline: Duration::from_millis(default_deadline_ms),
        max_deadline: Duration::from_millis(max_deadline_ms),
        drain_patience: Duration::from_millis(drain_patience_ms),
        keys,
    }
}

fn check_key(index: usize, raw: RawKey, notes: &mut Notes<'_>) -> Key {
    let RawKey { name, token, scopes, rate_per_second, burst, max_concurrent } = raw;
    let place = format!("server.keys[{index}]");
    if name.is_empty() {
        notes.add(&format!("{place}.name"), "must not be empty: it names the client in logs");
    }
    if token.len() < LEAST_TOKEN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let problem =
            format!("must have at least {LEAST_TOKEN} visible ASCII characters; `openssl rand -hex 24` makes one");
        notes.add(&format!("{place}.token"), problem);
    }
    if scopes.is_empty() {
        notes.add(&format!("{place}.scopes"), "must hold `execute`, `admin` or both");
    }
    let known = [("execute", KeyScope::Execute), ("admin", KeyScope::Admin)];
    let scopes = scopes.iter().map(|scope| notes.choice(&format!("{place}.scopes"), scope, &known)).collect();
    let of_rate = format!("{place}.rate_per_second");
    if rate_per_second != 0.0 && !(LEAST_RATE..=MOST_RATE).contains(&rate_per_second) {
        let problem = format!("must be from {LEAST_RATE} to {MOST_RATE}, or 0 for no bound, is {rate_per_second}");
        notes.add(&of_rate, problem);
    }
    notes.within(&format!("{place}.burst"), burst, 0, MOST_BURST);
    notes.within(&format!("{place}.max_concurrent"), max_concurrent, 0, MOST_CONCURRENT);
    let has_rate = rate_per_second > 0.0;
    if burst > 0 && !has_rate {
        notes.add(&format!("{place}.burst"), "needs a rate_per_second");
    }
    // Without a word on it, one second's worth.
    let burst = if burst == 0 { rate_per_second.ceil() as u64 } else { burst };
    let burst = u32::try_from(burst).ok().and_then(NonZeroU32::new);
    let rate = burst.filter(|_| has_rate).map(|burst| KeyRate { per_second: rate_per_second, burst });
    let max_concurrent = Some(max_concurrent as usize).filter(|most| *most > 0);
    Key { name, token, scopes, rate, max_concurrent }
}
