//! The latencies of the closed loop as a picture: for each job and way a bar from p50 to p99 on a logarithmic axis, p50 marked.

use crate::{
    figures::percentile,
    latency::{Pace, Row, Way, latencies},
    svg,
};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 290.0;
const RIGHT: f64 = 50.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 20.0;
/// Of one bar's line, and between two jobs.
const LINE: f64 = 16.0;
const GAP: f64 = 10.0;
/// Milliseconds, as powers of ten: from a bare run of nothing to a compile in a new container.
const DECADES: (i32, i32) = (-1, 4);

pub fn draw(rows: &[Row]) -> String {
    let rows = Vec::from_iter(rows.iter().filter(|row| row.pace == Pace::Closed));
    let lines: usize = rows.iter().map(|row| row.ways.len()).sum();
    let height = TOP + lines as f64 * LINE + rows.len() as f64 * GAP + BOTTOM;
    let (low, high) = DECADES;
    let x = |ms: f64| {
        let share = (ms.log10() - f64::from(low)) / f64::from(high - low);
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    };
    let mut out = svg::begin(WIDTH, height);
    out += &svg::text(WIDTH / 2.0, 20.0, "middle", "one client, warm, closed loop: p50 (dot) to p99, ms; p50 in words");
    for exponent in low..=high {
        let ms = 10f64.powi(exponent);
        out += &svg::line((x(ms), TOP), (x(ms), height - BOTTOM), "#ccc", 1.0);
        out += &svg::text(x(ms), TOP - 8.0, "middle", &ms.to_string());
    }
    let mut y = TOP;
    for row in rows {
        y += GAP;
        out += &svg::text(10.0, y + LINE - 4.0, "start", row.job);
        for (way, rounds) in &row.ways {
            let all = latencies(rounds);
            let (p50, p99, middle) = (percentile(&all, 0.5), percentile(&all, 0.99), y + LINE / 2.0);
            out += &svg::text(LEFT - 8.0, y + LINE - 4.0, "end", way.name());
            out += &svg::line((x(p50), middle), (x(p99), middle), color(*way), 5.0);
            out += &svg::circle((x(p50), middle), 4.0, color(*way));
            out += &svg::text(x(p99) + 8.0, y + LINE - 4.0, "start", &short(p50));
            y += LINE;
        }
    }
    out + svg::END
}

fn color(way: Way) -> &'static str {
    match way {
        Way::Bare => "#555",
        Way::DockerRun => "#d62728",
        Way::Naive => "#ff7f0e",
        Way::OnDocker => "#1f77b4",
        Way::OnNative => "#2ca02c",
    }
}

fn short(ms: f64) -> String {
    if ms < 10.0 { format!("{ms:.2}") } else { format!("{ms:.0}") }
}
