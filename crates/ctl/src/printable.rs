//! Names that others have chosen, for a terminal: a program may call itself anything, and a
//! file of another user may be called anything.

use std::path::Path;

/// With `?` for what would move the cursor, change the colours or turn the text around.
pub fn printable(text: &str) -> String {
    text.chars().map(|one| if one.is_control() || turns(one) { '?' } else { one }).collect()
}

/// The same of a path.
pub fn path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

/// Marks and embeddings of the Unicode Bidirectional Algorithm.
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
