//! Differences by design, each with its reason: see `docs/limits.md`.

const WRITER: &str = "one end of the test writes to a connection that the other end has closed, and waits for the \
                      error. softclose lets it go on writing until the drain reaches one of its bounds";

const KEEP_ALIVE: &str = "the test itself has a race. Its server answers and closes without announcing that, and \
                      HAProxy must see the close before the next request. HAProxy loses this race when the server \
                      is slow. With softclose the first close after a fork is slower, because softclose asks \
                      procfs";

const ASKED: &str = "the test wants four connections, one after the other, answered within 100 ms. The first \
                      close after a fork asks procfs, which takes 10 ms on a busy machine with some hundred \
                      processes";

const NUMBERS: &str = "the test takes every descriptor number and expects that none becomes free. The numbers that \
                      softclose held at that time do become free";

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
