//! Draws `docs/soak.svg`: a row for each program, a graph for each figure over time.

use crate::sample::{FIGURES, Figure, Series};
use shim_tests::shim::Shim;
use softclose_lab::picture::{FAINT, GRID, WITH, WITHOUT, canvas, label, line, short, ticks, words};
use std::path::Path;
use svg::Document;
use svg::node::element::Polyline;

const CELL: (f64, f64) = (290.0, 210.0);
/// The room around a graph in its cell: left, top, right, bottom.
const ROOM: (f64, f64, f64, f64) = (52.0, 34.0, 14.0, 40.0);
const HEAD: f64 = 30.0;

/// Draws the chart of all series, which come in pairs: without softclose and with it.
///
/// # Errors
/// The file could not be written.
pub fn draw(series: &[Series], path: &Path) -> std::io::Result<()> {
    let rows = series.len() / 2;
    let mut document = legend(canvas(CELL.0 * FIGURES.len() as f64, HEAD + CELL.1 * rows as f64));
    for (row, pair) in series.chunks(2).enumerate() {
        for (column, figure) in FIGURES.into_iter().enumerate() {
            let corner = (CELL.0 * column as f64, HEAD + CELL.1 * row as f64);
            document = graph(document, corner, pair, figure);
        }
    }
    svg::save(path, &document)
}

fn legend(document: Document) -> Document {
    document
        .add(line((20.0, 16.0), (44.0, 16.0), WITHOUT, 2.0))
        .add(words(50.0, 20.0, "start", "black", "without softclose"))
        .add(line((180.0, 16.0), (204.0, 16.0), WITH, 2.0))
        .add(words(210.0, 20.0, "start", "black", "with softclose"))
}

fn graph(document: Document, corner: (f64, f64), pair: &[Series], (name, figure): Figure) -> Document {
    let plane = Plane::of(corner, pair, figure);
    let title = format!("{}: {name}", pair[0].title);
    let mut document = document.add(words(corner.0 + 20.0, plane.top - 12.0, "start", "black", &title));
    document = plane.draw(document);
    for series in pair {
        let color = if series.shim == Shim::Native { WITHOUT } else { WITH };
        let points = series.samples.iter().map(|sample| plane.at(sample.at / 60.0, figure(sample)));
        let points: Vec<_> = points.map(|(x, y)| format!("{},{}", short(x), short(y))).collect();
        let curve = Polyline::new().set("points", points.join(" ")).set("fill", "none");
        document = document.add(curve.set("stroke", color).set("stroke-width", 1));
    }
    document
}

/// The plane of one graph, with its place in the picture and what its axes end at.
struct Plane {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    minutes: f64,
    most: f64,
}

impl Plane {
    fn of((left, top): (f64, f64), pair: &[Series], figure: fn(&crate::sample::Sample) -> f64) -> Self {
        let minutes = pair.iter().map(|series| series.last().at).fold(1.0, f64::max) / 60.0;
        let most = pair.iter().map(|series| series.most(0.0, 1.0, figure)).fold(1.0, f64::max) * 1.1;
        let (right, bottom) = (left + CELL.0 - ROOM.2, top + CELL.1 - ROOM.3);
        Self { left: left + ROOM.0, right, top: top + ROOM.1, bottom, minutes, most }
    }

    fn at(&self, minutes: f64, value: f64) -> (f64, f64) {
        let x = self.left + (self.right - self.left) * minutes / self.minutes;
        (x, self.bottom - (self.bottom - self.top) * value / self.most)
    }

    /// Draws the axes, with marks at whole numbers.
    fn draw(&self, mut document: Document) -> Document {
        for minute in whole(self.minutes) {
            let (x, y) = self.at(minute, 0.0);
            document = document.add(words(x, y + 15.0, "middle", FAINT, &label(minute)));
        }
        for value in whole(self.most) {
            let (x, y) = self.at(0.0, value);
            document = document.add(line((x, y), (self.right, y), GRID, 1.0)).add(words(
                x - 6.0,
                y + 4.0,
                "end",
                FAINT,
                &label(value),
            ));
        }
        let middle = (self.left + self.right) / 2.0;
        document.add(words(middle, self.bottom + 30.0, "middle", FAINT, "minutes"))
    }
}

/// Whole numbers from 0 to `most`, at even distances.
fn whole(most: f64) -> Vec<f64> {
    ticks(0.0, most, most.min(5.0)).into_iter().filter(|mark| mark.fract() == 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_whole_numbers() {
        assert_eq!(whole(3.2), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(whole(8.0), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(whole(1.1), [0.0, 1.0]);
    }
}
