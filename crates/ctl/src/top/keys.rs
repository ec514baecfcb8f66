//! What a key does.

use super::columns::Column;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// How the table is sorted and filtered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The column by which rows are sorted.
    pub sort: Column,
    /// Whether the rows are in reverse order.
    pub is_reversed: bool,
    /// Only rows with this text in their program or pid are shown.
    pub filter: String,
    /// Whether keys are typed into the filter.
    pub is_typing: bool,
}

/// What to do after a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Go on.
    GoOn,
    /// Leave `top`.
    Quit,
}

impl View {
    /// Does what a key stands for.
    pub fn press(&mut self, key: KeyEvent) -> Next {
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => Next::Quit,
            KeyCode::Char(_) if key.modifiers.contains(KeyModifiers::CONTROL) => Next::GoOn,
            code if self.is_typing => self.type_in(code),
            code => self.command(code),
        }
    }

    fn command(&mut self, key: KeyCode) -> Next {
        match key {
            KeyCode::Char('q') => return Next::Quit,
            KeyCode::Char('s' | '>') | KeyCode::Right => self.sort = self.sort.after(),
            KeyCode::Char('<') | KeyCode::Left => self.sort = self.sort.before(),
            KeyCode::Char('r') => self.is_reversed = !self.is_reversed,
            KeyCode::Char('/') => self.is_typing = true,
            KeyCode::Esc => self.filter.clear(),
            _ => {}
        }
        Next::GoOn
    }

    fn type_in(&mut self, key: KeyCode) -> Next {
        match key {
            KeyCode::Enter => self.is_typing = false,
            KeyCode::Esc => (self.filter, self.is_typing) = (String::new(), false),
            KeyCode::Backspace => _ = self.filter.pop(),
            KeyCode::Char(one) => self.filter.push(one),
            _ => {}
        }
        Next::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(keys: &[KeyCode]) -> (View, Next) {
        let mut view = View::default();
        let next = keys.iter().fold(Next::GoOn, |_, &code| view.press(KeyEvent::new(code, KeyModifiers::NONE)));
        (view, next)
    }

    fn typed(text: &str) -> Vec<KeyCode> {
        text.chars().map(KeyCode::Char).collect()
    }

    #[test]
    fn q_quits_unless_it_is_typed_into_the_filter() {
        assert_eq!(pressed(&typed("q")).1, Next::Quit);
        let (view, next) = pressed(&typed("/q"));
        assert_eq!((view.filter.as_str(), next), ("q", Next::GoOn));
        assert_eq!(View::default().press(KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)), Next::Quit);
    }

    /// Ctrl-Z was a z in the filter, and Ctrl-S sorted.
    #[test]
    fn control_and_a_letter_are_not_the_letter() {
        for keys in ["", "/"] {
            let before = pressed(&typed(keys)).0;
            let mut view = before.clone();
            for one in "qrsuwz".chars() {
                assert_eq!(view.press(KeyEvent::new(KeyCode::Char(one), KeyModifiers::CONTROL)), Next::GoOn);
            }
            assert_eq!(view, before);
        }
    }

    #[test]
    fn a_filter_is_kept_by_enter_and_cleared_by_escape() {
        let (view, _) = pressed(&[typed("/ngx"), vec![KeyCode::Backspace, KeyCode::Enter], typed("s")].concat());
        assert_eq!((view.filter.as_str(), view.is_typing), ("ng", false));
        let (view, _) = pressed(&[typed("/ngx"), vec![KeyCode::Enter, KeyCode::Esc]].concat());
        assert_eq!(view, View::default());
    }

    #[test]
    fn columns_go_round() {
        let (view, _) = pressed(&typed("s<r"));
        assert_eq!(view, View { is_reversed: true, ..View::default() });
        let (view, _) = pressed(&typed(&"s".repeat(super::super::columns::COLUMNS.len())));
        assert_eq!(view, View::default());
    }
}
