//! Differences by design, each with its reason: see `docs/limits.md`.

const WRITER: &str = "one end of the test writes to a connection that the other end has closed, and waits for the \
                      error; softclose lets it write on until a bound of the drain is reached";

const KEEP_ALIVE: &str = "a keep-alive race in the test itself: its server answers and closes without saying so, and \
                          HAProxy, which must see that before the next request, loses the race when the server is slow; \
                          the first close after a fork is slower with softclose, as procfs is asked";

const ASKED: &str = "the test wants four connections after another answered within 100 ms; the first close after a fork \
                     asks procfs, 10 ms on a machine that has some hundred processes and much to do";

const NUMBERS: &str = "the test takes every descriptor number and counts on none becoming free; those of what softclose \
                       held at that time do";

/// (suite, test, reason). One `*` in the name of a test stands for anything.
const KNOWN: &[(&str, &str, &str)] = &[
    ("cpython", "test.test_asynchat.*.test_close_when_done", WRITER),
    ("cpython", "test.test_asyncio.test_sendfile.*_close_peer_in_the_middle_of_receiving", WRITER),
    ("cpython", "test.test_asyncore.*.test_handle_close_after_conn_broken", WRITER),
    ("haproxy", "reg-tests/checks/http-check.vtc", ASKED),
    ("haproxy", "reg-tests/log/log_uri.vtc", KEEP_ALIVE),
    ("libuv", "tcp_try_write_error", WRITER),
    ("redis", "unit/auth: For unauthenticated clients output buffer is limited", WRITER),
    ("redis", "unit/protocol: Protocol desync regression test #*", WRITER),
    ("twisted", "twisted.internet.test.test_tcp.*.test_closePeerOnEMFILE", NUMBERS),
];

/// Why `test` of `suite` may differ.
pub fn reason(suite: &str, test: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(of, name, _)| *of == suite && is(name, test)).map(|(.., reason)| *reason)
}

fn is(name: &str, test: &str) -> bool {
    match name.split_once('*') {
        Some((start, end)) => test.strip_prefix(start).is_some_and(|rest| rest.ends_with(end)),
        None => name == test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_known() {
        assert!(reason("cpython", "test.test_asynchat.TestAsynchat.test_close_when_done").is_some());
        assert!(reason("cpython", "test.test_asynchat.TestAsynchat.test_push").is_none());
        assert!(reason("tornado", "tcp_try_write_error").is_none());
    }
}
