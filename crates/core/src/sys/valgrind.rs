//! What Valgrind's tools must be told, by client requests. A client request is a sequence of
//! instructions that does nothing outside of Valgrind.
//!
//! Context: any; async-signal-safe.

/// Tells Helgrind and DRD that the `len` bytes from address `at` on are shared without locks. Atomic
/// operations on them are plain loads and stores on this machine, which the tools would report as
/// races (`VALGRIND_HG_DISABLE_CHECKING`, `DRD_IGNORE_VAR`).
pub fn is_lock_free(at: usize, len: usize) {
    const ARANGE_MAKE_UNTRACKED: usize = 0x4847_0000 + 256 + 39;
    const START_SUPPRESSION: usize = 0x4452_0002;
    request([ARANGE_MAKE_UNTRACKED, at, len, 0, 0, 0]);
    request([START_SUPPRESSION, at, len, 0, 0, 0]);
}

/// Whether the program runs under Valgrind (`RUNNING_ON_VALGRIND`).
pub fn is_running() -> bool {
    const RUNNING_ON_VALGRIND: usize = 0x1001;
    request([RUNNING_ON_VALGRIND, 0, 0, 0, 0, 0]) != 0
}

#[cfg(not(miri))]
fn request(words: [usize; 6]) -> usize {
    super::machine::client_request(&words)
}

#[cfg(miri)]
fn request(_: [usize; 6]) -> usize {
    0
}
