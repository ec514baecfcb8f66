//! aarch64.

mod memory;

use super::super::libc_kind::is_musl;
use super::super::local::Local;
use super::super::real::Libraries;
use core::arch::asm;
use core::ffi::CStr;
use softclose_core::sys::machine::note_libc;

/// Nothing has to be looked up: the compiler finds thread-local variables by descriptors of the loader's
/// (`R_AARCH64_TLSDESC`), and names no function for them. But each libc keeps the table of thread-local storage elsewhere.
pub fn resolve(_: &Libraries) {
    note_libc(is_musl());
}

/// `clock_gettime` of the vDSO (vdso(7)).
pub const CLOCK_GETTIME: &CStr = c"__kernel_clock_gettime";

// The canary of a stack protector, which a libc has as well. Some toolchains (Debian's) compile the few C functions of
// Rust's runtime with one. glibc has that symbol in its loader, which the library would then need by name, and the
// loader of musl finds no such library. Nothing in those functions, which do arithmetic, can overflow.
core::arch::global_asm!(
    ".pushsection .rodata.softclose_canary, \"a\"",
    ".balign 8",
    ".globl __stack_chk_guard",
    ".hidden __stack_chk_guard",
    ".type __stack_chk_guard, @object",
    ".size __stack_chk_guard, 8",
    "__stack_chk_guard:",
    ".xword 0x00ff0a0d50c1ab3d",
    ".popsection",
);

/// The registers of a call, as [`jump_through`] saves them on the stack, below the arguments on the stack.
#[repr(C)]
pub struct SavedRegisters {
    pub(crate) arguments: [usize; 8],
    /// `x8`: where a result goes that does not fit into registers.
    result: usize,
    return_address: usize,
}

/// Defines a hook that calls `$note` and jumps to the address that it answers. `$note` takes a
/// reference to [`SavedRegisters`].
macro_rules! jump_through {
    ($(#[$meta:meta])* $visibility:vis fn $name:ident => $note:path) => {
        #[unsafe(naked)]
        $(#[$meta])*
        $visibility unsafe extern "C-unwind" fn $name() {
            core::arch::naked_asm!(
                "stp x0, x1, [sp, #-80]!",
                "stp x2, x3, [sp, #16]",
                "stp x4, x5, [sp, #32]",
                "stp x6, x7, [sp, #48]",
                "stp x8, x30, [sp, #64]",
                "mov x0, sp",
                "bl {note}",
                "mov x16, x0",
                "ldp x2, x3, [sp, #16]",
                "ldp x4, x5, [sp, #32]",
                "ldp x6, x7, [sp, #48]",
                "ldp x8, x30, [sp, #64]",
                "ldp x0, x1, [sp], #80",
                "br x16",
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
            "cmp x0, #{count}",
            "b.hs 2f",
            "adrp x16, {places}",
            "add x16, x16, :lo12:{places}",
            "ldrb w16, [x16, x0]",
            "cbz w16, 2f",
            "adrp x17, {targets}",
            "add x17, x17, :lo12:{targets}",
            "add x17, x17, x16, lsl #3",
            "ldur x16, [x17, #-8]",
            "br x16",
            "2:",
            "adrp x16, {real}",
            "ldr x16, [x16, :lo12:{real}]",
            "cbz x16, 3f",
            "br x16",
            "3:",
            "b {unresolved}",
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
    // SAFETY: the loader puts the distance of the symbol from the thread pointer where the third instruction reads it.
    unsafe {
        asm!("mrs {pointer}, tpidr_el0", "adrp {at}, :gottprel:softclose_local",
             "ldr {at}, [{at}, :gottprel_lo12:softclose_local]", "add {at}, {at}, {pointer}",
             at = out(reg) at, pointer = out(reg) _, options(readonly, nostack, pure, preserves_flags));
    }
    at
}

pub(crate) use {jump_through, route};
