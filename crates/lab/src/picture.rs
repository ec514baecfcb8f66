//! What all pictures of the pages share: the canvas, a few shapes, colours, and the marks of an axis.

use svg::Document;
use svg::node::element::{Circle, Line, Rectangle, Text};

/// The colour of what happens without softclose.
pub const WITHOUT: &str = "#c0392b";
/// The colour of what happens with softclose.
pub const WITH: &str = "#1e8449";
/// The colour of axes, and of words that only help.
pub const FAINT: &str = "#777777";
/// The colour of the lines behind a chart.
pub const GRID: &str = "#dddddd";

/// The width of a letter in the font size of [`canvas`], on average and rounded up.
pub const LETTER: f64 = 7.0;

/// An empty white picture.
pub fn canvas(width: f64, height: f64) -> Document {
    Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("font-family", "sans-serif")
        .set("font-size", 12)
        .add(Rectangle::new().set("width", width).set("height", height).set("fill", "white"))
}

/// Words. `anchor` is `start`, `middle` or `end`: which part of them is at `x`.
pub fn words(x: f64, y: f64, anchor: &str, color: &str, said: &str) -> Text {
    Text::new(said).set("x", short(x)).set("y", short(y)).set("text-anchor", anchor).set("fill", color)
}

/// A straight line.
pub fn line(from: (f64, f64), to: (f64, f64), color: &str, width: f64) -> Line {
    let line = Line::new().set("x1", short(from.0)).set("y1", short(from.1));
    line.set("x2", short(to.0)).set("y2", short(to.1)).set("stroke", color).set("stroke-width", width)
}

/// A filled rectangle.
pub fn bar(at: (f64, f64), size: (f64, f64), color: &str) -> Rectangle {
    let bar = Rectangle::new().set("x", short(at.0)).set("y", short(at.1));
    bar.set("width", short(size.0)).set("height", short(size.1)).set("fill", color)
}

/// A point that shows through where others lie upon it.
pub fn point(x: f64, y: f64, color: &str) -> Circle {
    let circle = Circle::new().set("cx", short(x)).set("cy", short(y)).set("r", 3);
    circle.set("fill", color).set("fill-opacity", 0.5)
}

/// The marks of an axis between two values: round numbers, about `count` of them.
pub fn ticks(least: f64, most: f64, count: f64) -> Vec<f64> {
    let rough = ((most - least) / count).max(f64::MIN_POSITIVE);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|part| part * power).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(10.0 * power);
    let (first, last) = ((least / step).ceil() as i64, (most / step).floor() as i64);
    (first..=last).map(|at| at as f64 * step).collect()
}

/// A mark in words, without digits that say nothing.
pub fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Rounds a coordinate to a tenth of a pixel.
pub fn short(coordinate: f64) -> f64 {
    (coordinate * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_has_round_marks() {
        assert_eq!(ticks(0.0, 8.0, 4.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(ticks(0.0, 109.0, 4.0), [0.0, 50.0, 100.0]);
        assert_eq!(ticks(0.93, 1.28, 4.0).into_iter().map(label).collect::<Vec<_>>(), ["1", "1.1", "1.2"]);
    }
}
