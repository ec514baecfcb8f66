//! Whether memory of the program can be read, before a hook reads it.
//!
//! The program may give a call a bad pointer. The call must then answer `EFAULT`, as natively,
//! so a hook must not crash on the pointer before. `rt_sigprocmask` tells for 60 ns whether
//! eight bytes can be read: it copies the signal set before it looks at `how`, and with an
//! invalid `how` it changes nothing.
//!
//! Context: async-signal-safe.

use crate::sys::raw::{nr, syscall6};
use rustix::io::Errno;

const PAGE: usize = 4096;
/// Bytes that the kernel reads, the size of a signal set.
const WORD: usize = 8;
/// Most bytes that are probed; more than the control data of a message.
const MOST: usize = 1 << 18;

/// Whether the `len` bytes from address `at` on can be read. False also where the kernel does
/// not tell, and for more than 256 KiB. It takes a system call for each page and two more.
pub fn is_readable(at: usize, len: usize) -> bool {
    let Some(last) = at.checked_add(len.max(WORD)).map(|end| end - WORD).filter(|_| len <= MOST) else { return false };
    let pages = (at / PAGE + 1..=last / PAGE).map(|page| page * PAGE);
    [at, last].into_iter().chain(pages).all(is_word_readable)
}

fn is_word_readable(at: usize) -> bool {
    let invalid = usize::MAX;
    // SAFETY: the kernel reads eight bytes, or answers EFAULT; `how` is invalid, so that the
    // mask stays as it is.
    let answer = unsafe { syscall6(nr::RT_SIGPROCMASK, [invalid, at, 0, WORD, 0, 0]) };
    at != 0 && answer == Err(Errno::INVAL)
}

/// The value at address `at`; `None` where it cannot be read.
///
/// # Safety
/// Any bytes must be a valid `T`.
pub unsafe fn read<T: Copy>(at: *const T) -> Option<T> {
    // SAFETY: it can be read; any bytes are a valid `T`, says the caller.
    is_readable(at as usize, size_of::<T>()).then(|| unsafe { at.read_unaligned() })
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    #[test]
    fn mapped_memory_can_be_read_and_other_memory_cannot() {
        let here = [7u64; 4];
        assert!(is_readable(here.as_ptr() as usize, size_of_val(&here)));
        // SAFETY: any bytes are a number.
        assert_eq!(unsafe { read(here.as_ptr()) }, Some(7));
        assert!([0, 1, PAGE - 1, usize::MAX - 3, usize::MAX].into_iter().all(|at| !is_readable(at, 8)));
    }
}
