//! lighttpd: a server with a lingering close of its own, started anew for each file of tests.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;
use crate::{debian, tap};

pub struct Lighttpd;

/// `prepare.sh` makes the document root that all tests read.
const BUILD: &str = "./configure\nmake -j2\nmake check TESTS=\n\
                     cd tests\nsrcdir=. top_builddir=.. ./prepare.sh";

impl Suite for Lighttpd {
    fn name(&self) -> &'static str {
        "lighttpd"
    }

    fn origin(&self) -> &'static str {
        "Debian's source package `lighttpd`, all of `tests/*.t`"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["make", "perl", "libpcre2-dev", "zlib1g-dev"], shop)?;
        let version = debian::source("lighttpd", shop)?;
        shop.make("build", &shop.source(), BUILD)?;
        Ok(version)
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let files = ["request", "core-condition", "mod-fastcgi", "mod-scgi"];
        let batch = |file: &str| {
            let batch = Batch::new(file, "perl").arguments(["-I.".to_owned(), format!("{file}.t")]);
            let top = shop.source().display().to_string();
            batch.inside(shop.source().join("tests")).variable("srcdir", ".").variable("top_builddir", top)
        };
        files.map(batch).to_vec()
    }

    fn outcomes(&self, batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        tap::outcomes(&ended.parting.stdout, &format!("{}.t: ", batch.first_name()))
    }
}
