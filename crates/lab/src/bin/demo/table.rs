//! Two columns of figures, aligned: without softclose and with it.

use shim_tests::counters::KernelCounters;
use std::fmt;

#[derive(Default)]
pub struct Table(Vec<(String, [String; 2])>);

impl Table {
    pub fn row(&mut self, label: &str, cells: [String; 2]) {
        self.0.push((label.to_owned(), cells));
    }

    /// Adds rows with the kernel's own counters, by the names that nstat(8) uses.
    pub fn counters(&mut self, counters: [Option<KernelCounters>; 2]) {
        let mut row = |name, value: fn(KernelCounters) -> u64| {
            self.row(
                name,
                counters.map(|counters| counters.map(value).map_or("-".to_owned(), |value| value.to_string())),
            );
        };
        row("TcpExtTCPAbortOnClose", |counters| counters.abort_on_close);
        row("TcpExtTCPAbortOnData", |counters| counters.abort_on_data);
        // The client's as well: it resets what comes after it has closed. So some are left with softclose.
        row("TcpOutRsts (resets, by either end)", |counters| counters.resets_sent);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "   {:<36}{:>12}{:>16}", "", "without", "with softclose")?;
        for (label, [without, with]) in &self.0 {
            write!(formatter, "\n   {label:<36}{without:>12}{with:>16}")?;
        }
        Ok(())
    }
}

/// Writes `3145728` as `3,145,728`.
pub fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_from_the_right() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(112_949), "112,949");
        assert_eq!(grouped(3 << 20), "3,145,728");
    }
}
