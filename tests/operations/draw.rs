//! Draws a dashboard as Grafana would, from what Prometheus answered: Grafana itself is more than a test can start. The
//! pictures of the README are made from these (`make pictures`).

mod facts;
mod format;
mod plot;
mod svg;

use std::{collections::BTreeMap, fmt::Write as _};

pub use format::{format, legend};

use crate::{
    board::{Board, Panel, Place},
    live::Answer,
};
use svg::{Svg, Text};

/// Pixels: of the whole, of one row of Grafana's grid, between two panels.
const WIDTH: f64 = 1600.0;
const MARGIN: f64 = 16.0;
const ROW: f64 = 36.0;
const GAP: f64 = 8.0;
const HEAD: f64 = 56.0;

/// Grafana's dark theme.
const CANVAS: &str = "#111217";
const PANEL: &str = "#181b1f";
const BORDER: &str = "#2a2d33";
const GRID: &str = "#2c2f36";
const BRIGHT: &str = "#e2e2ea";
const DIM: &str = "#9a9ba3";

/// Grafana's classic palette.
const PALETTE: [&str; 14] = [
    "#7EB26D", "#EAB839", "#6ED0E0", "#EF843C", "#E24D42", "#1F78C1", "#BA43A9", "#705DA0", "#508642", "#CCA300",
    "#5195CE", "#E5A8E2", "#70DBED", "#F9934E",
];

/// A part of the picture, in pixels.
#[derive(Debug, Clone, Copy)]
struct Area {
    x: f64,
    y: f64,
    w: f64,
    h: f64,
}

/// What is drawn of one series.
struct Line<'a> {
    name: String,
    color: String,
    points: &'a [(f64, f64)],
}

/// The span of time that is drawn.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: f64,
    end: f64,
}

pub fn picture(board: &Board, answers: &[(&Panel, Vec<Answer<'_>>)], start: f64, end: f64) -> String {
    let rows = board.panels.iter().map(|panel| panel.grid_pos.y + panel.grid_pos.h).max().unwrap_or(0);
    let mut svg = Svg::new(WIDTH, HEAD + f64::from(rows) * ROW + MARGIN, CANVAS);
    let span = Span { start, end };
    svg.text(MARGIN, 34.0, &board.title, Text { size: 20.0, color: BRIGHT, ..Text::default() });
    let times = format!("{} to {} UTC, one scrape a second", format::clock(start), format::clock(end));
    svg.text(WIDTH - MARGIN, 34.0, &times, Text { size: 13.0, color: DIM, anchor: "end" });
    for heading in board.panels.iter().filter(|panel| panel.kind == "row") {
        let area = area(heading.grid_pos);
        svg.text(area.x + 2.0, area.y + 19.0, &heading.title, Text { size: 15.0, color: BRIGHT, ..Text::default() });
    }
    for (panel, answers) in answers {
        let area = area(panel.grid_pos);
        svg.rect(area, PANEL, BORDER);
        svg.text(area.x + 10.0, area.y + 20.0, &panel.title, Text { size: 13.0, color: BRIGHT, ..Text::default() });
        let inner = Area { x: area.x + 10.0, y: area.y + 30.0, w: area.w - 20.0, h: area.h - 38.0 };
        match panel.kind.as_str() {
            "stat" => facts::stat(&mut svg, panel, &lines(panel, answers), inner, span),
            "table" => facts::table(&mut svg, panel, answers, inner),
            "heatmap" => plot::heatmap(&mut svg, panel, answers, inner, span),
            _ => plot::lines(&mut svg, panel, &lines(panel, answers), inner, span),
        }
    }
    svg.finish()
}

fn area(place: Place) -> Area {
    let column = (WIDTH - 2.0 * MARGIN + GAP) / 24.0;
    Area {
        x: MARGIN + f64::from(place.x) * column,
        y: HEAD + f64::from(place.y) * ROW,
        w: f64::from(place.w) * column - GAP,
        h: f64::from(place.h) * ROW - GAP,
    }
}

fn lines<'a>(panel: &Panel, answers: &'a [Answer<'_>]) -> Vec<Line<'a>> {
    let all = answers.iter().flat_map(|answer| answer.series.iter().map(move |series| (answer, series)));
    let drawn = all.enumerate().map(|(index, (answer, series))| {
        let name = legend(&answer.target.legend_format, series);
        let fixed = panel.property(&name, "color").and_then(|value| value["fixedColor"].as_str());
        let color = fixed.map_or(PALETTE[index % PALETTE.len()], color);
        Line { name, color: color.to_owned(), points: &series.points }
    });
    drawn.collect()
}

/// Grafana's names for colours.
fn color(name: &str) -> &str {
    match name {
        "green" => "#73BF69",
        "yellow" => "#FADE2A",
        "orange" => "#FF9830",
        "dark-orange" => "#E55400",
        "super-light-orange" => "#FFCB7D",
        "red" => "#F2495C",
        "blue" => "#5794F2",
        "super-light-blue" => "#C0D8FF",
        "purple" => "#B877D9",
        "light-purple" => "#CA95E5",
        "gray" => "#8E8E8E",
        "text" => BRIGHT,
        other => other,
    }
}

/// Points as the path of a line; a gap of more than two scrapes breaks it.
fn path(points: &[(f64, f64)], at: impl Fn(f64, f64) -> (f64, f64)) -> String {
    let mut path = String::new();
    let mut before = f64::NEG_INFINITY;
    for (time, value) in points {
        let (x, y) = at(*time, *value);
        let step = if time - before > 2.5 { 'M' } else { 'L' };
        write!(path, "{step}{x:.1} {y:.1}").expect("a String takes all");
        before = *time;
    }
    path
}

/// The last value of each line by its time, for sums.
fn by_time(lines: &[Line<'_>]) -> Vec<BTreeMap<u64, f64>> {
    lines.iter().map(|line| line.points.iter().map(|(time, value)| (*time as u64, *value)).collect()).collect()
}
