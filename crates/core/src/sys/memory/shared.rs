//! Memory that a process shares with its fork children: a head, and a table behind it.
//!
//! As in [`super::region`], a page costs nothing until it is touched. Head and table are one
//! mapping, so that a process can leave the shared memory in one step:
//! [`Shared::replace_with`] maps other memory at the same address, and a thread that reads or
//! writes at that moment finds either the one or the other. Where a program that this one
//! executes is to find the memory again, it is a [`super::segment`].
//!
//! Context: any hook; async-signal-safe, lock-free.

use super::segment;
use super::zeroed::Zeroed;
use core::ffi::c_void;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{MapFlags, MremapFlags, ProtFlags, mmap_anonymous, mremap, mremap_fixed, munmap};

/// A head of type `H` and a table of `T`, which [`Shared::ensure`] maps.
pub struct Shared<H, T> {
    base: AtomicPtr<c_void>,
    len: AtomicUsize,
    /// The id of the segment, or [`NO_SEGMENT`].
    id: AtomicI32,
    kind: PhantomData<fn() -> (H, T)>,
}

/// The id of memory that is no segment, which no other program finds.
const NO_SEGMENT: i32 = -1;

/// How far shared memory reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The process and its fork children have it.
    Forks,
    /// The programs that they execute can find it as well, by its id.
    Programs,
}

const ACCESS: ProtFlags = ProtFlags::READ.union(ProtFlags::WRITE);

fn flags() -> MapFlags {
    // Miri has one process, and no other kind of mapping.
    if cfg!(miri) { MapFlags::PRIVATE } else { MapFlags::SHARED | MapFlags::NORESERVE }
}

impl<H: Zeroed, T: Zeroed> Shared<H, T> {
    /// Memory that is not mapped: nothing is found in it.
    pub const fn new() -> Self {
        Self::at(ptr::null_mut(), 0, NO_SEGMENT)
    }

    const fn at(base: *mut c_void, len: usize, id: i32) -> Self {
        Self { base: AtomicPtr::new(base), len: AtomicUsize::new(len), id: AtomicI32::new(id), kind: PhantomData }
    }

    /// Bytes from the beginning of the mapping to the table.
    const TABLE: usize = size_of::<H>().next_multiple_of(align_of::<T>());

    fn bytes(len: usize) -> Option<usize> {
        len.checked_mul(size_of::<T>())?.checked_add(Self::TABLE)
    }

    /// Maps a zeroed head and `len` zeroed elements, unless they are mapped. False where the
    /// kernel gives no memory. Of two threads that call this at the same time, one maps the
    /// memory for both; both must ask for the same `len`.
    pub fn ensure(&self, len: usize, reach: Reach) -> bool {
        if !self.base.load(Ordering::Acquire).is_null() {
            return true;
        }
        let Some((mapped, bytes, id)) = Self::map(len, reach) else { return false };
        // A reader that sees the base must see the length: it is stored first.
        self.len.store(len, Ordering::Release);
        if self.base.compare_exchange(ptr::null_mut(), mapped, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.id.store(id, Ordering::Release);
        } else {
            // SAFETY: our own mapping, which no other thread has seen.
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
        Some((mapped, bytes, NO_SEGMENT))
    }

    /// Finds the memory that another program has made, by its id and the number of elements.
    /// `None` where it is gone, too small, or another user's.
    pub fn find(id: i32, len: usize) -> Option<Self> {
        let base = segment::attach(id, Self::bytes(len)?)?;
        Some(Self::at(base, len, id))
    }

    /// Takes the mapping of `other` over. False, and `other` is unmapped, where this memory is
    /// mapped already.
    pub fn take_over(&self, other: Self) -> bool {
        let base = other.base.load(Ordering::Acquire);
        self.len.store(other.len(), Ordering::Release);
        let is_free = self.base.compare_exchange(ptr::null_mut(), base, Ordering::AcqRel, Ordering::Acquire).is_ok();
        if is_free {
            self.id.store(other.id.load(Ordering::Acquire), Ordering::Release);
            other.base.store(ptr::null_mut(), Ordering::Release);
        }
        is_free
    }

    /// The id by which a program that this one executes finds the memory; `None` where it cannot.
    pub fn id(&self) -> Option<i32> {
        Some(self.id.load(Ordering::Acquire)).filter(|&id| id != NO_SEGMENT)
    }

    /// The head, once it is mapped.
    pub fn head(&self) -> Option<&H> {
        // SAFETY: null, or a mapping of a zeroed `Zeroed` type, which stays mapped as long as
        // this lives and is only ever shared as `&H`. A page is aligned for it.
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

    /// The number of elements; 0 before they are mapped.
    pub fn len(&self) -> usize {
        if self.base.load(Ordering::Acquire).is_null() { 0 } else { self.len.load(Ordering::Acquire) }
    }

    /// Whether nothing is mapped.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Maps the same memory a second time, at another address (`mremap(2)` with an old size
    /// of 0). `None` where nothing is mapped or the kernel refuses.
    pub fn second_mapping(&self) -> Option<Self> {
        let (base, len) = (self.base.load(Ordering::Acquire), self.len());
        let bytes = Self::bytes(len).filter(|_| !base.is_null())?;
        // SAFETY: our own shared mapping, which stays where it is.
        let second = unsafe { mremap(base, 0, bytes, MremapFlags::MAYMOVE) }.ok()?;
        Some(Self::at(second, len, NO_SEGMENT))
    }

    /// Moves the mapping of `other` to the address of this one. From then on this process has
    /// no access to the memory that it shared, and shares the other memory with the children
    /// that it makes. False, and nothing has changed, where the kernel refuses or the sizes
    /// differ.
    pub fn replace_with(&self, other: Self) -> bool {
        let base = self.base.load(Ordering::Acquire);
        let from = other.base.load(Ordering::Acquire);
        let (len, other_len) = (self.len(), other.len());
        let Some(bytes) = Self::bytes(len).filter(|_| !base.is_null() && len == other_len) else { return false };
        let id = self.id.swap(NO_SEGMENT, Ordering::AcqRel);
        // SAFETY: both are mappings of ours, of the same size and type: a reference into this
        // one leads to a valid element of the other.
        let moved = unsafe { mremap_fixed(from, bytes, bytes, MremapFlags::MAYMOVE, base) };
        if moved.is_ok() {
            other.base.store(ptr::null_mut(), Ordering::Release);
        }
        let id = if moved.is_ok() { other.id.load(Ordering::Acquire) } else { id };
        self.id.store(id, Ordering::Release);
        moved.is_ok()
    }

    /// As [`Shared::replace_with`], but with fresh zeroes, which take no memory until they are
    /// touched. False where the kernel refuses.
    pub fn replace_with_zeroes(&self) -> bool {
        let base = self.base.load(Ordering::Acquire);
        let Some(bytes) = Self::bytes(self.len()).filter(|_| !base.is_null()) else { return false };
        self.id.store(NO_SEGMENT, Ordering::Release);
        // SAFETY: it replaces a mapping of ours; zeroes are valid elements.
        unsafe { mmap_anonymous(base, bytes, ACCESS, flags() | MapFlags::FIXED) }.is_ok()
    }
}

#[cfg(test)]
impl<H: Zeroed, T: Zeroed> Shared<H, T> {
    /// The whole memory as words, for a test that overwrites it.
    pub fn words(&self) -> &[core::sync::atomic::AtomicU64] {
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
            // SAFETY: our own mapping; no reference into it outlives this value.
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
    fn memory_found_by_its_id_is_the_same_memory() {
        let words = Words::new();
        assert!(words.ensure(1000, Reach::Programs));
        words.get(999).unwrap().0.store(7, SeqCst);
        let found = Words::new();
        assert!(found.take_over(Words::find(words.id().unwrap(), 1000).unwrap()));
        assert_eq!((word(&found, 999), found.id()), (7, words.id()));
        assert!(Words::find(words.id().unwrap(), 2000).is_none());
    }

    #[test]
    fn memory_that_is_too_large_is_not_mapped() {
        let words = Words::new();
        assert!(!words.ensure(usize::MAX, Reach::Forks) && words.is_empty());
    }

    #[test]
    #[cfg_attr(miri, ignore = "mremap")]
    fn two_mappings_show_the_same_memory_until_one_is_replaced() {
        let words = Words::new();
        assert!(words.ensure(1000, Reach::Forks));
        let again = words.second_mapping().unwrap();
        again.get(999).unwrap().0.store(7, SeqCst);
        assert_eq!(word(&words, 999), 7);
        let other = Words::new();
        assert!(other.ensure(1000, Reach::Forks));
        other.get(999).unwrap().0.store(8, SeqCst);
        let before = core::ptr::from_ref(words.get(999).unwrap());
        assert!(words.replace_with(other));
        assert_eq!(core::ptr::from_ref(words.get(999).unwrap()), before);
        again.get(999).unwrap().0.store(9, SeqCst);
        assert_eq!((word(&words, 999), word(&again, 999)), (8, 9));
        assert!(words.replace_with_zeroes());
        assert_eq!(word(&words, 999), 0);
    }
}
