//! Functions that only look on: what they stand for takes arguments that they do
//! not know, or never returns, or returns twice. So they are no frame around it:
//! they call a note-taker, which answers where to go, and jump there with registers
//! and stack as they were found.

use softclose_core::image::Strings;

/// The registers of such a call as they are kept while its note is taken, in memory
/// below the return address and the arguments on the stack.
#[repr(C)]
pub struct SavedRegisters {
    arguments: [usize; 6],
    vectors: usize,
    return_address: usize,
}

impl SavedRegisters {
    /// What a plain function of up to six arguments has in registers.
    pub fn arguments(&self) -> [usize; 6] {
        self.arguments
    }

    /// Where the variadic arguments are, of a function that has one other.
    pub fn variadic(&self) -> Strings {
        let [_, rest @ ..] = &self.arguments;
        Strings::in_two(rest, core::ptr::from_ref(self).wrapping_add(1).cast())
    }

    /// Copies those up to the null one, and answers the one behind that; `None` where there is
    /// too little room.
    ///
    /// # Safety
    /// The function is given a null one, and one behind it.
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

/// Defines such a function. `$note` takes a reference to [`SavedRegisters`], and answers an
/// address.
macro_rules! jump_through {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident => $note:path) => {
        #[unsafe(naked)]
        $(#[$meta])*
        $visibility unsafe extern "C-unwind" fn $name() {
            // `al` says how many vector registers a variadic call uses.
            core::arch::naked_asm!(
                "push rax", "push r9", "push r8", "push rcx", "push rdx", "push rsi", "push rdi",
                "mov rdi, rsp",
                "call {note}",
                "mov r11, rax",
                "pop rdi", "pop rsi", "pop rdx", "pop rcx", "pop r8", "pop r9", "pop rax",
                "jmp r11",
                note = sym $note,
            )
        }
    };
}

pub(crate) use jump_through;
