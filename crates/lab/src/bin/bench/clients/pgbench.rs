//! pgbench, for PostgreSQL.

use super::{Client, Seen, number_behind, words};
use softclose_lab::compat::row::Row;
use std::path::Path;

/// A connection for each transaction, which is one SELECT. Two seconds: what a connection costs is
/// counted in ticks of 10 ms.
pub const ONE_EACH: Client = Client {
    prepare: Some(|row| line(row, &["-i", "-q"])),
    line: |row| line(row, &["-n", "-C", "-S", "-c", "4", "-T", "2"]),
    read,
};

/// It lies beside the server.
fn line(row: &Row, options: &[&str]) -> Vec<String> {
    let server = row.needs.commands.first().map_or("postgres", String::as_str);
    let program = Path::new(server).with_file_name("pgbench").to_string_lossy().into_owned();
    let port = row.server.port.to_string();
    words(&[&[&program, "-h", "127.0.0.1", "-p", &port, "-U", "postgres"], options, &["postgres"]].concat())
}

fn read(said: &[String]) -> Option<Seen> {
    Some(Seen {
        requests: number_behind(said, "number of transactions actually processed:")?,
        rate: number_behind(said, "tps =")?,
        p99: None,
        errors: number_behind(said, "number of failed transactions:").unwrap_or(0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_and_their_rate_are_read() {
        let said = "number of transactions actually processed: 2612
number of failed transactions: 0 (0.000%)
tps = 1306.25 (including reconnection times)";
        let said: Vec<_> = said.lines().map(str::to_owned).collect();
        let seen = read(&said).unwrap();
        assert_eq!((seen.requests, seen.rate, seen.errors), (2612.0, 1306.25, 0.0));
    }
}
