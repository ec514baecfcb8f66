//! How the screen is drawn.

use super::columns::{Column, fitting};
use super::keys::View;
use super::rows::Rows;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Style, Stylize};
use ratatui::text::Line;
use ratatui::widgets::{Row, Table};

/// Draws the whole screen.
pub fn draw(frame: &mut Frame<'_>, view: &View, rows: &Rows) {
    let shown = rows.shown(view);
    let columns = fitting(frame.area().width);
    let widths = columns.iter().map(|&(column, _)| match column {
        Column::Program => Constraint::Fill(1),
        column => Constraint::Length(column.width()),
    });
    let heads = columns.iter().map(|&(column, head)| marked(head, column == view.sort, view.is_reversed));
    screen(
        frame,
        &Screen {
            title: title(shown.len(), rows.hidden()),
            heads: heads.collect(),
            widths: widths.collect(),
            rows: shown.iter().map(|row| columns.iter().map(|&(column, _)| row.cell(column)).collect()).collect(),
            hint: hint(view, "q quit  s < > sort  r reverse  / filter"),
        },
    );
}

/// What is on a screen with a table.
pub struct Screen {
    /// The first line.
    pub title: String,
    /// The heads of the columns.
    pub heads: Vec<String>,
    /// The widths of the columns.
    pub widths: Vec<Constraint>,
    /// The rows.
    pub rows: Vec<Vec<String>>,
    /// The last line.
    pub hint: String,
}

/// Draws a screen with a table.
pub fn screen(frame: &mut Frame<'_>, screen: &Screen) {
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(2), Constraint::Length(1)]).areas(frame.area());
    frame.render_widget(Line::from(screen.title.as_str()).bold(), head);
    let heads = Row::new(screen.heads.iter().map(String::as_str)).style(Style::new().reversed());
    let rows = screen.rows.iter().map(|row| Row::new(row.iter().map(String::as_str)));
    frame.render_widget(Table::new(rows, screen.widths.iter().copied()).header(heads), body);
    frame.render_widget(Line::from(screen.hint.as_str()), foot);
}

fn title(programs: usize, hidden: usize) -> String {
    let more = if hidden == 0 { String::new() } else { format!(", {hidden} more cannot be read") };
    format!("softclose: {programs} programs{more}")
}

fn marked(head: &str, is_sorted: bool, is_reversed: bool) -> String {
    match (is_sorted, is_reversed) {
        (false, _) => head.to_owned(),
        (true, false) => format!("{head}v"),
        (true, true) => format!("{head}^"),
    }
}

/// The last line: the keys, or the filter while it is typed.
pub fn hint(view: &View, keys: &str) -> String {
    if view.is_typing {
        return format!("filter: {}_", view.filter);
    }
    let filter = if view.filter.is_empty() { String::new() } else { format!("  filter: {} (Esc clears)", view.filter) };
    format!("{keys}{filter}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    /// The line with the heads, and that of the first program, on a screen of this width.
    fn screen(width: u16) -> [String; 2] {
        let mut terminal = Terminal::new(TestBackend::new(width, 6)).unwrap();
        terminal.draw(|frame| draw(frame, &View::default(), &Rows::of_one(4_194_304, "postgres", u64::MAX))).unwrap();
        let buffer = terminal.backend().buffer();
        [1, 2].map(|y| (0..width).map(|x| buffer[(x, y)].symbol()).collect())
    }

    /// At 80 columns there was no PROGRAM, at 60 to 70 no PID, and two columns were called DRAINS.
    #[test]
    fn pid_and_program_are_on_every_screen_and_no_head_is_cut_off() {
        for width in 60..=130 {
            let [heads, row] = screen(width);
            assert!(heads.starts_with("PID     PROGRAM ") && row.starts_with("4194304 postgres "), "{heads}\n{row}");
            let whole =
                |head: &str| super::super::columns::COLUMNS.iter().any(|(_, name)| *name == head.trim_end_matches('v'));
            assert!(heads.split_ascii_whitespace().all(whole), "{heads}");
            let numbers = row.split_ascii_whitespace().skip(2);
            assert!(numbers.into_iter().all(|number| matches!(number, "18447P" | "16.0E")), "{row}");
            assert_eq!(heads.split_ascii_whitespace().count(), row.split_ascii_whitespace().count(), "{heads}\n{row}");
        }
    }
}
