//! Memory of the program's that may not be there: a call that is given a bad pointer must
//! answer `EFAULT`, as natively, so nobody may read through it unasked.
//!
//! `rt_sigprocmask` copies the set before it looks at what to do with it: with a `how` that
//! there is not, it changes nothing, and tells for 60 ns whether eight bytes can be read.
//!
//! Context: async-signal-safe.

use super::raw::{nr, syscall6};
use rustix::io::Errno;

const PAGE: usize = 4096;
/// What the kernel reads there.
const WORD: usize = 8;
/// Of more nobody asks.
const MOST: usize = 1 << 18;

/// Whether the `len` bytes from `at` on can be read; false also where the kernel does not
/// tell, and where they are more than a message has room for.
pub fn is_readable(at: usize, len: usize) -> bool {
    let Some(last) = at.checked_add(len.max(WORD)).map(|end| end - WORD).filter(|_| len <= MOST) else { return false };
    let pages = (at / PAGE + 1..=last / PAGE).map(|page| page * PAGE);
    [at, last].into_iter().chain(pages).all(is_word_readable)
}

fn is_word_readable(at: usize) -> bool {
    let nothing = usize::MAX;
    // SAFETY: the kernel reads eight bytes, or answers EFAULT.
    let answer = unsafe { syscall6(nr::RT_SIGPROCMASK, [nothing, at, 0, WORD, 0, 0]) };
    at != 0 && answer == Err(Errno::INVAL)
}

/// The value at `at`, if it can be read.
///
/// # Safety
/// Any bytes are a valid `T`.
pub unsafe fn read<T: Copy>(at: *const T) -> Option<T> {
    // SAFETY: it can be read; the caller says that its bytes are a value.
    is_readable(at as usize, size_of::<T>()).then(|| unsafe { at.read_unaligned() })
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;

    #[test]
    fn what_is_mapped_can_be_read_and_what_is_not_cannot() {
        let here = [7u64; 4];
        assert!(is_readable(here.as_ptr() as usize, size_of_val(&here)));
        // SAFETY: any bytes are a number.
        assert_eq!(unsafe { read(here.as_ptr()) }, Some(7));
        assert!([0, 1, PAGE - 1, usize::MAX - 3, usize::MAX].into_iter().all(|at| !is_readable(at, 8)));
    }
}
