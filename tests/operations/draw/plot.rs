//! Panels with a time axis: lines, stacked areas, heat maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use super::{
    Area, DIM, GRID, Line, Span, by_time, color,
    format::{clock, format, ticks},
    path,
    svg::{Svg, Text},
};
use crate::{board::Panel, live::Answer};

const AXIS: f64 = 62.0;
const LEGEND_LINE: f64 = 16.0;
/// What a letter of the legend takes, nearly.
const LETTER: f64 = 6.3;
const SMALL: Text<'_> = Text { size: 11.0, color: DIM, anchor: "start" };

impl Span {
    fn x(self, area: Area, time: f64) -> f64 {
        area.x + (time - self.start) / (self.end - self.start) * area.w
    }
}

pub fn lines(svg: &mut Svg, panel: &Panel, lines: &[Line<'_>], area: Area, span: Span) {
    let field = &panel.field_config.defaults;
    let area = Area { h: area.h - legend(svg, &field.unit, lines, area), ..area };
    let layers = if field.custom.stacking.mode == "normal" { stacked(lines) } else { plain(lines) };
    let highest = layers.iter().flat_map(|layer| &layer.top).map(|(_, value)| *value).fold(0.0, f64::max);
    let drawn: Vec<_> = field.thresholds.steps.iter().filter_map(|step| Some((step.value?, &step.color))).collect();
    let is_drawn = field.custom.thresholds_style.mode == "dashed";
    let ticks = ticks(&field.unit, highest);
    let top = ticks[ticks.len() - 1];
    let plot = axes(svg, area, span, ticks.iter().map(|tick| (tick / top, format(&field.unit, *tick))));
    let at = |time, value: f64| (span.x(plot, time), plot.y + plot.h - value / top * plot.h);
    for layer in &layers {
        let mut outline = path(&layer.top, at);
        if let Some((last, _)) = layer.top.last() {
            // Back along the bottom; where there is none, along the axis.
            let bottom: Vec<_> = layer.bottom.iter().rev().map(|(time, value)| at(*time, *value)).collect();
            if layer.is_filled && !bottom.is_empty() {
                let mut shape = outline.clone();
                bottom.iter().for_each(|(x, y)| write!(shape, "L{x:.1} {y:.1}").expect("a String takes all"));
                svg.fill(&(shape + "Z"), &layer.color, 0.35);
            }
            if layer.top.len() == 1 {
                let (x, y) = at(*last, layer.top[0].1);
                write!(outline, "L{:.1} {y:.1}", x + 2.0).expect("a String takes all");
            }
        }
        svg.stroke(&outline, &layer.color, 1.4);
    }
    for (value, name) in drawn.iter().filter(|(value, _)| is_drawn && *value <= top) {
        svg.line(at(span.start, *value), at(span.end, *value), color(name), "6 4");
    }
}

struct Layer {
    color: String,
    top: Vec<(f64, f64)>,
    bottom: Vec<(f64, f64)>,
    is_filled: bool,
}

fn plain(lines: &[Line<'_>]) -> Vec<Layer> {
    let layer = |line: &Line<'_>| Layer {
        color: line.color.clone(),
        top: line.points.to_vec(),
        bottom: Vec::new(),
        is_filled: false,
    };
    lines.iter().map(layer).collect()
}

/// One on the other, where there is anything at all; what has no value at a time adds nothing.
fn stacked(lines: &[Line<'_>]) -> Vec<Layer> {
    let values = by_time(lines);
    let times: BTreeSet<u64> = values.iter().flat_map(|line| line.keys().copied()).collect();
    let mut below: BTreeMap<u64, f64> = times.iter().map(|time| (*time, 0.0)).collect();
    let points = |level: &BTreeMap<u64, f64>| level.iter().map(|(time, value)| (*time as f64, *value)).collect();
    let mut layers = Vec::new();
    for (at, (line, values)) in lines.iter().zip(values).enumerate() {
        // An outline of nothing would hide the one below it; the last is drawn, so that there is a line at zero.
        if values.values().all(|value| *value == 0.0) && !(layers.is_empty() && at + 1 == lines.len()) {
            continue;
        }
        let bottom = points(&below);
        values.iter().for_each(|(time, value)| *below.get_mut(time).expect("it is one of the times") += value);
        layers.push(Layer { color: line.color.clone(), top: points(&below), bottom, is_filled: true });
    }
    layers
}

/// Names and last values below; its height. What is zero all the time comes last, and what has no room is counted.
fn legend(svg: &mut Svg, unit: &str, lines: &[Line<'_>], area: Area) -> f64 {
    let lines: Vec<_> = lines.iter().filter(|line| !line.points.is_empty()).collect();
    let peak = |line: &Line<'_>| line.points.iter().map(|(_, value)| value.abs()).fold(0.0, f64::max);
    let (quiet, busy): (Vec<&Line<'_>>, Vec<_>) = lines.into_iter().partition(|line| peak(line) == 0.0);
    let most = if busy.len() > 4 { 3 } else { 2 };
    let (mut places, mut x, mut row) = (Vec::new(), 0.0, 0);
    let all: Vec<_> = busy.into_iter().chain(quiet).collect();
    for (index, line) in all.iter().enumerate() {
        let words = format!("{}  {}", line.name, format(unit, line.points[line.points.len() - 1].1));
        let width = 18.0 + words.chars().count() as f64 * LETTER + 8.0;
        let is_last = index + 1 == all.len();
        let room = area.w - if row + 1 == most && !is_last { 60.0 } else { 0.0 };
        if x > 0.0 && x + width > room {
            if row + 1 == most {
                places.push((x, row, format!("+{} more", all.len() - index), None));
                break;
            }
            (x, row) = (0.0, row + 1);
        }
        places.push((x, row, words, Some(line.color.clone())));
        x += width;
    }
    let height = LEGEND_LINE * f64::from(row + 1) + 4.0;
    for (x, row, words, color) in places {
        let y = area.y + area.h - height + 14.0 + LEGEND_LINE * f64::from(row);
        if let Some(color) = &color {
            svg.cell(Area { x: area.x + x, y: y - 6.0, w: 12.0, h: 3.0 }, color);
        }
        svg.text(area.x + x + if color.is_some() { 17.0 } else { 0.0 }, y, &words, SMALL);
    }
    height
}

/// Grid, words at its left (at a share of the height) and times below; what is left to draw in.
fn axes(svg: &mut Svg, area: Area, span: Span, ticks: impl Iterator<Item = (f64, String)>) -> Area {
    let plot = Area { x: area.x + AXIS, y: area.y + 4.0, w: area.w - AXIS - 4.0, h: area.h - 24.0 };
    for (share, words) in ticks {
        let y = plot.y + plot.h * (1.0 - share);
        svg.line((plot.x, y), (plot.x + plot.w, y), GRID, "none");
        svg.text(plot.x - 6.0, y + 4.0, &words, Text { anchor: "end", ..SMALL });
    }
    let step = if plot.w < 320.0 { 20.0 } else { 10.0 };
    let mut time = (span.start / step).ceil() * step;
    while time < span.end {
        let x = span.x(plot, time);
        svg.line((x, plot.y), (x, plot.y + plot.h), GRID, "none");
        svg.text(x, plot.y + plot.h + 15.0, &clock(time), Text { anchor: "middle", ..SMALL });
        time += step;
    }
    plot
}

/// From nothing to much.
const HEAT: [&str; 8] = ["#221150", "#3d0f71", "#641a80", "#8c2981", "#b73779", "#de4968", "#f7705c", "#fec98d"];

pub fn heatmap(svg: &mut Svg, panel: &Panel, answers: &[Answer<'_>], area: Area, span: Span) {
    // Buckets hold all that is below them, so that what is in one is the difference to the one before.
    let mut buckets: Vec<(f64, BTreeMap<u64, f64>)> = answers
        .iter()
        .flat_map(|answer| &answer.series)
        .filter_map(|series| {
            let bound = series.labels.get("le")?.parse().ok()?;
            Some((bound, series.points.iter().map(|(time, value)| (*time as u64, *value)).collect()))
        })
        .collect();
    buckets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut cells = Vec::new();
    for (row, (_, counts)) in buckets.iter().enumerate() {
        for (time, count) in counts {
            let below = row.checked_sub(1).and_then(|row| buckets[row].1.get(time)).unwrap_or(&0.0);
            // What a rate extrapolates leaves crumbs.
            if count - below > 0.01 {
                cells.push((row, *time, count - below));
            }
        }
    }
    let (Some(low), Some(high)) = (cells.iter().map(|cell| cell.0).min(), cells.iter().map(|cell| cell.0).max()) else {
        return;
    };
    let most = cells.iter().map(|cell| cell.2).fold(0.0, f64::max);
    let rows = (high - low + 1) as f64;
    let unit = &panel.field_config.defaults.unit;
    let bounds = (low..=high).map(|row| (((row - low) as f64 + 0.5) / rows, format(unit, buckets[row].0)));
    let every = (rows / 9.0).ceil() as usize;
    let plot = axes(svg, area, span, bounds.step_by(every));
    let (width, height) = (plot.w / (span.end - span.start), plot.h / rows);
    for (row, time, count) in cells {
        let shade = ((count / most).sqrt() * HEAT.len() as f64).ceil() as usize;
        let (x, y) = (span.x(plot, time as f64), plot.y + plot.h - ((row - low) as f64 + 1.0) * height);
        let w = (plot.x + plot.w - x).min(width - 0.5);
        if x >= plot.x && w > 0.0 {
            svg.cell(Area { x, y: y + 0.5, w, h: height - 1.0 }, HEAT[shade.clamp(1, HEAT.len()) - 1]);
        }
    }
}
