//! HAProxy: a proxy that hands its sockets to the process that takes its place.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;
use crate::{debian, vtc};

pub struct HAProxy;

impl Suite for HAProxy {
    fn name(&self) -> &'static str {
        "haproxy"
    }

    fn origin(&self) -> &'static str {
        "Debian's `haproxy`, all of `reg-tests` of its source package, with seamless reload, run by Debian's `varnishtest`"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["haproxy", "varnish"], shop)?;
        let tests = debian::source("haproxy", shop)?;
        let program = debian::version("haproxy").expect("it is there");
        Ok(if program == tests { program } else { format!("{program}, tests of {tests}") })
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let source = shop.source();
        let entries = std::fs::read_dir(source.join("reg-tests")).into_iter().flatten().flatten();
        let mut directories: Vec<_> = entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
        directories.sort();
        let batch = |directory: &std::path::PathBuf| {
            let name = directory.file_name().expect("a directory has a name").to_string_lossy();
            vtc::batch(&name, &source, &vtc::scripts(directory)).variable("HAPROXY_PROGRAM", "/usr/sbin/haproxy")
        };
        directories.iter().map(batch).collect()
    }

    fn outcomes(&self, _batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        vtc::outcomes(&ended.parting.stdout)
    }
}
