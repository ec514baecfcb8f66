//! How the screen is drawn.

use super::columns::{COLUMNS, Column};
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
    let widths = COLUMNS.map(|(column, head)| match column {
        Column::Program => Constraint::Fill(1),
        _ => Constraint::Length(head.len().max(8) as u16),
    });
    let heads = COLUMNS.map(|(column, head)| marked(head, column == view.sort, view.is_reversed));
    screen(
        frame,
        &Screen {
            title: title(shown.len(), rows.hidden()),
            heads: heads.to_vec(),
            widths: widths.to_vec(),
            rows: shown.iter().map(|row| COLUMNS.map(|(column, _)| row.cell(column)).to_vec()).collect(),
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
