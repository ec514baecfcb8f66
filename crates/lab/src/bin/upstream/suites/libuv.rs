//! libuv: the event loop of Node. Each of its tests is a process of its own, some with a helper process.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;
use crate::{debian, tap};

pub struct Libuv;

const BUILD: &str = "./autogen.sh\n./configure --disable-shared\nmake -j2 check TESTS=";

impl Suite for Libuv {
    fn name(&self) -> &'static str {
        "libuv"
    }

    fn origin(&self) -> &'static str {
        "Debian's source package `libuv1`, all of `test/run-tests`, static"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["autoconf", "automake", "libtool", "make"], shop)?;
        let version = debian::source("libuv1", shop)?;
        shop.make("build", &shop.source(), BUILD)?;
        Ok(version)
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let program = shop.source().join("test/run-tests").display().to_string();
        vec![Batch::new("run-tests", program).inside(shop.source()).variable("UV_RUN_AS_ROOT", "1")]
    }

    fn outcomes(&self, _batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        tap::outcomes(&ended.parting.stdout, "")
    }

    /// The program takes one name or none, so several tests mean the whole batch.
    fn again(&self, batch: &Batch, tests: &[&str]) -> Batch {
        let one = if let [test] = tests { Some(*test) } else { None };
        batch.clone().arguments(one)
    }
}
