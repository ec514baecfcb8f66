//! Durations, sizes and tables for people.

use ratatui::text::Span;
use std::time::Duration;

/// A duration as `3d04h`, `5h07m`, `8m09s` or `12s`.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{days}d{:02}h", hours % 24),
    }
}

/// A number of bytes as `512`, `1.5K` or `64.0M`.
pub fn size(bytes: u64) -> String {
    let units = ["", "K", "M", "G", "T", "P", "E"];
    let power = (bytes.max(1).ilog2() / 10) as usize;
    let scaled = bytes as f64 / (1u64 << (10 * power)) as f64;
    if power == 0 { bytes.to_string() } else { format!("{scaled:.1}{}", units[power]) }
}

/// A number of bytes as `512 bytes`, `351 KiB` or `1.5 MiB`, for a sentence.
pub fn bytes(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let power = (bytes.max(1).ilog2() / 10) as usize;
    let scaled = bytes as f64 / (1u64 << (10 * power)) as f64;
    let digits = usize::from(power > 0 && scaled < 10.0);
    format!("{scaled:.digits$} {}", units[power])
}

/// A number in at most seven characters: `9999999`, `10.0M`, `18446P`.
pub fn count(number: u64) -> String {
    let units = ["", "k", "M", "G", "T", "P"];
    let power = match number {
        0..10_000_000 => 0,
        _ => (number.ilog10() as usize / 3).min(units.len() - 1),
    };
    let scaled = number as f64 / 1000f64.powi(power as i32);
    if power == 0 { number.to_string() } else { format!("{scaled:.*}{}", usize::from(scaled < 1000.0), units[power]) }
}

/// The first of some lines, and how many more there are. `rest` says where they are.
pub fn beginning(lines: &[String], most: usize, rest: &str) -> String {
    let more = match lines.len().saturating_sub(most) {
        0 => String::new(),
        count => format!("and {count} more: {rest}\n"),
    };
    lines.iter().take(most).cloned().chain([more]).collect()
}

/// A table: rows under their heads. Each column is as wide as its widest cell.
pub fn table(heads: &[&str], rows: &[Vec<String>]) -> String {
    let width = |at: usize| rows.iter().map(|row| width(&row[at])).chain([heads[at].len()]).max().unwrap_or(0);
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).map(|(cell, &width)| padded(cell, width));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    [line(heads.to_vec())].into_iter().chain(body).collect()
}

/// How many columns of the terminal a text takes: some letters take two.
pub fn width(text: &str) -> usize {
    Span::raw(text).width()
}

fn padded(cell: &str, to: usize) -> String {
    format!("{cell}{}", " ".repeat(to.saturating_sub(width(cell))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let texts =
            [0, 59, 60, 3599, 3600, 86399, 86400, 400_000].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(texts, ["0s", "59s", "1m00s", "59m59s", "1h00m", "23h59m", "1d00h", "4d15h"]);
    }

    #[test]
    fn sizes_are_short() {
        assert_eq!(
            [0, 1023, 1024, 1536, 64 << 20, u64::MAX].map(size),
            ["0", "1023", "1.0K", "1.5K", "64.0M", "16.0E"]
        );
    }

    #[test]
    fn sizes_in_a_sentence_have_their_unit() {
        let texts = [0, 1, 1023, 1024, 359_424, 1_572_864, u64::MAX].map(bytes);
        assert_eq!(texts, ["0 bytes", "1 bytes", "1023 bytes", "1.0 KiB", "351 KiB", "1.5 MiB", "16 EiB"]);
    }

    #[test]
    fn counts_are_short() {
        let texts = [0, 9_999_999, 10_000_000, 999_999_999, 1 << 40, u64::MAX].map(count);
        assert_eq!(texts, ["0", "9999999", "10.0M", "1000.0M", "1.1T", "18447P"]);
        assert!((0..=19).all(|power| count(10u64.pow(power)).len() <= 7));
    }

    #[test]
    fn lines_beyond_a_number_are_counted() {
        let lines = ["a\n", "b\n", "c\n"].map(str::to_owned);
        assert_eq!(beginning(&lines, 3, "x"), "a\nb\nc\n");
        assert_eq!(beginning(&lines, 1, "x"), "a\nand 2 more: x\n");
    }

    #[test]
    fn columns_line_up() {
        assert_eq!(table(&["A", "LONG"], &[vec!["xyz".into(), "1".into()]]), "A    LONG\nxyz  1\n");
        let wide = table(&["A", "B"], &[vec!["\u{6f22}\u{6f22}".into(), "1".into()], vec!["x".into(), "2".into()]]);
        assert_eq!(wide, "A     B\n\u{6f22}\u{6f22}  1\nx     2\n");
    }
}
