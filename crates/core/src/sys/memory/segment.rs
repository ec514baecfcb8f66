//! Memory that a program finds again after `exec`: a System V shared memory segment, by its id.
//!
//! The segment has no key, and only its owner may attach it. It is marked for destruction
//! (`IPC_RMID`) as soon as it is made: Linux still lets a process that knows the id attach it,
//! and frees it when the last process has detached it, even if processes were killed
//! (`shmctl(2)`). It takes no file and no descriptor, and counts towards no limit of a file
//! system.
//!
//! Context: hooks of any kind. Async-signal-safe.

use crate::sys::process;
use crate::sys::raw::{nr, syscall6};
use core::ffi::c_void;

const IPC_PRIVATE: usize = 0;
const IPC_CREAT: usize = 0o1000;
const SHM_NORESERVE: usize = 0o10000;
const OWNER_ALONE: usize = 0o600;
const IPC_RMID: usize = 0;
const IPC_STAT: usize = 2;
const IPC_INFO: usize = 3;
const SHM_INFO: usize = 14;

/// Makes a segment of `bytes` zeroes and attaches it. Answers its address, and the id by which
/// [`attach`] finds it. `None` where the kernel refuses, or where half of the segments that the
/// system allows are in use: other programs need theirs.
pub fn create(bytes: usize) -> Option<(*mut c_void, i32)> {
    if !has_system_enough() {
        return None;
    }
    let flags = IPC_CREAT | SHM_NORESERVE | OWNER_ALONE;
    // SAFETY: integers only.
    let id = unsafe { syscall6(nr::SHMGET, [IPC_PRIVATE, bytes, flags, 0, 0, 0]) }.ok()?;
    let at = map(id);
    // SAFETY: the segment is ours, and stays attached where it is.
    let _ = unsafe { syscall6(nr::SHMCTL, [id, IPC_RMID, 0, 0, 0, 0]) };
    Some((at?, id as i32))
}

/// Attaches the segment `id` and answers its address. `None` where it is gone, where a user other
/// than this process' effective one has made it, or where it has less than `bytes` bytes.
pub fn attach(id: i32, bytes: usize) -> Option<*mut c_void> {
    let id = usize::try_from(id).ok()?;
    is_ours(id, bytes).then(|| map(id))?
}

fn map(id: usize) -> Option<*mut c_void> {
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let at = unsafe { syscall6(nr::SHMAT, [id, 0, 0, 0, 0, 0]) }.ok()?;
    Some(core::ptr::with_exposed_provenance_mut(at))
}

/// The head of the kernel's `struct shmid64_ds` (`include/uapi/asm-generic/shmbuf.h`).
#[repr(C)]
#[derive(Default)]
struct Status {
    key: i32,
    user: u32,
    group: u32,
    maker: u32,
    _makers_group_to_unused: [u64; 4],
    bytes: usize,
    _times_to_unused: [u64; 8],
}

fn is_ours(id: usize, bytes: usize) -> bool {
    let mut status = Status::default();
    let args = [id, IPC_STAT, (&raw mut status) as usize, 0, 0, 0];
    // SAFETY: the kernel writes one `shmid64_ds`, of 112 bytes.
    let is_there = unsafe { syscall6(nr::SHMCTL, args) }.is_ok();
    is_there && process::effective_user() == Some(status.maker) && status.bytes >= bytes
}

const _: () = assert!(size_of::<Status>() >= 112);

/// Whether less than half of the segments that the system allows are in use.
fn has_system_enough() -> bool {
    let (mut most, mut used) = ([0u64; 9], [0u64; 6]);
    let ask = |what, answer: *mut u64| {
        // SAFETY: the kernel writes a `shminfo64` of nine words, and a `shm_info` of six.
        unsafe { syscall6(nr::SHMCTL, [0, what, answer as usize, 0, 0, 0]) }.is_ok()
    };
    let is_told = ask(IPC_INFO, most.as_mut_ptr()) && ask(SHM_INFO, used.as_mut_ptr());
    // `shmmni` is the third word of the one, `used_ids` the first int of the other.
    let [_, _, most, ..] = most;
    let [used, ..] = used;
    is_told && u64::from(used as u32) < most / 2
}

// Miri has no segments.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU64, Ordering::SeqCst};

    const PAGE: usize = 4096;

    #[test]
    fn a_segment_attached_twice_is_the_same_memory() {
        let (first, id) = create(PAGE).unwrap();
        let second = attach(id, PAGE).unwrap();
        // SAFETY: both are mapped, zeroed, and as long as the test.
        let [first, second] = [first, second].map(|at| unsafe { &*at.cast::<AtomicU64>() });
        first.store(7, SeqCst);
        assert_eq!(second.load(SeqCst), 7);
    }

    #[test]
    fn a_segment_that_is_too_small_or_gone_is_not_attached() {
        let (at, id) = create(PAGE).unwrap();
        assert!(attach(id, PAGE + 1).is_none() && attach(-1, PAGE).is_none());
        // SAFETY: our own mapping, without a reference into it.
        unsafe { rustix::mm::munmap(at, PAGE) }.unwrap();
        assert!(attach(id, PAGE).is_none());
    }
}
