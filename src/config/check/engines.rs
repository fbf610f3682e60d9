//! `[native]` and `[docker]`.

use std::{path::PathBuf, time::Duration};

use serde_json::Value;

use super::notes::Notes;
use crate::config::{
    Docker, Handoff, Native, RuntimeChoice,
    raw::{RawDocker, RawNative},
};

/// The most that the kernel takes.
const MOST_CPU_SHARES: u64 = 262_144;

pub(super) fn check_native(raw: RawNative, notes: &mut Notes<'_>) -> Native {
    let RawNative { roots } = raw;
    if roots.is_empty() {
        notes.add("native.roots", "must name the directory of the images' roots; images/roots.sh makes them");
    }
    Native { roots: PathBuf::from(roots) }
}

pub(super) fn check_docker(raw: RawDocker, seccomp: &str, notes: &mut Notes<'_>) -> Docker {
    let RawDocker { host, handoff, runtime, seccomp_profile, cpu_shares, request_patience_ms } = raw;
    if !["unix://", "tcp://", "http://"].iter().any(|scheme| host.starts_with(scheme)) {
        notes.add("docker.host", "must begin with unix:// or tcp://, such as unix:///var/run/docker.sock");
    }
    let handoff = notes.choice("docker.handoff", &handoff, &[("exec", Handoff::Exec), ("attach", Handoff::Attach)]);
    if cpu_shares != 0 && !(2..=MOST_CPU_SHARES).contains(&cpu_shares) {
        let text = format!("must be 2 to {MOST_CPU_SHARES}, or 0 to leave the weight to the engine, not {cpu_shares}");
        notes.add("docker.cpu_shares", text);
    }
    notes.at_least("docker.request_patience_ms", request_patience_ms, 1000);
    // An unreadable file has been noted where it was read.
    let seccomp = match serde_json::from_str::<Value>(seccomp) {
        Ok(profile) => profile.to_string(),
        Err(_) if seccomp.is_empty() => String::new(),
        Err(error) => {
            notes.add("docker.seccomp_profile", format!("{seccomp_profile} is no JSON: {error}"));
            String::new()
        }
    };
    Docker {
        host,
        handoff,
        runtime: match runtime.as_str() {
            "auto" => RuntimeChoice::Auto,
            "" => RuntimeChoice::Engine,
            _ => RuntimeChoice::Named(runtime),
        },
        seccomp,
        cpu_shares,
        request_patience: Duration::from_millis(request_patience_ms),
    }
}
