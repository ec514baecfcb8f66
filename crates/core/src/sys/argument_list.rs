//! The arguments of a program that is to be executed, in mapped memory.
//!
//! Context: async-signal-safe. No allocation: the memory is mapped, and never freed.

use super::memory;

/// Texts, each with a zero behind, and the list of their addresses with a null behind.
pub struct ArgumentList {
    list: &'static mut [usize],
    len: usize,
    /// What no argument lies in yet.
    free: &'static mut [u8],
}

impl ArgumentList {
    /// Room for `most` arguments of `bytes` bytes in all; `None` where there is no memory.
    pub fn with_room(most: usize, bytes: usize) -> Option<Self> {
        Some(Self { list: memory::zeroed(most + 1)?, len: 0, free: memory::zeroed(bytes)? })
    }

    /// Adds the argument that `write` writes, which answers its length with the zero behind.
    /// `None` where there is no room for it, or no zero.
    pub fn push(&mut self, write: impl FnOnce(&mut [u8]) -> usize) -> Option<()> {
        let len = write(self.free);
        let (text, free) = core::mem::take(&mut self.free).split_at_mut_checked(len)?;
        self.free = free;
        // One more is the null at the end.
        let place = self.list.get_mut(..self.len + 2)?.get_mut(self.len)?;
        *place = (text.last() == Some(&0)).then_some(text.as_ptr().addr())?;
        self.len += 1;
        Some(())
    }

    /// The address of the list, for `execve(2)`.
    pub(super) fn address(&self) -> usize {
        self.list.as_ptr().addr()
    }
}
