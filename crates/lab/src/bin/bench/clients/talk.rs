//! A client that says the same words again and again, for servers that have no client of their own
//! that counts.

use super::{AT_ONCE, Client, Seen, words};
use shim_tests::victim::compiled;
use softclose_lab::compat::row::Row;

/// A key of redis that is not there, and the end of the connection.
pub const REDIS_QUIT: Client = Client::new(|row| line(row, AT_ONCE, b"GET key\r\nQUIT\r\n", b""), read);

/// A key of memcached that is not there, and the end of the connection.
pub const MEMCACHED_QUIT: Client = Client::new(|row| line(row, AT_ONCE, b"get key\r\nquit\r\n", b""), read);

/// The same, on connections that are kept.
pub const MEMCACHED_KEPT: Client = Client::new(|row| line(row, AT_ONCE, b"get key\r\n", b"END\r\n"), read);

/// What the row of a FastCGI server asks first, a connection for each.
pub const FAST_CGI: Client = Client::new(|row| line(row, AT_ONCE, &fast_cgi(row, 0), b""), read);

/// The same, on a few connections that are kept: each has a process of the server for itself, and
/// more of them would wait for ever.
pub const FAST_CGI_KEPT: Client = Client::new(|row| line(row, "4", &fast_cgi(row, 1), &END_REQUEST), read);

/// The place of the flags in a FastCGI request, whose only one is FCGI_KEEP_CONN.
const FLAGS: usize = 10;

/// The record that ends a FastCGI answer: of version 1 and type 3, for request 1, of 8 bytes, all 0.
const END_REQUEST: [u8; 16] = [1, 3, 0, 1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn fast_cgi(row: &Row, flags: u8) -> Vec<u8> {
    let mut request = row.session.first().and_then(|session| session.say.clone()).unwrap_or_default().into_bytes();
    request[FLAGS] = flags;
    request
}

fn line(row: &Row, at_once: &str, request: &[u8], ending: &[u8]) -> Vec<String> {
    let program = compiled("bench_talk");
    let port = row.server.port.to_string();
    let (request, ending) = (hexadecimal(request), hexadecimal(ending));
    words(&[&program.to_string_lossy(), &port, at_once, "1000", &request, &ending])
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(said: &[String]) -> Option<Seen> {
    let numbers = said.iter().find_map(|line| line.strip_prefix("result "))?;
    let numbers: Vec<f64> = numbers.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [requests, errors, nanoseconds, p99] = numbers[..] else { return None };
    Some(Seen { requests, rate: requests / nanoseconds * 1e9, p99: Some(p99 / 1e3), errors })
}
