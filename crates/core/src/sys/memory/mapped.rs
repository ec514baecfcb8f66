//! A file mapped as a struct, and a place for the reference to it.
//!
//! Context: any hook; async-signal-safe.

use super::zeroed::Zeroed;
use crate::sys::fd::Fd;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use rustix::io::Result;
use rustix::mm::{MapFlags, ProtFlags, mmap};

/// A place for one reference to mapped memory, empty at first. What is stored there is never
/// unmapped.
pub struct Mapped<T>(AtomicPtr<T>);

impl<T: Zeroed> Mapped<T> {
    /// An empty place.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// The reference, once [`Mapped::set`] has stored one.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: null, or a reference that `set` was given.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }

    /// Stores the reference.
    pub fn set(&self, mapped: &'static T) {
        self.0.store(ptr::from_ref(mapped).cast_mut(), Ordering::Release);
    }
}

/// Maps the first bytes of a file as a struct, shared with every other process that maps the file.
///
/// The file must be at least as long as the struct: a store behind the end of a file raises
/// `SIGBUS`. It does so too where somebody truncates the file later. Of a file of mode 0600
/// only the owner, and root, can do that.
///
/// # Errors
/// `ENOMEM`, `EACCES`, `ENODEV`.
pub fn map<T: Zeroed>(file: Fd) -> Result<&'static T> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a fresh mapping at an address of the kernel's choice, never unmapped; any bytes
    // are a valid `T`, whose fields are atomics.
    unsafe { Ok(&*mmap(ptr::null_mut(), size_of::<T>(), access, MapFlags::SHARED, file, 0)?.cast()) }
}
