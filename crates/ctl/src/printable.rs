//! Text of other users, made harmless for a terminal. A program may have any name, and so may a
//! file of another user.

use std::path::Path;

/// `text` with `?` for each character that would move the cursor, change the colours or reverse the
/// direction of the text.
pub fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() || turns(one) { '?' } else { one }).collect()
}

/// A path, as [`printable`] shows it.
pub fn path(path: &Path) -> String {
    printable(&path.to_string_lossy())
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
        assert_eq!(printable("a\x1b]0;b\x07\nc\u{202e}d"), "a?]0;b??c?d");
        assert_eq!(path(Path::new("/dev/shm/x y")), "/dev/shm/x y");
    }
}
