//! redis-benchmark, for redis.

use super::{Client, Seen, words};
use softclose_lab::compat::row::Row;

/// Requests in a run with a connection for each: about a second.
const ONE_EACH_REQUESTS: &str = "20000";

/// Requests in a run with connections that are kept: about a second.
const KEPT_REQUESTS: &str = "80000";

/// A connection for each request.
pub const ONE_EACH: Client = Client::new(|row| line(row, "0", ONE_EACH_REQUESTS), |said| read(said, ONE_EACH_REQUESTS));

/// Connections that are kept.
pub const KEPT: Client = Client::new(|row| line(row, "1", KEPT_REQUESTS), |said| read(said, KEPT_REQUESTS));

fn line(row: &Row, keeps: &str, requests: &str) -> Vec<String> {
    let port = row.server.port.to_string();
    words(&["redis-benchmark", "-p", &port, "-k", keeps, "-n", requests, "-t", "get", "--csv"])
}

/// Its line has the rate and, in milliseconds, the mean, the least, p50, p95, p99 and the most. It
/// gives up at the first request that fails.
fn read(said: &[String], requests: &str) -> Option<Seen> {
    let line = said.iter().find_map(|line| line.strip_prefix("\"GET\","))?;
    let columns: Vec<f64> = line.split(',').filter_map(|cell| cell.trim_matches('"').parse().ok()).collect();
    let p99 = Some(columns.get(5)? * 1e3);
    Some(Seen { requests: requests.parse().ok()?, rate: *columns.first()?, p99, errors: 0.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_in_microseconds() {
        let said = [r#""GET","13218.77","2.213","0.216","1.735","4.367","11.823","34.111""#.to_owned()];
        let seen = read(&said, "12000").unwrap();
        assert_eq!((seen.requests, seen.rate, seen.p99), (12000.0, 13218.77, Some(11823.0)));
    }
}
