//! Panels that say one thing, or a list of things.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Area, BORDER, BRIGHT, DIM, Line, Span, color,
    format::format,
    path,
    svg::{Svg, Text},
};
use crate::{board::Panel, live::Answer};

pub fn stat(svg: &mut Svg, panel: &Panel, lines: &[Line<'_>], area: Area, span: Span) {
    let field = &panel.field_config.defaults;
    let middle = (area.x + area.w / 2.0, area.y + area.h / 2.0);
    let Some((line, (_, value))) = lines.first().and_then(|line| Some((line, line.points.last()?))) else {
        svg.text(middle.0, middle.1, "no data", Text { size: 18.0, color: DIM, anchor: "middle" });
        return;
    };
    let mapped = field.mappings.first().and_then(|mapping| mapping.options.get(&value.to_string()));
    let passed = field.thresholds.steps.iter().rfind(|step| step.value.is_none_or(|from| *value >= from));
    let shade = color(mapped.map_or_else(|| passed.map_or("text", |step| &step.color), |mapped| &mapped.color));
    let words = mapped.map_or_else(|| format(&field.unit, *value), |mapped| mapped.text.clone());
    let top = line.points.iter().map(|(_, value)| *value).fold(0.0, f64::max).max(1e-9);
    let low = area.y + area.h + 4.0;
    let at = |time: f64, value: f64| {
        (area.x + (time - span.start) / (span.end - span.start) * area.w, low - value.max(0.0) / top * area.h * 0.35)
    };
    let outline = path(line.points, at);
    if mapped.is_none() && line.points.len() > 1 {
        let (first, last) = (at(line.points[0].0, 0.0), at(line.points[line.points.len() - 1].0, 0.0));
        svg.fill(&format!("{outline}L{:.1} {:.1}L{:.1} {:.1}Z", last.0, last.1, first.0, first.1), shade, 0.12);
        svg.stroke(&outline, shade, 1.0);
    }
    svg.text(middle.0, middle.1 + 2.0, &words, Text { size: 28.0, color: shade, anchor: "middle" });
}

/// Labels and values of all queries, one line for each set of labels.
pub fn table(svg: &mut Svg, panel: &Panel, answers: &[Answer<'_>], area: Area) {
    let all =
        || answers.iter().enumerate().flat_map(|(at, answer)| answer.series.iter().map(move |series| (at, series)));
    let labels: BTreeSet<&String> = all().flat_map(|(_, series)| series.labels.keys()).collect();
    let mut rows: BTreeMap<&BTreeMap<String, String>, BTreeMap<usize, f64>> = BTreeMap::new();
    for (at, series) in all() {
        if let Some((_, value)) = series.points.last() {
            rows.entry(&series.labels).or_default().insert(at, *value);
        }
    }
    let heads = answers.iter().map(|answer| panel.head(&answer.target.ref_id));
    let heads: Vec<String> = labels.iter().map(|label| (*label).clone()).chain(heads).collect();
    // As wide as what is in them, and what is left over shared.
    let longest = |label: &String| rows.keys().filter_map(|names| names.get(label)).map(String::len).max();
    let letters: Vec<usize> = heads.iter().map(|head| head.len().max(longest(head).unwrap_or(0)).max(8)).collect();
    let letter = area.w / letters.iter().sum::<usize>() as f64;
    let cell = |svg: &mut Svg, column: usize, row: usize, words: &str, color: &str| {
        let before: usize = letters[..column].iter().sum();
        let (x, y) = (area.x + before as f64 * letter, area.y + 16.0 + row as f64 * 26.0);
        svg.text(x, y, words, Text { size: 12.0, color, ..Text::default() });
    };
    for (column, head) in heads.iter().enumerate() {
        cell(svg, column, 0, head, "#6E9FFF");
    }
    for (row, (names, values)) in rows.iter().enumerate().take(((area.h - 16.0) / 26.0) as usize) {
        let y = area.y + 25.0 + row as f64 * 26.0;
        svg.line((area.x, y), (area.x + area.w, y), BORDER, "none");
        for (column, label) in labels.iter().enumerate() {
            cell(svg, column, row + 1, names.get(*label).map_or("", String::as_str), BRIGHT);
        }
        for at in 0..answers.len() {
            let head = &heads[labels.len() + at];
            let unit = panel.property(head, "unit").and_then(|unit| unit.as_str());
            let unit = unit.unwrap_or(&panel.field_config.defaults.unit);
            let words = values.get(&at).map_or_else(|| "-".to_owned(), |value| format(unit, *value));
            cell(svg, labels.len() + at, row + 1, &words, BRIGHT);
        }
    }
}
