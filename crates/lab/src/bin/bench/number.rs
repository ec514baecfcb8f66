//! Numbers as the page shows them.

/// A number with about three significant digits.
pub fn number(value: f64) -> String {
    let digits = match value.abs() {
        0.0 => 0,
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 3,
        size if size >= 0.1 => 3,
        _ => 4,
    };
    format!("{value:.digits$}")
}
