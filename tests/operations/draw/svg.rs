//! The few shapes that are needed, as SVG.

use std::fmt::Write as _;

use super::Area;

pub struct Svg(String);

#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    pub size: f64,
    pub color: &'a str,
    pub anchor: &'a str,
}

impl Default for Text<'_> {
    fn default() -> Self {
        Self { size: 12.0, color: super::DIM, anchor: "start" }
    }
}

impl Svg {
    pub fn new(width: f64, height: f64, background: &str) -> Self {
        let mut svg = Self(String::new());
        svg.put(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"Inter, 'DejaVu Sans', sans-serif\">"
        ));
        svg.put(&format!("<rect width=\"{width}\" height=\"{height}\" fill=\"{background}\"/>"));
        svg
    }

    pub fn text(&mut self, x: f64, y: f64, text: &str, of: Text<'_>) {
        let Text { size, color, anchor } = of;
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.put(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\" fill=\"{color}\" \
             text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    pub fn rect(&mut self, area: Area, fill: &str, stroke: &str) {
        let Area { x, y, w, h } = area;
        self.put(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" rx=\"2\" \
             fill=\"{fill}\" stroke=\"{stroke}\"/>"
        ));
    }

    pub fn cell(&mut self, area: Area, fill: &str) {
        let Area { x, y, w, h } = area;
        self.put(&format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"{fill}\"/>"));
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), color: &str, dashes: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.put(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" \
             stroke=\"{color}\" stroke-dasharray=\"{dashes}\"/>"
        ));
    }

    pub fn stroke(&mut self, path: &str, color: &str, width: f64) {
        self.put(&format!("<path d=\"{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{width}\"/>"));
    }

    pub fn fill(&mut self, path: &str, color: &str, opacity: f64) {
        self.put(&format!("<path d=\"{path}\" fill=\"{color}\" fill-opacity=\"{opacity}\"/>"));
    }

    fn put(&mut self, element: &str) {
        writeln!(self.0, "{element}").expect("a String takes all");
    }

    pub fn finish(self) -> String {
        self.0 + "</svg>\n"
    }
}
