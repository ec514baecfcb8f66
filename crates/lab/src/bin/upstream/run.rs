//! One run of one batch, natively or shimmed.

use crate::batch::Batch;
use crate::workshop::Workshop;
use shim_tests::arena::Arena;
use shim_tests::program::Parting;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use std::path::Path;

/// What a batch has left behind.
pub struct FinishedBatch {
    pub parting: Parting,
    scratch: Scratch,
}

impl FinishedBatch {
    /// The directory in which it ran, and had its temporary files.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Why its output may be incomplete: it did not end, or a signal ended it.
    pub fn trouble(&self) -> Option<String> {
        use shim_tests::program::Exit;
        match self.parting.exit {
            None => Some("did not end".to_owned()),
            Some(Exit::Signal(signal)) => Some(format!("was ended by signal {signal}")),
            Some(Exit::Code(_)) => None,
        }
    }
}

/// Runs `batch` in `arena` and leaves none of its processes there.
pub fn run(batch: &Batch, shim: Shim, arena: &Arena, shop: &Workshop) -> FinishedBatch {
    let scratch = Scratch::directory();
    let mut command = batch.command(scratch.path());
    shim.dress(&mut command);
    let parting = arena.start(command).end_within(batch.patience());
    arena.end_all();
    let ended = FinishedBatch { parting, scratch };
    shop.log(&format!("{}.{}", batch.name(), word(shim)), &ended.parting);
    ended
}

pub fn word(shim: Shim) -> &'static str {
    match shim {
        Shim::Native => "native",
        Shim::Preloaded => "shimmed",
    }
}
