//! A chart for each measure: every round of every ratio a point, and the goals.
//!
//! The axis is logarithmic: half and double are equally far from 1, and a point far out does not
//! squeeze the others.

use crate::measurement::{Figure, Goal, Measurement};
use softclose_lab::picture::{FAINT, GRID, LETTER, bar, canvas, label, line, point, short, ticks, words};
use std::path::Path;
use svg::Document;
use svg::node::element::Polygon;

/// The length of the axis.
const AXIS: f64 = 600.0;
const BAND: f64 = 36.0;
const HEAD: f64 = 62.0;
const FOOT: f64 = 44.0;
const MARGIN: f64 = 24.0;
const POINT: &str = "#1f618d";
const MEDIAN: &str = "#17202a";
const REQUIRED: &str = "#c0392b";
const AIM: &str = "#1e8449";

/// The marks of an axis that is too long for even steps, in each power of ten.
const STEPS: [f64; 3] = [1.0, 2.0, 5.0];

/// Draws the ratios of a measurement. Answers false if it has none.
///
/// # Errors
/// The file could not be written.
pub fn draw(measurement: &Measurement, path: &Path) -> std::io::Result<bool> {
    let figures: Vec<_> = measurement.figures.iter().filter(|figure| figure.unit.is_empty()).collect();
    if figures.is_empty() {
        return Ok(false);
    }
    svg::save(path, &picture(&figures))?;
    Ok(true)
}

fn picture(figures: &[&Figure]) -> Document {
    let longest = figures.iter().map(|figure| name(figure).chars().count()).max().unwrap_or(0);
    let axis = Axis::of(figures, MARGIN + longest as f64 * LETTER + 8.0);
    let bottom = HEAD + figures.len() as f64 * BAND;
    let width = axis.left + AXIS + MARGIN;
    let mut document = scale(legend(canvas(width, bottom + FOOT)), &axis, bottom);
    for (band, figure) in figures.iter().enumerate() {
        document = draw_figure(document, &axis, HEAD + band as f64 * BAND, figure);
    }
    document
}

fn name(figure: &Figure) -> String {
    figure.what.replace('`', "")
}

/// The legend, in two lines above the chart.
fn legend(document: Document) -> Document {
    let said = |x, y, text: &str| words(x, y, "start", "black", text);
    let (one, two) = (18.0, 40.0);
    document
        .add(point(MARGIN, one - 4.0, POINT))
        .add(said(MARGIN + 10.0, one, "one round"))
        .add(line((MARGIN + 100.0, one - 4.0), (MARGIN + 124.0, one - 4.0), MEDIAN, 2.0))
        .add(line((MARGIN + 112.0, one - 11.0), (MARGIN + 112.0, one + 3.0), MEDIAN, 2.0))
        .add(said(MARGIN + 132.0, one, "median, between the quartiles"))
        .add(line((MARGIN + 340.0, one - 11.0), (MARGIN + 340.0, one + 3.0), FAINT, 1.5))
        .add(said(MARGIN + 348.0, one, "1: no difference from what it is compared with"))
        .add(bar((MARGIN - 1.0, two - 11.0), (2.5, 14.0), REQUIRED))
        .add(said(MARGIN + 10.0, two, "required"))
        .add(bar((MARGIN + 99.0, two - 11.0), (2.5, 14.0), AIM))
        .add(said(MARGIN + 110.0, two, "aim; the arrow of a goal points to what reaches it"))
}

/// The axis, with a line for each mark, and one for 1.
fn scale(mut document: Document, axis: &Axis, bottom: f64) -> Document {
    for mark in axis.marks() {
        let x = axis.at(mark);
        document = document.add(line((x, HEAD), (x, bottom), GRID, 1.0)).add(words(
            x,
            bottom + 16.0,
            "middle",
            FAINT,
            &label(mark),
        ));
    }
    let one = axis.at(1.0);
    let title = words(axis.left + AXIS / 2.0, bottom + 34.0, "middle", FAINT, "ratio, on a logarithmic axis");
    document.add(line((one, HEAD), (one, bottom), FAINT, 1.5)).add(title)
}

fn draw_figure(document: Document, axis: &Axis, top: f64, figure: &Figure) -> Document {
    let middle = top + BAND / 2.0;
    let mut document = document.add(words(axis.left - 12.0, middle + 4.0, "end", "black", &name(figure)));
    for value in &figure.points {
        document = document.add(point(axis.at(*value), middle, POINT));
    }
    let spread = figure.spread();
    let [lower, median, upper] = [spread.lower, spread.median, spread.upper].map(|value| axis.at(value));
    document = document.add(line((lower, middle), (upper, middle), MEDIAN, 2.0)).add(line(
        (median, middle - 10.0),
        (median, middle + 10.0),
        MEDIAN,
        2.0,
    ));
    document = draw_goal(document, axis, top, figure.required, REQUIRED);
    draw_goal(document, axis, top, figure.aim, AIM)
}

/// Draws a goal as a line, with an arrow at its top that points to what reaches it.
fn draw_goal(document: Document, axis: &Axis, top: f64, goal: Option<Goal>, color: &str) -> Document {
    let Some(goal) = goal else { return document };
    let (x, y) = (axis.at(goal.value()), top + 5.0);
    let tip = if matches!(goal, Goal::AtMost(_)) { x - 7.0 } else { x + 7.0 };
    let corners = format!("{},{} {},{} {},{}", short(x), y - 4.0, short(x), y + 4.0, short(tip), y);
    document
        .add(line((x, top + 1.0), (x, top + BAND - 1.0), color, 2.0))
        .add(Polygon::new().set("points", corners).set("fill", color))
}

/// A logarithmic axis.
struct Axis {
    /// Where it begins in the picture.
    left: f64,
    least: f64,
    most: f64,
}

impl Axis {
    /// An axis that shows every point, every goal and 1, with a little room.
    fn of(figures: &[&Figure], left: f64) -> Self {
        let goals = figures.iter().flat_map(|figure| [figure.required, figure.aim]).flatten().map(Goal::value);
        let points = figures.iter().flat_map(|figure| figure.points.iter().copied());
        let shown = points.chain(goals).chain([1.0]);
        let (least, most) =
            shown.fold((f64::MAX, f64::MIN), |(least, most), value| (least.min(value), most.max(value)));
        let room = (most / least).max(1.02).powf(0.04);
        Self { left, least: least / room, most: most * room }
    }

    fn at(&self, value: f64) -> f64 {
        self.left + AXIS * (value / self.least).ln() / (self.most / self.least).ln()
    }

    fn marks(&self) -> Vec<f64> {
        if self.most / self.least < 4.0 {
            return ticks(self.least, self.most, 6.0);
        }
        let powers = (-3..6).flat_map(|power| STEPS.map(|step| step * 10f64.powi(power)));
        powers.filter(|mark| (self.least..=self.most).contains(mark)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_double_are_equally_far_from_one() {
        let figure = Figure::ratio("", "", vec![0.5, 40.0]).must(Goal::AtMost(1.5));
        let axis = Axis::of(&[&figure], 100.0);
        assert!((axis.at(1.0) - axis.at(0.5) - (axis.at(2.0) - axis.at(1.0))).abs() < 1e-6);
        assert!(axis.at(0.5) > 100.0 && axis.at(40.0) < 100.0 + AXIS);
        assert_eq!(axis.marks(), [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]);
    }
}
