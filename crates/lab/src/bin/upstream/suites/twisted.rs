//! twisted: every reactor that it has, with processes, files, standard streams, TLS, and servers over them.

use crate::unittest::{Python, Unittest};

/// What its tests import.
const ALSO: &[&str] = &["hypothesis", "pyhamcrest==2.1.0", "pyopenssl", "service_identity"];

pub const TWISTED: Unittest = Unittest {
    name: "twisted",
    origin: "PyPI's wheel of `twisted`, its tests of reactors, processes, transports and servers",
    python: Python::Wheel { name: "twisted", version: "26.10.0", also: ALSO },
    setting: "",
    package: "twisted",
    modules: MODULES,
    left_out: &[],
};

const MODULES: &[&str] = &[
    "internet.test.test_asyncioreactor",
    "internet.test.test_base",
    "internet.test.test_core",
    "internet.test.test_endpoints",
    "internet.test.test_epollreactor",
    "internet.test.test_fdset",
    "internet.test.test_posixbase",
    "internet.test.test_posixprocess",
    "internet.test.test_process",
    "internet.test.test_sigchld",
    "internet.test.test_socket",
    "internet.test.test_stdio",
    "internet.test.test_tcp",
    "internet.test.test_threads",
    "internet.test.test_tls",
    "internet.test.test_udp",
    "internet.test.test_unix",
    "protocols.test.test_tls",
    "python.test.test_sendmsg",
    "python.test.test_systemd",
    "runner.test.test_procmon",
    "test.test_amp",
    "test.test_ftp",
    "test.test_internet",
    "test.test_process",
    "test.test_ssl",
    "test.test_stdio",
    "test.test_tcp",
    "test.test_twistd",
    "test.test_unix",
    "web.test.test_cgi",
    "web.test.test_http",
    "web.test.test_webclient",
];
