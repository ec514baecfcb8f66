//! `wordexp(3)` expands words as a shell does, and runs a shell for each command substitution.
//! Before such a call, what that shell inherits is noted as given to another program, as for
//! `popen`.

use super::popen::nameless;
use crate::sys::real;
use core::ffi::{CStr, c_char, c_int, c_void};

const WRDE_NOCMD: c_int = 4;

/// `wordexp(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn wordexp(words: *const c_char, found: *mut c_void, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    let own_call = || unsafe { real::wordexp(words, found, flags) };
    // SAFETY: a terminated string, which libc reads as well.
    let may_execute = flags & WRDE_NOCMD == 0 && unsafe { has_command(words) };
    if may_execute { nameless(own_call) } else { own_call() }
}

/// Whether there is a command substitution in `words`.
///
/// # Safety
/// `words` is a terminated string.
unsafe fn has_command(words: *const c_char) -> bool {
    // SAFETY: the caller's.
    let words = unsafe { CStr::from_ptr(words) }.to_bytes();
    words.contains(&b'`') || words.windows(2).any(|two| two == b"$(")
}
