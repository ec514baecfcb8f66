//! The program makes, duplicates and closes rings of `io_uring`.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::local::ring_table::Rings;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::Fd;
use crate::sys::ring_memory::Parameters;
use core::sync::atomic::Ordering::SeqCst;

impl<'a> Owner<'a> {
    /// The rings of this process.
    pub fn rings(self) -> &'a Rings {
        &self.0.rings
    }

    /// The program is about to make a ring.
    pub fn making_ring(self) {
        self.rings().making.fetch_add(1, SeqCst);
    }

    /// The program has not made the ring: the call has failed.
    pub fn not_made_ring(self) {
        self.rings().making.fetch_sub(1, SeqCst);
    }

    /// The program has made ring `fd`; `parameters` is `None` where they cannot be read.
    pub fn made_ring(self, fd: Fd, parameters: Option<Parameters>) {
        self.note_ring(fd, parameters);
        self.not_made_ring();
    }

    fn note_ring(self, fd: Fd, parameters: Option<Parameters>) {
        let rings = self.rings();
        if !parameters.is_some_and(|parameters| rings.made(fd, &parameters)) {
            self.has_harmful_ring();
        } else if !rings.is_any.swap(true, SeqCst) {
            self.0.sets.look_again();
        }
    }

    /// A ring does what nobody can follow, or may have done so: the process is blind from now on.
    pub fn has_harmful_ring(self) {
        if !self.rings().is_any_harmful.swap(true, SeqCst) {
            self.blinded();
        }
    }

    /// Before a descriptor is given up: finds out whether all rings are still harmless.
    pub(in crate::holders::ledger) fn look_at_rings(self) {
        if self.rings().is_any() && !self.rings().are_harmless() {
            self.has_harmful_ring();
        }
    }

    /// The program is about to close `fd`.
    pub fn closing_ring(self, fd: Fd) {
        let rings = self.rings();
        if let Some(ring) = rings.find(fd).filter(|_| rings.is_any()) {
            self.look_at_rings();
            rings.forget(ring);
        }
    }

    /// The program is about to close the numbers from `first` to `last`.
    pub fn closing_rings(self, first: u32, last: u32) {
        let is_inside = |fd: &Fd| (first..=last).contains(&(fd.raw() as u32));
        let numbers = self.rings().all().map(|ring| ring.number.load(SeqCst).abs());
        numbers.filter_map(|number| Fd::new(number - 1)).filter(is_inside).for_each(|fd| self.closing_ring(fd));
    }

    /// `fd` has, or is about to get, another number, here or in another process: it cannot be followed.
    pub(in crate::holders::ledger) fn copies_ring(self, fd: Fd) {
        if self.rings().knows(fd) {
            self.has_harmful_ring();
        }
    }
}

impl Ledger {
    /// Whether there is, or was, a ring that hooks have seen.
    pub fn has_rings(&self) -> bool {
        self.rings.is_any()
    }

    /// Whether `fd` is a ring that hooks have seen.
    pub fn is_ring(&self, fd: Fd) -> bool {
        self.rings.knows(fd)
    }
}
