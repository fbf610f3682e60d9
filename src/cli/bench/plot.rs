//! Latency over load as a small SVG: two lines, p50 and p99, on a logarithmic axis. By hand: it is a hundred lines, and the
//! crates that draw bring a font renderer.

use std::fmt::{self, Display, Write};

use super::{svg, table::Row};

/// What is drawn.
#[derive(Debug)]
pub struct Plot {
    title: String,
    /// Of the horizontal axis.
    load: &'static str,
    p50: Vec<(f64, f64)>,
    p99: Vec<(f64, f64)>,
}

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 60.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
/// Marks on the horizontal axis at most, about.
const MARKS: f64 = 8.0;

impl Plot {
    /// A rate without a single answer has no point.
    pub fn new(title: String, load: &'static str, rows: &[Row]) -> Self {
        let points = |of: fn(&Row) -> Option<f64>| {
            // On a logarithmic axis there is no place for 0.
            let at = |row: &Row| of(row).filter(|ms| *ms > 0.0).map(|ms| (row.load(), ms));
            let mut points: Vec<_> = rows.iter().filter_map(at).collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            points
        };
        Self {
            title,
            load,
            p50: points(|row| Some(row.latency_ms()?.p50)),
            p99: points(|row| Some(row.latency_ms()?.p99)),
        }
    }

    /// The decades that all latencies lie in: the exponents of the lowest and of the highest line.
    fn decades(&self) -> (i32, i32) {
        let all = || self.p50.iter().chain(&self.p99).map(|(_, ms)| ms.log10());
        let low = all().map(f64::floor).reduce(f64::min).unwrap_or(0.0) as i32;
        let high = all().map(f64::ceil).reduce(f64::max).unwrap_or(1.0) as i32;
        (low, high.max(low + 1))
    }

    fn highest_load(&self) -> f64 {
        self.p50.iter().map(|(load, _)| *load).reduce(f64::max).unwrap_or(1.0)
    }
}

impl Display for Plot {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.decades();
        let step = step(self.highest_load());
        let most = (self.highest_load() / step).ceil() * step;
        let x = |load: f64| LEFT + load / most * (WIDTH - LEFT - RIGHT);
        let y = |ms: f64| {
            let share = (ms.log10() - f64::from(low)) / f64::from(high - low);
            HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        };
        out.write_str(&svg::begin(WIDTH, HEIGHT))?;
        out.write_str(&svg::text(WIDTH / 2.0, 22.0, "middle", &self.title))?;
        out.write_str(&svg::text(WIDTH / 2.0, HEIGHT - 12.0, "middle", self.load))?;
        out.write_str(&svg::text(LEFT, 34.0, "end", "ms"))?;
        for exponent in low..=high {
            let ms = 10f64.powi(exponent);
            out.write_str(&svg::line((LEFT, y(ms)), (WIDTH - RIGHT, y(ms)), "#bbb", 1.0))?;
            out.write_str(&svg::text(LEFT - 6.0, y(ms) + 4.0, "end", &ms.to_string()))?;
            for part in (2..10).filter(|_| exponent < high) {
                let ms = ms * f64::from(part);
                out.write_str(&svg::line((LEFT, y(ms)), (WIDTH - RIGHT, y(ms)), "#eee", 1.0))?;
            }
        }
        for mark in 0..=(most / step).round() as u32 {
            let load = f64::from(mark) * step;
            out.write_str(&svg::line((x(load), TOP), (x(load), HEIGHT - BOTTOM), "#ddd", 1.0))?;
            out.write_str(&svg::text(
                x(load),
                HEIGHT - BOTTOM + 18.0,
                "middle",
                &format!("{}", (load * 1e6).round() / 1e6),
            ))?;
        }
        for (name, color, points) in [("p50", "#1f77b4", &self.p50), ("p99", "#d62728", &self.p99)] {
            let mut path = String::new();
            for (load, ms) in points {
                write!(path, "{:.1},{:.1} ", x(*load), y(*ms))?;
            }
            let path = path.trim_end();
            writeln!(out, "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"2\" points=\"{path}\"/>")?;
            for (load, ms) in points {
                out.write_str(&svg::circle((x(*load), y(*ms)), 3.0, color))?;
            }
            if let Some((load, ms)) = points.last() {
                out.write_str(&svg::text(x(*load) + 8.0, y(*ms) + 4.0, "start", name))?;
            }
        }
        out.write_str(svg::END)
    }
}

/// Between two marks: 1, 2 or 5 times a power of ten.
fn step(highest: f64) -> f64 {
    let least = highest / MARKS;
    let power = 10f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(highest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(p50: &[(f64, f64)], p99: &[(f64, f64)]) -> Plot {
        Plot { title: "a < b & c".to_owned(), load: "jobs per second", p50: p50.to_vec(), p99: p99.to_vec() }
    }

    #[test]
    fn higher_latencies_stand_higher_by_their_logarithm() {
        let svg = plot(&[(1.0, 10.0), (2.0, 100.0)], &[(1.0, 100.0), (2.0, 1000.0)]).to_string();
        let heights: Vec<f64> = svg
            .lines()
            .filter(|line| line.starts_with("<circle"))
            .map(|line| line.split("cy=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        // A decade is as high as any other: 330 points for two of them.
        assert_eq!(heights, [370.0, 205.0, 205.0, 40.0]);
    }

    #[test]
    fn a_plot_without_answers_is_an_empty_one_and_words_are_no_markup() {
        let svg = plot(&[], &[]).to_string();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("inf"));
        assert!(svg.contains("a &lt; b &amp; c"));
    }

    #[test]
    fn marks_are_at_round_numbers() {
        assert_eq!([8.0, 12.0, 90.0, 0.7].map(step), [1.0, 2.0, 20.0, 0.1]);
    }
}
