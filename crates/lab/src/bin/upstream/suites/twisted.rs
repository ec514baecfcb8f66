//! twisted: every reactor that it has, with processes, files, standard streams, TLS, and servers over them.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::python;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;

pub struct Twisted;

const VERSION: &str = "26.10.0";
/// What its tests import.
const ALSO: [&str; 4] = ["hypothesis", "pyhamcrest==2.1.0", "pyopenssl", "service_identity"];

const MODULES: [&str; 33] = [
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

impl Suite for Twisted {
    fn name(&self) -> &'static str {
        "twisted"
    }

    fn origin(&self) -> &'static str {
        "PyPI's wheel of `twisted`, its tests of reactors, processes, transports and servers"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        let twisted = format!("twisted=={VERSION}");
        shop.python_with(&[&[&*twisted], &ALSO[..]].concat())?;
        Ok(VERSION.to_owned())
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let batch = |module| python::batch(&shop.python(), &format!("twisted.{module}"), "", self.left_out());
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
