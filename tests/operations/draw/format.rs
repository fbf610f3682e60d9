//! Numbers as people read them, in Grafana's units.

use crate::prometheus::Series;

/// With the unit.
pub fn format(unit: &str, value: f64) -> String {
    match unit {
        "s" => seconds(value),
        "bytes" => bytes(value),
        "percentunit" => format!("{} %", short(value * 100.0)),
        "reqps" => format!("{} req/s", short(value)),
        "ops" => format!("{} /s", short(value)),
        _ => short(value),
    }
}

fn seconds(value: f64) -> String {
    match value.abs() {
        0.0 => "0 s".to_owned(),
        size if size < 0.001 => format!("{} µs", short(value * 1e6)),
        size if size < 1.0 => format!("{} ms", short(value * 1e3)),
        size if size < 120.0 => format!("{} s", short(value)),
        _ => format!("{} min", short(value / 60.0)),
    }
}

fn bytes(value: f64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut at) = (value, 0);
    while value.abs() >= 1024.0 && at + 1 < units.len() {
        (value, at) = (value / 1024.0, at + 1);
    }
    format!("{} {}", short(value), units[at])
}

/// Three digits that count, no zeros at the end.
fn short(value: f64) -> String {
    let digits = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 0.1 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if !text.contains('.') {
        return text;
    }
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// `{{label}}` filled in.
pub fn legend(format: &str, series: &Series) -> String {
    series.labels.iter().fold(format.to_owned(), |text, (name, value)| text.replace(&format!("{{{{{name}}}}}"), value))
}

/// Time of day, UTC.
pub fn clock(time: f64) -> String {
    let seconds = time as u64 % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// Round steps from 0 to at least `top`: about four.
pub fn ticks(unit: &str, top: f64) -> Vec<f64> {
    let base: f64 = if unit == "bytes" { 2.0 } else { 10.0 };
    let raw = if top > 0.0 { top / 4.0 } else { 0.25 };
    let power = base.powf(raw.log(base).floor());
    let step = if unit == "bytes" {
        if raw > power { power * 2.0 } else { power }
    } else {
        [1.0, 2.0, 2.5, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= raw * 0.999).unwrap_or(raw)
    };
    let count = (top / step - 0.001).ceil().max(1.0) as usize;
    (0..=count).map(|index| index as f64 * step).collect()
}

#[test]
fn values_are_told_in_the_unit_that_suits_them() {
    for (unit, value, expected) in [
        ("s", 0.00025, "250 µs"),
        ("s", 0.0123, "12.3 ms"),
        ("s", 2.5, "2.5 s"),
        ("s", 600.0, "10 min"),
        ("bytes", 1536.0, "1.5 KiB"),
        ("bytes", 268_435_456.0, "256 MiB"),
        ("percentunit", 0.994, "99.4 %"),
        ("reqps", 6.0, "6 req/s"),
        ("none", 1024.0, "1024"),
        ("none", 0.0, "0"),
    ] {
        assert_eq!(format(unit, value), expected);
    }
}

#[test]
fn ticks_are_round_and_reach_the_top() {
    assert_eq!(ticks("none", 8.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
    assert_eq!(ticks("none", 0.0), [0.0, 0.25]);
    assert_eq!(ticks("bytes", 1024.0), [0.0, 256.0, 512.0, 768.0, 1024.0]);
    for top in [0.013, 0.7, 3.1, 99.0, 12345.0] {
        let ticks = ticks("s", top);
        assert!(*ticks.last().unwrap() >= top && ticks.len() <= 7, "{top}: {ticks:?}");
    }
}
