//! Draws `docs/compatibility.svg`: how many answers each program loses, without softclose and
//! with it. Programs that lose none either way are only counted.

use super::page::Entry;
use crate::picture::{FAINT, GRID, LETTER, WITH, WITHOUT, bar, canvas, label, line, words};
use std::path::Path;
use svg::Document;

/// The bars are in so many columns beside each other.
const COLUMNS: usize = 2;
const ROW: f64 = 17.0;
const HEAD: f64 = 92.0;
const FOOT: f64 = 34.0;
/// The length of a bar of 100 %.
const FULL: f64 = 230.0;
/// The height of a bar; a row has two.
const THICK: f64 = 5.0;
/// Room beside the columns: at the right, half of the words `100 %` too.
const MARGIN: f64 = 24.0;

/// One program of the picture.
struct Bars {
    title: String,
    /// The percentage of its answers that were lost without softclose and with it.
    lost: [f64; 2],
}

/// Draws the chart.
///
/// # Errors
/// The file could not be written.
pub fn draw(entries: &[Entry], path: &Path) -> std::io::Result<()> {
    let (mut bars, others): (Vec<Bars>, Vec<Bars>) =
        entries.iter().filter_map(bars_of).partition(|bars| bars.lost != [0.0, 0.0]);
    bars.sort_by(|one, other| other.lost[0].total_cmp(&one.lost[0]).then_with(|| one.title.cmp(&other.title)));
    svg::save(path, &picture(&bars, others.len()))
}

fn bars_of((row, found): &Entry) -> Option<Bars> {
    let lost = found.as_ref().ok()?.lost();
    let percent = |(lost, all): (usize, usize)| (all > 0).then(|| 100.0 * lost as f64 / all as f64);
    let mark = if row.out_of_reach.is_some() { " *" } else { "" };
    Some(Bars { title: format!("{}{mark}", row.title), lost: [percent(lost[0])?, percent(lost[1])?] })
}

fn picture(bars: &[Bars], others: usize) -> Document {
    let longest = bars.iter().map(|bars| bars.title.chars().count()).max().unwrap_or(0);
    let names = longest as f64 * LETTER;
    let column = MARGIN + names + FULL + MARGIN;
    let rows = bars.len().div_ceil(COLUMNS).max(1);
    let (width, height) = (column * COLUMNS as f64, HEAD + rows as f64 * ROW + FOOT);
    let mut document = head(canvas(width, height), others);
    for (at, part) in bars.chunks(rows).enumerate() {
        let zero = at as f64 * column + MARGIN + names;
        document = axis(document, zero, HEAD + rows as f64 * ROW);
        for (row, bars) in part.iter().enumerate() {
            document = draw_row(document, zero, HEAD + row as f64 * ROW, bars);
        }
    }
    document
}

fn head(document: Document, others: usize) -> Document {
    let title = words(MARGIN, 24.0, "start", "black", "Answers lost, in percent of those asked for");
    let rest = format!(
        "{others} more programs lost no answer, neither without softclose nor with it. They are in the tables only."
    );
    let reach =
        "* Out of reach of softclose: it changes nothing there. Where green is longer than red, that is chance.";
    document
        .add(title.set("font-size", 15).set("font-weight", "bold"))
        .add(bar((MARGIN + 400.0, 15.0), (14.0, 9.0), WITHOUT))
        .add(words(MARGIN + 420.0, 24.0, "start", "black", "without softclose"))
        .add(bar((MARGIN + 550.0, 15.0), (14.0, 9.0), WITH))
        .add(words(MARGIN + 570.0, 24.0, "start", "black", "with softclose (no bar: nothing lost)"))
        .add(words(MARGIN, 46.0, "start", "black", &rest))
        .add(words(MARGIN, 64.0, "start", "black", reach))
}

fn axis(mut document: Document, zero: f64, bottom: f64) -> Document {
    for percent in [0.0, 25.0, 50.0, 75.0, 100.0] {
        let x = zero + FULL * percent / 100.0;
        document = document.add(line((x, HEAD - 4.0), (x, bottom), GRID, 1.0)).add(words(
            x,
            bottom + 16.0,
            "middle",
            FAINT,
            &format!("{} %", label(percent)),
        ));
    }
    document
}

fn draw_row(mut document: Document, zero: f64, top: f64, bars: &Bars) -> Document {
    document = document.add(words(zero - 6.0, top + 10.0, "end", "black", &bars.title));
    for ((lost, color), at) in bars.lost.iter().zip([WITHOUT, WITH]).zip([0.0, 1.0]) {
        if *lost > 0.0 {
            document = document.add(bar((zero, top + 2.0 + at * THICK), (FULL * lost / 100.0, THICK), color));
        }
    }
    document
}
