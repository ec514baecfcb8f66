//! The descriptor numbers in a `posix_spawn_file_actions_t`.
//!
//! Its head is in `<spawn.h>`: how many actions there are, and where. What an action looks like is
//! glibc's own matter: four words of eight bytes, among which are the numbers. So every half of a
//! word that could be a number is taken for one. A connection that is named wrongly only loses its
//! drain.

use libc::{c_int, posix_spawn_file_actions_t};
use softclose_core::sys::Fd;

#[repr(C)]
struct Head {
    _allocated: c_int,
    used: c_int,
    actions: *const c_int,
}

/// Halves of words in one action: a tag, and at most two numbers, a path, flags and a mode.
const HALVES: usize = 8;
/// A half from here on is no number.
const HIGHEST: c_int = 1 << 20;

/// Calls `visit` for each number that the actions may name.
///
/// # Safety
/// `actions` is null, or an object that `posix_spawn` may be given.
pub unsafe fn each(actions: *const posix_spawn_file_actions_t, mut visit: impl FnMut(Fd)) {
    // SAFETY: the caller's; the head is as in `<spawn.h>`.
    let Some(head) = (unsafe { actions.cast::<Head>().as_ref() }) else { return };
    let used = usize::try_from(head.used).unwrap_or(0);
    if head.actions.is_null() {
        return;
    }
    for at in 0..used * HALVES {
        // SAFETY: `used` actions are there. Not every byte need have been written: a volatile
        // read takes what is there.
        let half = unsafe { head.actions.add(at).read_volatile() };
        if let Some(fd) = Fd::new(half).filter(|_| half < HIGHEST) {
            visit(fd);
        }
    }
}
