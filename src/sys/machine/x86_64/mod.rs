//! x86_64.

mod memory;
mod tls;

use super::super::local::Local;
use core::arch::asm;
use core::ffi::CStr;

pub use tls::resolve;

/// `clock_gettime` of the vDSO (vdso(7)).
pub const CLOCK_GETTIME: &CStr = c"__vdso_clock_gettime";

/// The registers of a call, as [`jump_through`] saves them on the stack, below the return address
/// and the arguments on the stack.
#[repr(C)]
pub struct SavedRegisters {
    pub(crate) arguments: [usize; 6],
    vectors: usize,
    return_address: usize,
}

/// Defines a hook that calls `$note` and jumps to the address that it answers. `$note` takes a
/// reference to [`SavedRegisters`].
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

/// The body of the hook of `syscall(2)`: the byte at the number's place in `$places`, if it is not 0, is the number,
/// from 1 on, of an address in `$targets`, to jump to. Otherwise the hook jumps to the address in `$real`, or to
/// `$unresolved` where that is null.
macro_rules! route {
    ($count:expr, $places:path, $targets:path, $real:path, $unresolved:path) => {
        core::arch::naked_asm!(
            "cmp rdi, {count}",
            "jae 2f",
            "lea rax, [rip + {places}]",
            "movzx eax, byte ptr [rax + rdi]",
            "test eax, eax",
            "jz 2f",
            "lea r11, [rip + {targets}]",
            "mov rax, [r11 + 8 * rax - 8]",
            "jmp rax",
            "2:",
            "mov rax, [rip + {real}]",
            "test rax, rax",
            "jz {unresolved}",
            "jmp rax",
            count = const $count,
            places = sym $places,
            targets = sym $targets,
            real = sym $real,
            unresolved = sym $unresolved,
        )
    };
}

/// Where the storage `softclose_local` of the calling thread is.
#[inline(always)]
pub fn local_storage() -> *const Local {
    let at: *const Local;
    // SAFETY: the loader puts the distance of the symbol from the thread pointer where the first
    // instruction reads it; the first word that the thread pointer points to is its own address.
    unsafe {
        asm!("mov {at}, qword ptr [rip + softclose_local@gottpoff]", "add {at}, qword ptr fs:[0]",
             at = lateout(reg) at, options(readonly, nostack, pure));
    }
    at
}

pub(crate) use {jump_through, route};
