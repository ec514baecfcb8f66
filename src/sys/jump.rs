//! Hooks that jump to libc's function and do not call it: because it takes arguments that the hook
//! does not know, or never returns, or returns twice.
//!
//! Such a hook saves the registers, calls a function of ours, which takes note and answers where to
//! jump to, restores the registers, and jumps there. The stack is as it was found.

use softclose_core::image::Strings;

pub(crate) use super::machine::{SavedRegisters, jump_through};

impl SavedRegisters {
    /// The arguments in registers: all, of a function that takes up to six.
    pub fn arguments(&self) -> [usize; 6] {
        let [a, b, c, d, e, f, ..] = self.arguments;
        [a, b, c, d, e, f]
    }

    /// Where the variadic arguments are, of a function that has one argument before them.
    pub fn variadic(&self) -> Strings {
        let [_, rest @ ..] = &self.arguments;
        Strings::in_two(rest, core::ptr::from_ref(self).wrapping_add(1).cast())
    }

    /// Copies the variadic arguments up to the first that is null, and answers the one behind it.
    /// `None` where there is too little room.
    ///
    /// # Safety
    /// A variadic argument is null, and there is a word behind it.
    pub unsafe fn gather(&self, room: &mut [usize]) -> Option<usize> {
        let [_, rest @ ..] = &self.arguments;
        let stack = core::ptr::from_ref(self).wrapping_add(1).cast::<usize>();
        let word = |at: usize| match rest.get(at) {
            Some(&word) => word,
            // SAFETY: the caller's: nothing is read behind the one that is answered.
            None => unsafe { stack.add(at - rest.len()).read() },
        };
        for (at, place) in room.iter_mut().enumerate() {
            *place = word(at);
            if *place == 0 {
                return Some(word(at + 1));
            }
        }
        None
    }
}
