//! Text for people, in lines of 80 columns.

/// What a terminal shows in a line.
const COLUMNS: usize = 80;

/// `text` behind `head`, in lines that fit. Every line but the first begins below the text. A word that is
/// wider than a line has one of its own.
pub fn wrapped(head: &str, text: &str) -> String {
    let indent = head.chars().count();
    let (mut wrapped, mut column) = (head.to_owned(), indent);
    for word in text.split_ascii_whitespace() {
        let width = word.chars().count();
        let is_first = column == indent;
        if !is_first && column + 1 + width > COLUMNS {
            wrapped += &format!("\n{:indent$}", "");
            column = indent;
        } else if !is_first {
            wrapped.push(' ');
            column += 1;
        }
        wrapped += word;
        column += width;
    }
    wrapped + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_begin_below_the_text_and_end_at_the_margin() {
        assert_eq!(wrapped("  --x  ", "one two"), "  --x  one two\n");
        let text = wrapped("  a: ", &"word ".repeat(40));
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines.iter().all(|line| line.len() <= COLUMNS && line.len() > COLUMNS - 5 || line == lines.last().unwrap())
        );
        assert!(
            lines[0].starts_with("  a: word") && lines[1..].iter().all(|line| line.starts_with("     word")),
            "{text}"
        );
    }

    #[test]
    fn no_word_is_cut() {
        let word = "w".repeat(100);
        assert_eq!(wrapped("a: ", &format!("x {word} y")), format!("a: x\n   {word}\n   y\n"));
        assert_eq!(wrapped("a: ", ""), "a: \n");
    }
}
