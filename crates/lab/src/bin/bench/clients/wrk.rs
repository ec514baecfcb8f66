//! wrk, for servers that speak HTTP.

use super::{AT_ONCE, Client, Seen, number_before, number_behind, words};
use softclose_lab::compat::row::Row;

/// A connection for each request.
pub const ONE_EACH: Client = Client::new(|row| line(row, &["-H", "Connection: close"]), read);

/// Connections that are kept.
pub const KEPT: Client = Client::new(|row| line(row, &[]), read);

fn line(row: &Row, options: &[&str]) -> Vec<String> {
    let url = format!("http://127.0.0.1:{}{}", row.server.port, row.server.small);
    words(&[&["wrk", "-t1", "-c", AT_ONCE, "-d1s", "--latency"], options, &[url.as_str()]].concat())
}

/// Finds what wrk saw in what it has printed. Without `--latency` it does not print percentiles.
pub fn read(said: &[String]) -> Option<Seen> {
    let refused = number_behind(said, "Non-2xx or 3xx responses:").unwrap_or(0.0);
    Some(Seen {
        requests: number_before(said, " requests in ")?,
        rate: number_behind(said, "Requests/sec:")?,
        p99: said.iter().find_map(|line| microseconds(line.trim().strip_prefix("99%")?.trim())),
        errors: errors(said) + refused,
    })
}

fn microseconds(text: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    let (digits, unit) = units.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, size)))?;
    Some(digits.parse::<f64>().ok()? * unit)
}

/// The number of errors that wrk reports, in a line such as `Socket errors: connect 0, read 7,
/// write 0, timeout 0`. Without errors there is no such line.
fn errors(said: &[String]) -> f64 {
    let line = said.iter().find_map(|line| line.split_once("Socket errors:"));
    line.map_or(0.0, |(_, counts)| counts.split([' ', ',']).filter_map(|word| word.parse::<f64>().ok()).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "  Latency Distribution
     50%    2.44ms
     99%    3.61ms
  123 requests in 2.00s, 1MB read
  Socket errors: connect 1, read 20, write 300, timeout 0
  Non-2xx or 3xx responses: 4
Requests/sec:     61.50";

    #[test]
    fn errors_of_all_kinds_are_added_up() {
        let said: Vec<_> = SAID.lines().map(str::to_owned).collect();
        let seen = read(&said).unwrap();
        assert_eq!((seen.requests, seen.rate, seen.p99, seen.errors), (123.0, 61.5, Some(3610.0), 325.0));
        assert_eq!(errors(&[]), 0.0);
    }
}
