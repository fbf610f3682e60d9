//! `[log]` and `[telemetry]`.

use super::notes::Notes;
use crate::config::{
    Log, LogFormat, Otlp, Telemetry,
    raw::{RawLog, RawTelemetry},
};

pub(super) fn check_log(raw: RawLog, notes: &mut Notes<'_>) -> Log {
    let RawLog { format, filter } = raw;
    let format = notes.choice("log.format", &format, &[("human", LogFormat::Human), ("json", LogFormat::Json)]);
    Log { format, filter }
}

pub(super) fn check_telemetry(raw: RawTelemetry, notes: &mut Notes<'_>) -> Telemetry {
    let RawTelemetry { otlp_endpoint, otlp_headers, otlp_service_name, otlp_sample_ratio } = raw;
    let endpoint = otlp_endpoint.trim_end_matches('/');
    if endpoint.starts_with("https://") {
        let problem = "must begin with http://: the service speaks no TLS; a collector beside it can";
        notes.add("telemetry.otlp_endpoint", problem);
    } else if !endpoint.is_empty() && !is_base(endpoint) {
        let problem = "must be http:// with a host and perhaps a port, such as http://127.0.0.1:4318";
        notes.add("telemetry.otlp_endpoint", problem);
    } else if endpoint.ends_with("/v1/traces") {
        notes.add("telemetry.otlp_endpoint", "must be without `/v1/traces`, which is added");
    }
    for (name, value) in &otlp_headers {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if name.is_empty() || !name.bytes().all(is_token) || !value.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            let name = name.escape_default();
            notes.add("telemetry.otlp_headers", format!("holds `{name}`, whose name or value cannot be a header's"));
        }
    }
    if otlp_service_name.is_empty() {
        notes.add("telemetry.otlp_service_name", "must not be empty");
    }
    if !(0.0..=1.0).contains(&otlp_sample_ratio) {
        let problem = format!("must be from 0 (no trace that begins here) to 1 (all of them), is {otlp_sample_ratio}");
        notes.add("telemetry.otlp_sample_ratio", problem);
    }
    let otlp = Otlp {
        endpoint: endpoint.to_owned(),
        headers: otlp_headers.into_iter().collect(),
        service_name: otlp_service_name,
        sample_ratio: otlp_sample_ratio,
    };
    Telemetry { otlp: Some(otlp).filter(|otlp| !otlp.endpoint.is_empty()) }
}

/// `http://`, a host, perhaps a port and a path.
fn is_base(endpoint: &str) -> bool {
    endpoint.strip_prefix("http://").is_some_and(|rest| {
        let host = rest.split('/').next().unwrap_or_default();
        // The colons of an IPv6 address stand in brackets.
        let port = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
        let has_port = port.is_none_or(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#' | b'@');
        !host.is_empty() && has_port && rest.bytes().all(is_plain)
    })
}
