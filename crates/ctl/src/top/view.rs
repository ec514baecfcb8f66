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
    let [head, body, foot] =
        Layout::vertical([Constraint::Length(1), Constraint::Min(2), Constraint::Length(1)]).areas(frame.area());
    let shown = rows.shown(view);
    frame.render_widget(Line::from(title(shown.len(), rows.hidden())).bold(), head);
    let lines = shown.iter().map(|row| Row::new(COLUMNS.map(|(column, _)| row.cell(column))));
    let widths = COLUMNS.map(|(column, head)| match column {
        Column::Program => Constraint::Fill(1),
        _ => Constraint::Length(head.len().max(8) as u16),
    });
    let heads = Row::new(COLUMNS.map(|(column, head)| marked(head, column == view.sort, view.is_reversed)));
    frame.render_widget(Table::new(lines, widths).header(heads.style(Style::new().reversed())), body);
    frame.render_widget(Line::from(hint(view)), foot);
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

fn hint(view: &View) -> String {
    if view.is_typing {
        return format!("filter: {}_", view.filter);
    }
    let filter = if view.filter.is_empty() { String::new() } else { format!("  filter: {} (Esc clears)", view.filter) };
    format!("q quit  s < > sort  r reverse  / filter{filter}")
}
