//! Functions that only look on: what they stand for takes arguments that they do
//! not know, or never returns, or returns twice. So they are no frame around it:
//! they call a note-taker, which answers where to go, and jump there with registers
//! and stack as they were found.

/// Defines such a function. `$note` takes up to six of its arguments and answers an
/// address.
macro_rules! jump_through {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident => $note:path) => {
        #[unsafe(naked)]
        $(#[$meta])*
        $visibility unsafe extern "C-unwind" fn $name() {
            // `al` says how many vector registers a variadic call uses.
            core::arch::naked_asm!(
                "push rdi", "push rsi", "push rdx", "push rcx", "push r8", "push r9", "push rax",
                "call {note}",
                "mov r11, rax",
                "pop rax", "pop r9", "pop r8", "pop rcx", "pop rdx", "pop rsi", "pop rdi",
                "jmp r11",
                note = sym $note,
            )
        }
    };
}

pub(crate) use jump_through;
