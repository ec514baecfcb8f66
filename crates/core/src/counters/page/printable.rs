//! Text of other users, made harmless for a terminal. A program may have any name, and so may a
//! file of another user.
//!
//! Context: `softclosectl`; it allocates.

/// `text` with `?` for each character that is not seen for what it is: one that would end the line, move the cursor,
/// change the colours, reverse the direction of the text, join the one before it, or take no room at all.
pub fn printable(text: &str) -> String {
    text.chars().map(|one| if is_seen(one) { one } else { '?' }).collect()
}

/// Whether std shows a character as it is: it escapes control and format characters, separators, marks that join, and
/// what is not assigned. Quotes and the backslash, which it escapes as well, are seen.
fn is_seen(one: char) -> bool {
    /// Letters and a symbol that are blank, which std does not escape.
    const BLANK: [char; 5] = ['\u{115f}', '\u{1160}', '\u{2800}', '\u{3164}', '\u{ffa0}'];
    matches!(one, '"' | '\'' | '\\') || (one.escape_debug().len() == 1 && !BLANK.contains(&one))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_is_no_letter() {
        assert_eq!(printable("a\x1b]0;b\x07\nc\u{202e}d\u{2028}e\u{85}f"), "a?]0;b??c?d?e?f");
        assert_eq!(printable("x \"y\" 'z' \\ \u{e9}\u{6f22}\u{fffd}"), "x \"y\" 'z' \\ \u{e9}\u{6f22}\u{fffd}");
    }

    /// A name could look like another's, or stand over the lines above it.
    #[test]
    fn a_character_that_takes_no_room_is_shown() {
        assert_eq!(printable("a\u{200b}b\u{ad}c\u{301}d\u{feff}e\u{e0041}f\u{3164}"), "a?b?c?d?e?f?");
    }
}
