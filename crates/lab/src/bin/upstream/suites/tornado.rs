//! tornado: an HTTP server and client over asyncio, whose wheel has its tests.

use crate::unittest::{Python, Unittest};

/// As its own `runtests.py` does: a log line that no test expects is a failure.
const SETTING: &str = "import logging; logging.getLogger('tornado.access').setLevel(logging.CRITICAL)";

pub const TORNADO: Unittest = Unittest {
    name: "tornado",
    origin: "PyPI's wheel of `tornado`, its tests of sockets, loops, processes, servers and clients",
    python: Python::Wheel { name: "tornado", version: "6.6.1", also: &[] },
    setting: SETTING,
    package: "tornado.test",
    modules: MODULES,
    left_out: &[],
};

const MODULES: &[&str] = &[
    "asyncio_test",
    "autoreload_test",
    "circlerefs_test",
    "concurrent_test",
    "gen_test",
    "http1connection_test",
    "httpclient_test",
    "httpserver_test",
    "ioloop_test",
    "iostream_test",
    "netutil_test",
    "process_test",
    "queues_test",
    "simple_httpclient_test",
    "tcpclient_test",
    "tcpserver_test",
    "testing_test",
    "web_test",
    "websocket_test",
    "wsgi_test",
];
