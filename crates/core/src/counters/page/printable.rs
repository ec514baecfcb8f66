//! Text of other users, made harmless for a terminal. A program may have any name, and so may a
//! file of another user.
//!
//! Context: `softclosectl`; it allocates.

/// `text` with `?` for each character that would end the line, move the cursor, change the colours
/// or reverse the direction of the text.
pub fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() || breaks(one) || turns(one) { '?' } else { one }).collect()
}

/// Whether a character that is no control character ends a line (U+2028, U+2029).
fn breaks(one: char) -> bool {
    matches!(one, '\u{2028}' | '\u{2029}')
}

/// Whether a character changes the direction of text (Unicode Bidirectional Algorithm).
fn turns(one: char) -> bool {
    matches!(one, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_that_is_no_letter() {
        assert_eq!(printable("a\x1b]0;b\x07\nc\u{202e}d\u{2028}e\u{85}f"), "a?]0;b??c?d?e?f");
        assert_eq!(printable("x y"), "x y");
    }
}
