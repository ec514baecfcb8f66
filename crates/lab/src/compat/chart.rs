//! Draws `docs/compatibility.svg`: how many responses each program loses, without softclose and
//! with it.

use super::page::Entry;
use plotters::prelude::*;
use std::error::Error;

const BAR: u32 = 22;
const WIDTH: u32 = 960;
const BEFORE: RGBColor = RGBColor(0xc0, 0x39, 0x2b);
const AFTER: RGBColor = RGBColor(0x1e, 0x84, 0x49);

/// The title of a program, and the percentage of its responses that were lost without softclose and
/// with it.
type Bars = (String, [f64; 2]);

/// Draws the chart of all programs for which something was measured.
///
/// # Errors
/// What the drawing library says.
pub fn draw(entries: &[Entry], path: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let mut bars: Vec<Bars> = entries.iter().filter_map(bars).collect();
    bars.sort_by(|one, other| one.1[0].total_cmp(&other.1[0]).then_with(|| other.0.cmp(&one.0)));
    let rows = u32::try_from(bars.len())?;
    let root = SVGBackend::new(path, (WIDTH, rows * BAR + 100)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Responses lost, in percent of those asked for", ("sans-serif", 18))
        .margin(10)
        .set_label_area_size(LabelAreaPosition::Left, 170)
        .set_label_area_size(LabelAreaPosition::Bottom, 36)
        .build_cartesian_2d(0.0..100.0, (0..rows).into_segmented())?;
    let name = |at: &SegmentValue<u32>| match at {
        SegmentValue::CenterOf(row) => bars.get(*row as usize).map_or(String::new(), |(title, _)| title.clone()),
        _ => String::new(),
    };
    let mesh = &mut chart.configure_mesh();
    mesh.disable_y_mesh().y_labels(bars.len()).y_label_formatter(&name).label_style(("sans-serif", 12)).draw()?;
    for (which, (label, color, top)) in
        [("without softclose", BEFORE, 3), ("with softclose", AFTER, 11)].into_iter().enumerate()
    {
        let series = bars.iter().enumerate().map(|(row, (_, lost))| {
            let row = u32::try_from(row).expect("a few dozen");
            let corners = [(0.0, SegmentValue::Exact(row)), (lost[which].max(0.4), SegmentValue::Exact(row + 1))];
            let mut bar = Rectangle::new(corners, color.filled());
            bar.set_margin(top, 14 - top, 0, 0);
            bar
        });
        let legend = move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled());
        chart.draw_series(series)?.label(label).legend(legend);
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::LowerRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()?;
    root.present()?;
    Ok(())
}

fn bars((row, found): &Entry) -> Option<Bars> {
    let lost = found.as_ref().ok()?.lost();
    let percent = |(lost, all): (usize, usize)| (all > 0).then(|| 100.0 * lost as f64 / all as f64);
    Some((row.title.clone(), [percent(lost[0])?, percent(lost[1])?]))
}
