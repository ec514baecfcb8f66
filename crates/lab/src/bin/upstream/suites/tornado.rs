//! tornado: an HTTP server and client over asyncio, whose wheel has its tests.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::python;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;

pub struct Tornado;

const VERSION: &str = "6.6.1";

/// As its own `runtests.py` does: a log line that no test expects is a failure.
const SETTING: &str = "import logging; logging.getLogger('tornado.access').setLevel(logging.CRITICAL)";

const MODULES: [&str; 20] = [
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

impl Suite for Tornado {
    fn name(&self) -> &'static str {
        "tornado"
    }

    fn origin(&self) -> &'static str {
        "PyPI's wheel of `tornado`, its tests of sockets, loops, processes, servers and clients"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        shop.python_with(&[&format!("tornado=={VERSION}")])?;
        Ok(VERSION.to_owned())
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let batch = |module| python::batch(&shop.python(), &format!("tornado.test.{module}"), SETTING, self.left_out());
        MODULES.map(batch).to_vec()
    }

    fn at_once(&self) -> usize {
        python::AT_ONCE
    }

    fn outcomes(&self, _batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        python::outcomes(ended)
    }

    fn again(&self, batch: &Batch, tests: &[&str]) -> Batch {
        python::again(batch, tests)
    }
}
