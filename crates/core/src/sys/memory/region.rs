//! A table of this process: zeroed memory, mapped once and never unmapped.
//!
//! To map it is one system call, which a hook may make; no allocator is involved. A fork child gets
//! a copy, like of any memory; what a process and its children share is in [`super::shared`].
//!
//! The pages take no memory until they are touched. But memory that can be written to counts for
//! `RLIMIT_DATA`, touched or not, and the program would miss it. So a long table is mapped without
//! access, and made writable by pieces: at first use, by one system call for each piece
//! (`mprotect(2)`; the loader makes it in every program, so that no filter can refuse it that a
//! program is started under). A piece that the kernel has once refused stays out of reach, as if the
//! table ended before it: what was not noted there must not be taken for zero later.
//!
//! Context: any hook; async-signal-safe, lock-free.

use super::zeroed::Zeroed;
use crate::sys::valgrind;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};

/// A table of `T`, which [`Region::ensure`] maps.
pub struct Region<T> {
    base: AtomicPtr<T>,
    len: AtomicUsize,
    /// The pieces that can be written to, a bit for each.
    open: AtomicU64,
    /// The pieces that the kernel has refused.
    refused: AtomicU64,
}

/// How many pieces a table has at most.
const PIECES: usize = u64::BITS as usize;
const PAGE: usize = 4096;

/// A table of `len` elements is mapped as a whole if it has no more elements than there may be pieces.
const fn is_one_piece(len: usize) -> bool {
    len <= PIECES || cfg!(miri)
}

impl<T: Zeroed> Region<T> {
    /// A table that is not mapped: [`Region::get`] finds nothing in it.
    pub const fn new() -> Self {
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            len: AtomicUsize::new(0),
            open: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Maps `len` zeroed elements, unless the table is mapped. False where the kernel gives no
    /// memory. Of two threads that call this at the same time, one maps the table for both;
    /// both must ask for the same `len`.
    pub fn ensure(&self, len: usize) -> bool {
        if !self.base.load(Ordering::Acquire).is_null() {
            return true;
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
        let Some(bytes) = len.checked_mul(size_of::<T>()) else { return false };
        let access = if is_one_piece(len) { ProtFlags::READ | ProtFlags::WRITE } else { ProtFlags::empty() };
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, access, flags) };
        let Ok(mapped) = mapped else { return false };
        valgrind::is_lock_free(mapped.addr(), bytes);
        // A reader that sees the base must see these: they are stored first.
        self.len.store(len, Ordering::Release);
        if is_one_piece(len) {
            self.open.store(u64::MAX, Ordering::Release);
        }
        let won = self.base.compare_exchange(ptr::null_mut(), mapped.cast(), Ordering::AcqRel, Ordering::Acquire);
        if won.is_err() {
            // SAFETY: our own mapping, which no other thread has seen.
            let _ = unsafe { munmap(mapped, bytes) };
        }
        true
    }

    /// Element `index`, or `None` where it is out of range or nothing is mapped, or where the kernel
    /// has given no memory for it.
    pub fn get(&self, index: usize) -> Option<&T> {
        let base = self.base.load(Ordering::Acquire);
        let len = self.len.load(Ordering::Acquire);
        if base.is_null() || index >= len {
            return None;
        }
        let piece = index >> Self::shift(len);
        if self.open.load(Ordering::Acquire) & (1 << piece) == 0 && !self.open_piece(base, len, piece) {
            return None;
        }
        // SAFETY: the mapping has `len` zeroed elements of a `Zeroed` type, of which this one can be
        // written to; it is never unmapped, and is only ever shared as `&T`.
        Some(unsafe { &*base.add(index) })
    }

    /// A piece has two to this power elements: a page at least.
    fn shift(len: usize) -> u32 {
        let of_all = usize::BITS - len.saturating_sub(1).leading_zeros();
        let of_page = (PAGE / size_of::<T>().next_power_of_two()).max(1).ilog2();
        of_all.saturating_sub(PIECES.ilog2()).max(of_page)
    }

    /// Makes the elements of a piece writable. False where the kernel refuses, now or earlier.
    #[cold]
    fn open_piece(&self, base: *mut T, len: usize, piece: usize) -> bool {
        let bit = 1 << piece;
        if self.refused.load(Ordering::Acquire) & bit != 0 {
            return false;
        }
        let first = piece << Self::shift(len);
        let end = (first + (1 << Self::shift(len))).min(len);
        let from = first * size_of::<T>() / PAGE * PAGE;
        let access = MprotectFlags::READ | MprotectFlags::WRITE;
        // SAFETY: pages of our own mapping, which nobody relies on to be out of reach.
        let is_open = unsafe { mprotect(base.byte_add(from).cast(), end * size_of::<T>() - from, access) }.is_ok();
        let which = if is_open { &self.open } else { &self.refused };
        which.fetch_or(bit, Ordering::AcqRel);
        is_open
    }

    /// The number of elements; 0 before [`Region::ensure`] has mapped them.
    pub fn len(&self) -> usize {
        if self.base.load(Ordering::Acquire).is_null() { 0 } else { self.len.load(Ordering::Acquire) }
    }

    /// Whether the table is not mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeroed;
    use core::sync::atomic::Ordering::SeqCst;

    zeroed! {
        struct Word(AtomicUsize);
    }

    #[test]
    fn nothing_is_found_beyond_the_end_or_before_the_mapping() {
        let region = Region::<Word>::new();
        assert!(region.is_empty() && region.get(0).is_none());
        assert!(region.ensure(3));
        assert_eq!(region.get(2).unwrap().0.load(SeqCst), 0);
        assert!(region.get(3).is_none());
    }

    #[test]
    fn threads_that_map_at_the_same_time_share_one_mapping() {
        let region = Region::<Word>::new();
        let raise = || {
            assert!(region.ensure(8));
            region.get(7).unwrap().0.fetch_add(1, SeqCst);
        };
        std::thread::scope(|scope| (0..3).for_each(|_| drop(scope.spawn(raise))));
        assert_eq!(region.get(7).unwrap().0.load(SeqCst), 3);
    }

    /// Elements that lie across the border of two pages, and of two pieces.
    #[test]
    fn every_element_of_a_long_table_can_be_written_to() {
        zeroed! {
            struct Odd([AtomicU64; 5]);
        }
        for len in [64, 65, 127, 1000, 10_000] {
            let region = Region::<Odd>::new();
            assert!(region.ensure(len));
            (0..len).rev().for_each(|at| region.get(at).unwrap().0[4].store(at as u64, SeqCst));
            assert!((0..len).all(|at| region.get(at).unwrap().0[4].load(SeqCst) == at as u64));
            assert!(region.get(len).is_none());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "mprotect")]
    fn of_a_long_table_only_what_is_used_can_be_written_to() {
        let region = Region::<Word>::new();
        assert!(region.ensure(1 << 20));
        region.get(1 << 19).unwrap();
        assert_eq!(region.open.load(SeqCst).count_ones(), 1);
    }

    #[test]
    #[cfg_attr(miri, ignore = "mprotect")]
    fn a_piece_that_was_refused_once_stays_out_of_reach() {
        let region = Region::<Word>::new();
        assert!(region.ensure(1 << 20));
        region.refused.store(2, SeqCst);
        assert!(region.get(1 << 14).is_none() && region.get(0).is_some() && region.get(1 << 15).is_some());
    }

    #[test]
    fn a_table_that_is_too_large_is_not_mapped() {
        let region = Region::<Word>::new();
        assert!(!region.ensure(usize::MAX));
        assert!(region.is_empty());
    }
}
