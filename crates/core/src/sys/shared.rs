//! Memory that a process has in common with its fork children: a head, and a table
//! behind it, in one mapping.
//!
//! As in [`super::region`] a page costs nothing until it is touched. One mapping, so that
//! a process can leave it in one step: [`Shared::give_place_to`] puts other memory at the
//! same address, and a thread that reads or writes meanwhile finds the one or the other.
//! Where a program that this one executes is to find it again, it is a [`super::segment`].

use super::region::Zeroed;
use super::segment;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, mremap_fixed, munmap};

/// A head of type `H` and a table of `T`, mapped at the first [`Shared::ensure`].
pub struct Shared<H, T> {
    base: AtomicPtr<c_void>,
    len: AtomicUsize,
    /// By which it is found again, or [`NOWHERE`].
    id: AtomicI32,
    kind: PhantomData<fn() -> (H, T)>,
}

/// The id of memory that nobody finds again.
const NOWHERE: i32 = -1;

/// Whether a program that this one executes can find the memory again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The process and its fork children alone have it.
    Forks,
    /// So have the programs that they execute.
    Programs,
}

const ACCESS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

fn flags() -> MapFlags {
    // Miri has one process, and no other kind of mapping.
    if cfg!(miri) { MapFlags::PRIVATE } else { MapFlags::SHARED | MapFlags::NORESERVE }
}

impl<H: Zeroed, T: Zeroed> Shared<H, T> {
    /// Nothing mapped: nothing is found in it.
    pub const fn new() -> Self {
        Self::at(ptr::null_mut(), 0, NOWHERE)
    }

    const fn at(base: *mut c_void, len: usize, id: i32) -> Self {
        Self { base: AtomicPtr::new(base), len: AtomicUsize::new(len), id: AtomicI32::new(id), kind: PhantomData }
    }

    /// Where the table begins.
    const TABLE: usize = size_of::<H>().next_multiple_of(align_of::<T>());

    fn bytes(len: usize) -> Option<usize> {
        len.checked_mul(size_of::<T>())?.checked_add(Self::TABLE)
    }

    /// Maps a zeroed head and `len` zeroed elements, unless that has been done. False
    /// where the memory could not be had. Two threads may race; one mapping wins.
    pub fn ensure(&self, len: usize, reach: Reach) -> bool {
        if !self.base.load(Ordering::Acquire).is_null() {
            return true;
        }
        let Some((mapped, bytes, id)) = Self::map(len, reach) else { return false };
        // The length is the same for every racer, and must be there before the base.
        self.len.store(len, Ordering::Release);
        if self.base.compare_exchange(ptr::null_mut(), mapped, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.id.store(id, Ordering::Release);
        } else {
            // SAFETY: our own mapping, which nobody else has seen.
            let _ = unsafe { munmap(mapped, bytes) };
        }
        true
    }

    fn map(len: usize, reach: Reach) -> Option<(*mut c_void, usize, i32)> {
        let bytes = Self::bytes(len)?;
        let found = if reach == Reach::Programs { segment::create(bytes) } else { None };
        if let Some((mapped, id)) = found {
            return Some((mapped, bytes, id));
        }
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let mapped = unsafe { mmap_anonymous(ptr::null_mut(), bytes, ACCESS, flags()) }.ok()?;
        Some((mapped, bytes, NOWHERE))
    }

    /// The memory of `len` elements that another program has found by this id; `None` where
    /// it is not there, or not this user's.
    pub fn find(id: i32, len: usize) -> Option<Self> {
        let base = segment::attach(id, Self::bytes(len)?)?;
        Some(Self::at(base, len, id))
    }

    /// Takes over `other`, where nothing is mapped yet.
    pub fn become_that(&self, other: Self) -> bool {
        let base = other.base.load(Ordering::Acquire);
        self.len.store(other.len(), Ordering::Release);
        let is_free = self.base.compare_exchange(ptr::null_mut(), base, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if is_free {
            self.id.store(other.id.load(Ordering::Acquire), Ordering::Release);
            other.base.store(ptr::null_mut(), Ordering::Release);
        }
        is_free
    }

    /// By which a program that this one executes finds it.
    pub fn id(&self) -> Option<i32> {
        Some(self.id.load(Ordering::Acquire)).filter(|&id| id != NOWHERE)
    }

    /// The head, once it is mapped.
    pub fn head(&self) -> Option<&H> {
        // SAFETY: null, or a mapping of a zeroed `Zeroed` type, which lives as long as this
        // and is only ever shared as `&H`. A page is aligned for it.
        unsafe { self.base.load(Ordering::Acquire).cast::<H>().as_ref() }
    }

    /// Element `index`, or `None` where it is out of range or nothing is mapped.
    pub fn get(&self, index: usize) -> Option<&T> {
        let base = self.base.load(Ordering::Acquire);
        if base.is_null() || index >= self.len.load(Ordering::Acquire) {
            return None;
        }
        // SAFETY: as for the head; the table has `len` elements from `TABLE` on.
        Some(unsafe { &*base.byte_add(Self::TABLE).cast::<T>().add(index) })
    }

    /// Elements mapped; 0 before [`Shared::ensure`].
    pub fn len(&self) -> usize {
        if self.base.load(Ordering::Acquire).is_null() { 0 } else { self.len.load(Ordering::Acquire) }
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same memory at another address. Source: `mremap(2)`, old size 0.
    pub fn again(&self) -> Option<Self> {
        let (base, len) = (self.base.load(Ordering::Acquire), self.len());
        let bytes = Self::bytes(len).filter(|_| !base.is_null())?;
        // SAFETY: our own shared mapping, which stays where it is.
        let twin = unsafe { mremap(base, 0, bytes, MremapFlags::MAYMOVE) }.ok()?;
        Some(Self::at(twin, len, NOWHERE))
    }

    /// Puts `other` where this was: from now on this process has nothing of the memory
    /// that it shared, and shares the other with the children that it makes. False where
    /// nothing has changed.
    pub fn give_place_to(&self, other: Self) -> bool {
        let base = self.base.load(Ordering::Acquire);
        let from = other.base.load(Ordering::Acquire);
        let (len, other_len) = (self.len(), other.len());
        let Some(bytes) = Self::bytes(len).filter(|_| !base.is_null() && len == other_len) else { return false };
        let id = self.id.swap(NOWHERE, Ordering::AcqRel);
        // SAFETY: both are mappings of ours, of the same size and type; whoever has a
        // reference into this one finds valid elements of the other there.
        let moved = unsafe { mremap_fixed(from, bytes, bytes, MremapFlags::MAYMOVE, base) };
        if moved.is_ok() {
            other.base.store(ptr::null_mut(), Ordering::Release);
        }
        let id = if moved.is_ok() { other.id.load(Ordering::Acquire) } else { id };
        self.id.store(id, Ordering::Release);
        moved.is_ok()
    }

    /// As [`Shared::give_place_to`], with zeroes: what needs no memory but for the pages
    /// that are touched.
    pub fn give_place_to_nothing(&self) -> bool {
        let base = self.base.load(Ordering::Acquire);
        let Some(bytes) = Self::bytes(self.len()).filter(|_| !base.is_null()) else { return false };
        self.id.store(NOWHERE, Ordering::Release);
        // SAFETY: over a mapping of ours; zeroes are valid elements.
        unsafe { mmap_anonymous(base, bytes, ACCESS, flags() | MapFlags::FIXED) }.is_ok()
    }
}

#[cfg(test)]
impl<H: Zeroed, T: Zeroed> Shared<H, T> {
    /// All of it as words, for whoever scribbles on it.
    pub fn scrawl(&self) -> &[core::sync::atomic::AtomicU64] {
        let base = self.base.load(Ordering::Acquire).cast::<core::sync::atomic::AtomicU64>();
        let words = Self::bytes(self.len()).map_or(0, |bytes| bytes / size_of::<u64>());
        // SAFETY: mapped, aligned, and all of it atomics.
        if base.is_null() { &[] } else { unsafe { core::slice::from_raw_parts(base, words) } }
    }
}

impl<H, T> Drop for Shared<H, T> {
    fn drop(&mut self) {
        let (base, len) = (*self.base.get_mut(), *self.len.get_mut());
        let table = size_of::<H>().next_multiple_of(align_of::<T>());
        if !base.is_null() {
            // SAFETY: our own mapping; references into it do not outlive this.
            let _ = unsafe { munmap(base, table + len * size_of::<T>()) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zeroed;
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

    zeroed! {
        struct Word(AtomicU64);
    }

    type Words = Shared<Word, Word>;

    fn word(words: &Words, index: usize) -> u64 {
        words.get(index).unwrap().0.load(SeqCst)
    }

    #[test]
    fn nothing_is_found_beyond_the_end_or_before_the_mapping() {
        let words = Words::new();
        assert!(words.is_empty() && words.head().is_none() && words.get(0).is_none());
        assert!(words.ensure(3, Reach::Forks));
        assert_eq!((word(&words, 2), words.head().unwrap().0.load(SeqCst)), (0, 0));
        assert!(words.get(3).is_none());
    }

    /// Miri has no segments.
    #[test]
    #[cfg_attr(miri, ignore = "segments")]
    fn what_is_found_by_its_id_is_the_same_memory() {
        let words = Words::new();
        assert!(words.ensure(1000, Reach::Programs));
        words.get(999).unwrap().0.store(7, SeqCst);
        let found = Words::new();
        assert!(found.become_that(Words::find(words.id().unwrap(), 1000).unwrap()));
        assert_eq!((word(&found, 999), found.id()), (7, words.id()));
        assert!(Words::find(words.id().unwrap(), 2000).is_none());
    }

    #[test]
    fn what_cannot_be_mapped_is_not_there() {
        let words = Words::new();
        assert!(!words.ensure(usize::MAX, Reach::Forks) && words.is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "mremap")]
    fn the_same_memory_is_seen_twice_until_one_gives_place() {
        let words = Words::new();
        assert!(words.ensure(1000, Reach::Forks));
        let again = words.again().unwrap();
        again.get(999).unwrap().0.store(7, SeqCst);
        assert_eq!(word(&words, 999), 7);
        let other = Words::new();
        assert!(other.ensure(1000, Reach::Forks));
        other.get(999).unwrap().0.store(8, SeqCst);
        let before = core::ptr::from_ref(words.get(999).unwrap());
        assert!(words.give_place_to(other));
        assert_eq!(core::ptr::from_ref(words.get(999).unwrap()), before);
        again.get(999).unwrap().0.store(9, SeqCst);
        assert_eq!((word(&words, 999), word(&again, 999)), (8, 9));
        assert!(words.give_place_to_nothing());
        assert_eq!(word(&words, 999), 0);
    }
}
