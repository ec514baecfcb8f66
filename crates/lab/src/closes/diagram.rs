//! Draws `docs/closes/*.svg`: what went over the wire, from the captured packets.
//!
//! Two panels each, for the two peers that tell the strategies apart. From top to
//! bottom is the order of time, not its measure: the times are in the margin. Data
//! between two events is one arrow, and mere acknowledgements are left out.

use super::case::Case;
use super::format;
use super::measure::Run;
use super::packet::End;
use super::scenario::Scenario;
use super::subject::Subject;
use std::io;
use std::path::Path;
use svg::Document;
use svg::node::element::{Line, Polygon, Rectangle, Text};

/// The panels, from left to right.
const PANELS: [Scenario; 2] = [Scenario::Uploads, Scenario::Later];

const WIDTH: u32 = 570;
const HEAD: u32 = 78;
const ROW: u32 = 30;
const FOOT: u32 = 74;
/// The horizontal places of the two life lines within a panel.
const LIVES: [u32; 2] = [240, 460];
/// The note below every picture.
const NOTE: &str =
    "Time runs downwards and is not to scale. At the left of each row: milliseconds since the program began its close.";

const DATA: &str = "#34607f";
const FIN: &str = "#1e8449";
const RESET: &str = "#c0392b";
const FAINT: &str = "#777777";

/// One row of the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    time: i128,
    what: What,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    /// Something that happened in the program.
    Event(String),
    Data {
        from: End,
        bytes: usize,
    },
    Fin {
        from: End,
        count: usize,
    },
    Reset {
        from: End,
        count: usize,
    },
}

/// The Markdown that shows the pictures in the page.
pub fn gallery() -> String {
    let mut text =
        "\n## On the wire\n\nThe pictures are drawn from the captured packets. The program is the server and the link has no delay. One \
         arrow stands for all data that was sent between two events, with its retransmissions. *private descriptor \
         closed*: the descriptor by which softclose held the connection after the program's `close` is gone; the \
         time is that of the first look that found it so.\n"
            .to_owned();
    for subject in Subject::main() {
        let file = file(&subject);
        text.push_str(&format!("\n![{}: what went over the wire](closes/{file})\n", subject.name));
    }
    text
}

/// Draws the native close and every strategy into `directory`.
///
/// # Errors
/// A file could not be written.
pub fn draw_all(runs: &[Run], directory: &Path) -> io::Result<()> {
    std::fs::create_dir_all(directory)?;
    for subject in Subject::main() {
        let panels: Vec<&Run> = PANELS
            .iter()
            .filter_map(|scenario| runs.iter().find(|run| run.case == Case::new(subject, *scenario)))
            .collect();
        if !panels.is_empty() {
            svg::save(directory.join(file(&subject)), &draw(&panels))?;
        }
    }
    Ok(())
}

fn file(subject: &Subject) -> String {
    format!("{}.svg", subject.strategy.unwrap_or("native"))
}

fn draw(runs: &[&Run]) -> Document {
    let all: Vec<Vec<Row>> = runs.iter().map(|run| rows(run)).collect();
    let longest = all.iter().map(Vec::len).max().unwrap_or(0) as u32;
    let (width, height) = (WIDTH * runs.len() as u32, HEAD + longest * ROW + FOOT);
    let mut document = Document::new()
        .set("viewBox", (0, 0, width, height))
        .set("width", width)
        .set("height", height)
        .set("font-family", "sans-serif")
        .set("font-size", 12)
        .add(Rectangle::new().set("width", width).set("height", height).set("fill", "white"));
    for (at, (run, rows)) in runs.iter().zip(&all).enumerate() {
        document = panel(document, at as u32 * WIDTH, height, run, rows);
    }
    document.add(text(width / 2, height - 10, "middle", FAINT, NOTE))
}

fn panel(document: Document, left: u32, height: u32, run: &Run, rows: &[Row]) -> Document {
    let title = format!("{}; the peer {}", run.case.subject.name, run.case.scenario.name());
    let title = text(left + WIDTH / 2, 24, "middle", "black", &title).set("font-size", 14).set("font-weight", "bold");
    let mut document = document.add(title);
    for (end, x) in End::BOTH.into_iter().zip(LIVES) {
        let line =
            Line::new().set("x1", left + x).set("x2", left + x).set("y1", HEAD - 18).set("y2", height - FOOT + 8);
        document =
            document.add(line.set("stroke", FAINT)).add(text(left + x, HEAD - 26, "middle", "black", end.name()));
        let kept = run.kept_by(end).map_or("nothing stays".to_owned(), format::state);
        document = document.add(text(left + x, height - FOOT + 26, "middle", "black", &kept));
    }
    for (at, row) in rows.iter().enumerate() {
        document = draw_row(document, left, HEAD + at as u32 * ROW + ROW / 2, run, row);
    }
    let read = format!("read {} bytes, then {}", format::bytes(run.report.received), format::ending(run.ending()));
    document.add(text(left + LIVES[1], height - FOOT + 44, "middle", "black", &read))
}

fn draw_row(document: Document, left: u32, y: u32, run: &Run, row: &Row) -> Document {
    let document = document.add(text(left + 70, y + 4, "end", FAINT, &clock(run.timing.began, row.time)));
    let several = |name: &str, count: usize| if count > 1 { format!("{name} ×{count}") } else { name.to_owned() };
    match &row.what {
        What::Event(label) => document.add(text(left + LIVES[0] - 8, y + 4, "end", "black", label)),
        What::Data { from, bytes } => {
            arrow(document, left, y, *from, DATA, &format!("{} bytes", format::bytes(*bytes)))
        }
        What::Fin { from, count } => arrow(document, left, y, *from, FIN, &several("FIN", *count)),
        What::Reset { from, count } => arrow(document, left, y, *from, RESET, &several("RST", *count)),
    }
}

/// The time in milliseconds, counted from the beginning of the close.
fn clock(zero: i128, time: i128) -> String {
    let tenths = (time - zero) / 100_000;
    format!("{}{}.{} ms", if tenths < 0 { "−" } else { "" }, tenths.abs() / 10, tenths.abs() % 10)
}

fn arrow(document: Document, left: u32, y: u32, from: End, color: &str, label: &str) -> Document {
    let (start, end) = match from {
        End::Program => (left + LIVES[0], left + LIVES[1]),
        End::Peer => (left + LIVES[1], left + LIVES[0]),
    };
    let back = if from == End::Program { end - 9 } else { end + 9 };
    let head = format!("{end},{y} {back},{} {back},{}", y - 4, y + 4);
    document
        .add(
            Line::new()
                .set("x1", start)
                .set("x2", end)
                .set("y1", y)
                .set("y2", y)
                .set("stroke", color)
                .set("stroke-width", 1.5),
        )
        .add(Polygon::new().set("points", head).set("fill", color))
        .add(text(left + (LIVES[0] + LIVES[1]) / 2, y - 5, "middle", color, label))
}

fn text(x: u32, y: u32, anchor: &str, color: &str, words: &str) -> Text {
    Text::new(words).set("x", x).set("y", y).set("text-anchor", anchor).set("fill", color)
}

/// The rows of a run: its events, and the data between them.
fn rows(run: &Run) -> Vec<Row> {
    let mut marks = marks(run);
    marks.sort_by_key(|mark| mark.time);
    let mut rows = Vec::new();
    let mut since = i128::MIN;
    for mark in marks {
        rows.extend(data(run, since, mark.time));
        since = mark.time;
        add(&mut rows, mark);
    }
    rows.extend(data(run, since, i128::MAX));
    rows
}

/// The rows of what happened in the program, and of each FIN and RST.
fn marks(run: &Run) -> Vec<Row> {
    let timing = &run.timing;
    let mut marks =
        vec![Row { time: timing.began, what: What::Event(format!("close: {}", format::duration(run.took()))) }];
    if timing.looks > 1 {
        marks.push(Row { time: timing.let_go, what: What::Event("private descriptor closed".to_owned()) });
    }
    for packet in run.packets.iter() {
        let (from, count) = (packet.from, 1);
        if packet.fin {
            marks.push(Row { time: packet.time, what: What::Fin { from, count } });
        }
        if packet.rst {
            marks.push(Row { time: packet.time, what: What::Reset { from, count } });
        }
    }
    marks
}

/// Adds a row. If it equals the row before it, that one is counted twice instead.
fn add(rows: &mut Vec<Row>, row: Row) {
    match (rows.last_mut().map(|last| &mut last.what), &row.what) {
        (Some(What::Fin { from: last, count }), What::Fin { from, .. }) if last == from => *count += 1,
        (Some(What::Reset { from: last, count }), What::Reset { from, .. }) if last == from => *count += 1,
        _ => rows.push(row),
    }
}

/// The rows of the data sent after `since` and up to `until`: one for each direction, at the time
/// of its last packet.
fn data(run: &Run, since: i128, until: i128) -> Vec<Row> {
    let of = |from: End| {
        let all = run.packets.iter().filter(|packet| packet.from == from && packet.payload > 0);
        let packets = all.filter(|packet| packet.time > since && packet.time <= until);
        let (time, bytes) = packets.fold((0, 0), |(_, bytes), packet| (packet.time, bytes + packet.payload));
        (bytes > 0).then_some(Row { time, what: What::Data { from, bytes } })
    };
    let mut rows: Vec<Row> = End::BOTH.into_iter().filter_map(of).collect();
    rows.sort_by_key(|row| row.time);
    rows
}
