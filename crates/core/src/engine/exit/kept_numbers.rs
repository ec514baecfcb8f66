//! Descriptor numbers that stay open while the process waits in place.
//!
//! Context: the end of the process. No allocation; a long list is mapped.

use crate::sys::{Fd, memory, socket};

/// A list of numbers.
pub struct KeptNumbers {
    few: [i32; Self::FEW],
    many: Option<&'static mut [i32]>,
    len: usize,
}

impl KeptNumbers {
    const FEW: usize = 8 + Self::MESSENGERS;
    /// How many unix sockets are kept at most.
    pub const MESSENGERS: usize = 16;

    /// An empty list with room for `most` numbers.
    pub fn with_room(most: usize) -> Self {
        let many = if most > Self::FEW { memory::zeroed_slice(most) } else { None };
        Self { few: [0; Self::FEW], many, len: 0 }
    }

    fn numbers(&mut self) -> &mut [i32] {
        self.many.as_deref_mut().unwrap_or(&mut self.few)
    }

    /// Adds a number.
    pub fn add(&mut self, fd: Fd) {
        let len = self.len;
        if let Some(place) = self.numbers().get_mut(len) {
            *place = fd.raw();
        }
        self.len += 1;
    }

    /// Adds `fd` if it is a unix socket. A message that nobody has received may hold a connection
    /// with `SO_LINGER`: a close of the socket would wait for it, the end of the process does not.
    pub fn add_messenger(&mut self, fd: Fd) {
        if socket::is_unix(fd) {
            self.add(fd);
        }
    }

    /// All numbers, in ascending order; `None` where there was too little memory.
    pub fn sorted(&mut self) -> Option<&[i32]> {
        let len = self.len;
        let numbers = self.numbers().get_mut(..len)?;
        numbers.sort_unstable();
        Some(numbers)
    }
}
