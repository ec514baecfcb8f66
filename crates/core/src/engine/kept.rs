//! Numbers that are not to be closed before the end of the process, while it waits in place.
//!
//! Context: the end of the process. No allocation; a long list is mapped.

use crate::sys::{Fd, memory, socket};

/// A list of numbers, with room for as many as there can be.
pub struct Kept {
    few: [i32; Self::FEW],
    many: Option<&'static mut [i32]>,
    len: usize,
}

impl Kept {
    const FEW: usize = 8 + Self::MESSENGERS;
    /// So many unix sockets, at most, are kept.
    pub const MESSENGERS: usize = 16;

    /// For so many, at most.
    pub fn with_room(most: usize) -> Self {
        let many = if most > Self::FEW { memory::zeroed_slice(most) } else { None };
        Self { few: [0; Self::FEW], many, len: 0 }
    }

    fn room(&mut self) -> &mut [i32] {
        self.many.as_deref_mut().unwrap_or(&mut self.few)
    }

    /// One more.
    pub fn add(&mut self, fd: Fd) {
        let len = self.len;
        if let Some(place) = self.room().get_mut(len) {
            *place = fd.raw();
        }
        self.len += 1;
    }

    /// A message that nobody has received may hold a connection with `SO_LINGER`, for which a
    /// close of the socket would wait, and the end of the process does not.
    pub fn add_messenger(&mut self, fd: Fd) {
        if socket::is_unix(fd) {
            self.add(fd);
        }
    }

    /// `None` where there was too little memory.
    pub fn sorted(&mut self) -> Option<&[i32]> {
        let len = self.len;
        let numbers = self.room().get_mut(..len)?;
        numbers.sort_unstable();
        Some(numbers)
    }
}
