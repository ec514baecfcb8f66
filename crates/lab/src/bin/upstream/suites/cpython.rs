//! CPython: its own tests of everything that has a descriptor or a process, as Debian packages them.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;
use crate::{debian, python};

pub struct CPython;

const INTERPRETER: &str = "/usr/bin/python3.11";

/// `network` is what `test_socketserver` asks for loopback; there is nothing beyond.
const SETTING: &str = "import test.support as s; s.use_resources = ['cpu', 'network', 'subprocess', 'walltime']";

const MODULES: [&str; 62] = [
    "test_asynchat",
    "test_asyncio.test_base_events",
    "test_asyncio.test_buffered_proto",
    "test_asyncio.test_events",
    "test_asyncio.test_runners",
    "test_asyncio.test_selector_events",
    "test_asyncio.test_sendfile",
    "test_asyncio.test_server",
    "test_asyncio.test_sock_lowlevel",
    "test_asyncio.test_ssl",
    "test_asyncio.test_sslproto",
    "test_asyncio.test_streams",
    "test_asyncio.test_subprocess",
    "test_asyncio.test_transports",
    "test_asyncio.test_unix_events",
    "test_asyncore",
    "test_concurrent_futures",
    "test_docxmlrpc",
    "test_eintr",
    "test_epoll",
    "test_fcntl",
    "test_file_eintr",
    "test_fork1",
    "test_ftplib",
    "test_httplib",
    "test_httpservers",
    "test_imaplib",
    "test_io",
    "test_ioctl",
    "test_largefile",
    "test_logging",
    "test_mailbox",
    "test_multiprocessing_fork",
    "test_multiprocessing_forkserver",
    "test_multiprocessing_main_handling",
    "test_multiprocessing_spawn",
    "test_nntplib",
    "test_openpty",
    "test_os",
    "test_poll",
    "test_popen",
    "test_poplib",
    "test_posix",
    "test_pty",
    "test_select",
    "test_selectors",
    "test_signal",
    "test_smtpd",
    "test_smtplib",
    "test_socket",
    "test_socketserver",
    "test_ssl",
    "test_subprocess",
    "test_telnetlib",
    "test_threading",
    "test_threadsignals",
    "test_timeout",
    "test_urllib2_localnet",
    "test_wait3",
    "test_wait4",
    "test_wsgiref",
    "test_xmlrpc",
];

impl Suite for CPython {
    fn name(&self) -> &'static str {
        "cpython"
    }

    fn origin(&self) -> &'static str {
        "Debian's `python3.11` and `libpython3.11-testsuite`, the modules about sockets, descriptors, processes, \
         signals, threads, event loops, servers and clients"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["python3.11", "libpython3.11-testsuite"], shop)?;
        debian::version("libpython3.11-testsuite").ok_or_else(|| "dpkg knows no version of it".to_owned())
    }

    fn batches(&self, _shop: &Workshop) -> Vec<Batch> {
        let batch = |module| python::batch(INTERPRETER, &format!("test.{module}"), SETTING, self.left_out());
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

    fn left_out(&self) -> &'static [(&'static str, &'static str)] {
        &[("*VSOCK*", "vsock has no namespace: where there is no host that answers, connect does not end")]
    }
}
