//! A file mapped as a struct, once it is there.
//!
//! Context: any hook; async-signal-safe.

use super::Fd;
use super::region::Zeroed;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// Room for one reference to what is mapped for good.
pub struct Mapped<T>(AtomicPtr<T>);

impl<T: Zeroed> Mapped<T> {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// What is mapped.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: null, or what `map` has answered.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// From now on this is it.
    pub fn set(&self, mapped: &'static T) {
        self.0.store(ptr::from_ref(mapped).cast_mut(), Ordering::Release);
    }
}

/// Maps the head of a file, shared with whoever else maps it.
///
/// The caller has filled it: a store beyond the end of a file is a `SIGBUS`, as it is
/// where somebody cuts it off later. Nobody but the owner of a file of mode 0600 can.
///
/// # Errors
/// `ENOMEM`, `EACCES`, `ENODEV`.
pub fn map<T: Zeroed>(file: Fd) -> Result<&'static T> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh mapping at an address of the kernel's choice, never taken away;
    // any bytes are a valid `T`, which is shared as atomics only.
    unsafe { Ok(&*mmap(ptr::null_mut(), size_of::<T>(), access, MapFlags::SHARED, file, 0)?.cast()) }
}
