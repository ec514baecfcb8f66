//! A chart for each measure: every round of every ratio a point, and what must be reached.

use crate::measurement::{Figure, Goal, Measurement};
use plotters::prelude::*;
use std::error::Error;
use std::path::Path;

const WIDTH: u32 = 1040;
const BAND: u32 = 44;
const POINT: RGBColor = RGBColor(0x1f, 0x61, 0x8d);
const MEDIAN: RGBColor = RGBColor(0x17, 0x20, 0x2a);
const REQUIRED: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
const AIM: RGBColor = RGBColor(0x1e, 0x84, 0x49);

/// Draws the ratios of a measurement. Answers false if it has none.
///
/// # Errors
/// What the drawing library says.
pub fn draw(measurement: &Measurement, path: &Path) -> Result<bool, Box<dyn Error>> {
    // The first one is to be at the top.
    let figures: Vec<_> = measurement.figures.iter().rev().filter(|figure| figure.unit.is_empty()).collect();
    if figures.is_empty() {
        return Ok(false);
    }
    let bands = u32::try_from(figures.len())?;
    let root = SVGBackend::new(path, (WIDTH, bands * BAND + 90)).into_drawing_area();
    root.fill(&WHITE)?;
    let (from, to) = range(&figures);
    // A range of one segment is none to the library.
    let last_band = (bands - 1).max(1);
    let mut chart = ChartBuilder::on(&root)
        .caption("ratio to the bare arm, a point a round; red: required, green: aim", ("sans-serif", 13))
        .margin(8)
        .set_label_area_size(LabelAreaPosition::Left, 380)
        .set_label_area_size(LabelAreaPosition::Bottom, 28)
        .build_cartesian_2d(from..to, (0..last_band).into_segmented())?;
    let name = |at: &SegmentValue<u32>| match at {
        SegmentValue::CenterOf(band) => {
            figures.get(*band as usize).map_or(String::new(), |figure| figure.what.replace('`', ""))
        }
        _ => String::new(),
    };
    let mesh = &mut chart.configure_mesh();
    mesh.disable_y_mesh()
        .light_line_style(WHITE)
        .y_labels(figures.len())
        .y_label_formatter(&name)
        .label_style(("sans-serif", 11))
        .draw()?;
    for (band, figure) in (0..).zip(&figures) {
        let at = |value: f64| (value, SegmentValue::CenterOf(band));
        let points = figure.points.iter().map(|&value| Circle::new(at(value), 3, POINT.mix(0.5).filled()));
        chart.draw_series(points)?;
        let spread = figure.spread();
        let ends = [(spread.lower, SegmentValue::CenterOf(band)), (spread.upper, SegmentValue::CenterOf(band))];
        chart.draw_series([PathElement::new(ends.to_vec(), MEDIAN.stroke_width(2))])?;
        chart.draw_series(upright(band, spread.median, MEDIAN))?;
        chart.draw_series(marks(band, figure.required, REQUIRED))?;
        chart.draw_series(marks(band, figure.aim, AIM))?;
    }
    root.present()?;
    Ok(true)
}

/// The coordinates of the chart.
type Coordinate = (f64, SegmentValue<u32>);

fn marks(band: u32, goal: Option<Goal>, color: RGBColor) -> Option<PathElement<Coordinate>> {
    goal.and_then(|goal| upright(band, goal.value(), color))
}

fn upright(band: u32, value: f64, color: RGBColor) -> Option<PathElement<Coordinate>> {
    let ends = vec![(value, SegmentValue::Exact(band)), (value, SegmentValue::Exact(band + 1))];
    Some(PathElement::new(ends, color.stroke_width(2)))
}

/// The range of the axis: every point, every goal and 1, with a little room.
fn range(figures: &[&Figure]) -> (f64, f64) {
    let goals = figures.iter().flat_map(|figure| [figure.required, figure.aim]).flatten().map(Goal::value);
    let shown: Vec<_> =
        figures.iter().flat_map(|figure| figure.points.iter().copied()).chain(goals).chain([1.0]).collect();
    let (least, most) =
        shown.iter().fold((f64::MAX, f64::MIN), |(least, most), &value| (least.min(value), most.max(value)));
    let room = (most - least).max(0.02) * 0.05;
    (least - room, most + room)
}
