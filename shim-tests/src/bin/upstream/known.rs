//! Differences by design, each with its reason: see `docs/limits.md`.

/// In every one of these both ends are in one process, or one program.
const WRITER: &str = "the test writes to a connection that its other end has closed, and waits for an error that \
                      comes only when the drain has ended";

/// (suite, test, reason). A test that ends in `*` stands for all that begin so.
const KNOWN: &[(&str, &str, &str)] = &[
    ("libuv", "tcp_try_write_error", WRITER),
];

/// Why `test` of `suite` may differ.
pub fn reason(suite: &str, test: &str) -> Option<&'static str> {
    let is = |name: &str| name.strip_suffix('*').map_or(name == test, |start| test.starts_with(start));
    KNOWN.iter().find(|(of, name, _)| *of == suite && is(name)).map(|(.., reason)| *reason)
}
