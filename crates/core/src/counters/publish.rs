//! Publishing the counters: from memory of our own to a stats file.
//!
//! The pointer to the page is switched first. Then each value is taken out of the old memory and
//! added to the page. A thread that has read the old pointer before may still count in the old
//! memory; what lies there is moved again at the end of the process.
//!
//! Context: any hook; async-signal-safe.

use super::names::{COUNT, HELD_MOST};
use super::{ASKED, Counters, NOT_ASKED, REFUSED, stats_file};
use core::sync::atomic::Ordering::SeqCst;

/// Publishing.
impl Counters {
    /// Publishes the counters in a stats file, unless that has been tried before. To be called when
    /// the program first has to do with a connection.
    pub fn publish(&self) {
        if self.publishing.load(SeqCst) == NOT_ASKED && self.publishing.swap(ASKED, SeqCst) == NOT_ASKED {
            self.move_to_file();
        }
    }

    #[inline(never)]
    fn move_to_file(&self) {
        let Some(page) = stats_file::create(&self.identity, &self.file) else {
            return self.publishing.store(REFUSED, SeqCst);
        };
        self.page.set(page);
        self.absorb();
        self.publish_held();
        page.open();
    }

    /// Moves what was counted in memory of our own to the page.
    pub(super) fn absorb(&self) {
        let Some(page) = self.page.get() else { return };
        for at in 0..COUNT {
            match self.own.take(at) {
                0 => {}
                most if at == HELD_MOST => page.values.raise(at, most),
                more => page.values.add(at, more),
            }
        }
    }
}
