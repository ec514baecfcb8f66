//! The arguments of a program that we execute, in mapped memory.
//!
//! Context: async-signal-safe. The memory is mapped, not allocated, and never freed.

use crate::sys::memory::plain;

/// Arguments, each a string with a terminating zero, and the list of their addresses, which
/// ends with a null pointer: what `execve(2)` takes.
pub struct ArgumentList {
    list: &'static mut [usize],
    len: usize,
    /// The memory behind the last argument.
    free: &'static mut [u8],
}

impl ArgumentList {
    /// An empty list with room for `most` arguments of `bytes` bytes in all, terminating zeroes
    /// included. `None` where there is no memory.
    pub fn with_room(most: usize, bytes: usize) -> Option<Self> {
        Some(Self { list: plain::zeroed_slice(most + 1)?, len: 0, free: plain::zeroed_slice(bytes)? })
    }

    /// Adds an argument. `write` puts it into the buffer that it is given, and answers its
    /// length with the terminating zero. `None`, and nothing is added, where there is no room
    /// for it or where it has no terminating zero.
    pub fn push(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> Option<()> {
        let len = write(self.free);
        let (text, free) = core::mem::take(&mut self.free).split_at_mut_checked(len)?;
        self.free = free;
        // The element behind it stays null: the end of the list.
        let place = self.list.get_mut(..self.len + 2)?.get_mut(self.len)?;
        *place = (text.last() == Some(&0)).then_some(text.as_ptr().addr())?;
        self.len += 1;
        Some(())
    }

    /// The address of the list, for `execve(2)`.
    pub(in crate::sys) fn address(&self) -> usize {
        self.list.as_ptr().addr()
    }
}
