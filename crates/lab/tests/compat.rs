//! The ten fastest rows of the matrix: real servers as Debian has them, in every way to lose
//! something, and in a few sessions of everyday use.

use shim_tests::{here, skip};
use softclose_lab::compat::row::Row;
use softclose_lab::compat::{install, run};

/// Runs the row of this name, or says why it is skipped.
fn prove(test: &str, name: &str) {
    let rows = Row::all(&[name.to_owned()]).unwrap_or_else(|error| panic!("{error}"));
    let row = &rows[0];
    assert!(row.smoke, "{name} is not marked");
    match install::own(row) {
        Ok(placeholders) => {
            run::smoke(row, &placeholders).unwrap_or_else(|faults| panic!("{name}:\n{}", faults.join("\n")))
        }
        Err(reason) => skip(test, &reason),
    }
}

macro_rules! rows {
    ($($test:ident: $name:literal,)*) => {
        const ROWS: &[&str] = &[$($name),*];
        $(#[test]
        fn $test() {
            prove(here!(), $name);
        })*
    };
}

rows! {
    haproxy: "haproxy",
    lighttpd: "lighttpd",
    memcached: "memcached",
    mini_httpd: "mini-httpd",
    nginx: "nginx",
    python_http_server: "python-http.server",
    redis: "redis",
    socat: "socat",
    tinyproxy: "tinyproxy",
    webfs: "webfs",
}

#[test]
fn every_row_that_is_marked_has_its_test() {
    let rows = Row::all(&[]).unwrap_or_else(|error| panic!("{error}"));
    let marked: Vec<_> = rows.iter().filter(|row| row.smoke).map(|row| row.name.as_str()).collect();
    assert_eq!(marked.len(), ROWS.len(), "{marked:?}");
    assert!(marked.iter().all(|name| ROWS.contains(name)), "{marked:?}");
}
