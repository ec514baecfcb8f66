//! The memory that an `io_uring` shares with its program, mapped a second time, for reading only.
//!
//! The program writes requests (`io_uring_sqe`) and the tail of their queue. The kernel writes the
//! head of that queue when it has taken requests. It also writes completions (`io_uring_cqe`) and
//! the tail of their queue. Heads and tails count from 0 and never go back.
//!
//! A thread may close a ring while others read it. So readers are counted, and the last one unmaps
//! the memory. If a signal handler leaves a reader by `siglongjmp`, the memory stays mapped for
//! ever.
//!
//! Context: any hook; async-signal-safe, lock-free.
//!
//! Source: `include/uapi/linux/io_uring.h`, `io_get_sqe`, `io_commit_sqring`, `io_uring_mmap`.

use crate::sys::fd::Fd;
use crate::zeroed;
use core::ptr;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};

/// `struct io_uring_params`, as a successful `io_uring_setup` has filled it in.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Parameters {
    requests: u32,
    completions: u32,
    /// `IORING_SETUP_*`.
    pub flags: u32,
    _thread: [u32; 2],
    /// `IORING_FEAT_*`.
    pub features: u32,
    _reserved: [u32; 4],
    request_offsets: [u32; 10],
    completion_offsets: [u32; 10],
}

/// `IORING_SETUP_NO_SQARRAY`: the queue of requests has no array of indices.
pub const NO_SQARRAY: u32 = 1 << 16;

/// The fields of a request (`struct io_uring_sqe`) that matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// `IORING_OP_*`.
    pub operation: u8,
    /// `IOSQE_*`.
    pub flags: u8,
    /// The descriptor that the request is for.
    pub fd: i32,
    /// `off`; for `EPOLL_CTL`, the descriptor that the epoll set is to watch.
    pub offset: u64,
    /// `len`; for `EPOLL_CTL`, the operation of `epoll_ctl(2)`.
    pub len: u32,
    /// The flags of the operation itself.
    pub operation_flags: u32,
    /// `user_data`, which the completion repeats.
    pub data: u64,
}

const REQUEST: usize = 64;
const COMPLETION: usize = 16;
const REQUESTS_AT: u64 = 0x1000_0000;

zeroed! {
    /// The mapping of one ring. All zeroes mean that nothing is mapped.
    pub struct RingMemory {
        /// [`MAKING`], [`LIVE`] or [`CLOSING`], and in the lower bits the number of readers.
        state: AtomicU32,
        request_count: AtomicU32,
        completion_count: AtomicU32,
        head: AtomicU32,
        tail: AtomicU32,
        /// Offset of the array of indices; 0 where there is none.
        indices: AtomicU32,
        done: AtomicU32,
        completions: AtomicU32,
        queues: AtomicUsize,
        queues_len: AtomicUsize,
        requests: AtomicUsize,
    }
}

const LIVE: u32 = 1 << 31;
const CLOSING: u32 = 1 << 30;
const MAKING: u32 = 1 << 29;

impl RingMemory {
    /// Maps the memory of ring `fd`. False where something is mapped already, or where the kernel
    /// refuses. The parameters must be those of a ring with one mapping for both queues and entries
    /// of the usual size.
    pub fn fill(&self, fd: Fd, parameters: &Parameters) -> bool {
        if self.state.compare_exchange(0, MAKING, SeqCst, SeqCst).is_err() {
            return false;
        }
        let is_mapped = self.map(fd, parameters).is_ok();
        self.state.store(if is_mapped { LIVE } else { 0 }, SeqCst);
        is_mapped
    }

    fn map(&self, fd: Fd, parameters: &Parameters) -> Result<(), Errno> {
        let &Parameters { requests, completions, flags, request_offsets, completion_offsets, .. } = parameters;
        let [head, tail, _, _, _, _, array, ..] = request_offsets;
        let [_, done, _, _, _, first, ..] = completion_offsets;
        let indices = if flags & NO_SQARRAY != 0 { 0 } else { array };
        let ends = [
            first as usize + completions as usize * COMPLETION,
            if indices == 0 { 0 } else { indices as usize + requests as usize * size_of::<u32>() },
        ];
        let len = ends.into_iter().fold(0, usize::max);
        let is_inside = |&at: &u32| at.is_multiple_of(4) && (at as usize) < len;
        let are_counts = requests.is_power_of_two() && completions.is_power_of_two();
        let are_places = [head, tail, indices, done].iter().all(is_inside) && first.is_multiple_of(8);
        if !are_counts || !are_places {
            return Err(Errno::INVAL);
        }
        let queues = map_part(fd, 0, len)?;
        let mapped = map_part(fd, REQUESTS_AT, requests as usize * REQUEST).inspect_err(|_| unmap(queues, len))?;
        let words = [(&self.head, head), (&self.tail, tail), (&self.indices, indices), (&self.done, done)];
        words.into_iter().for_each(|(place, word)| place.store(word, SeqCst));
        self.completions.store(first, SeqCst);
        self.request_count.store(requests, SeqCst);
        self.completion_count.store(completions, SeqCst);
        self.queues.store(queues, SeqCst);
        self.queues_len.store(len, SeqCst);
        self.requests.store(mapped, SeqCst);
        Ok(())
    }

    /// Begins to read. `None` where nothing is mapped, or where the ring has been closed.
    pub fn view(&self) -> Option<View<'_>> {
        let one_more = |state: u32| (state & LIVE != 0 && state & CLOSING == 0).then_some(state + 1);
        self.state.fetch_update(SeqCst, SeqCst, one_more).ok().map(|_| View(self))
    }

    /// To be called when the program closes the ring. The memory is unmapped as soon as no thread reads
    /// it.
    pub fn close(&self) {
        let closing = |state: u32| (state & LIVE != 0).then_some(state | CLOSING);
        if self.state.fetch_update(SeqCst, SeqCst, closing) == Ok(LIVE) {
            self.unmap();
        }
    }

    /// To be called in a fork child, which does not have the mapping (`MADV_DONTFORK`).
    pub fn forget(&self) {
        self.state.store(0, SeqCst);
    }

    fn unmap(&self) {
        unmap(self.queues.load(SeqCst), self.queues_len.load(SeqCst));
        unmap(self.requests.load(SeqCst), self.request_count.load(SeqCst) as usize * REQUEST);
        self.state.store(0, SeqCst);
    }
}

/// A reader. As long as it is held, the memory stays mapped.
pub struct View<'a>(&'a RingMemory);

impl Drop for View<'_> {
    fn drop(&mut self) {
        if self.0.state.fetch_sub(1, SeqCst) == (LIVE | CLOSING) + 1 {
            self.0.unmap();
        }
    }
}

impl View<'_> {
    /// How many requests the kernel has taken so far, modulo 2^32.
    pub fn taken(&self) -> u32 {
        self.word(&self.0.head)
    }

    /// How many requests the program has written so far, modulo 2^32.
    pub fn written(&self) -> u32 {
        self.word(&self.0.tail)
    }

    /// How many completions the kernel has written so far, modulo 2^32.
    pub fn completed(&self) -> u32 {
        self.word(&self.0.done)
    }

    /// How many requests fit in the queue; a power of two.
    pub fn capacity(&self) -> u32 {
        self.0.request_count.load(SeqCst)
    }

    /// Request number `at`. `None` where the program has written an index that is out of range.
    pub fn request(&self, at: u32) -> Option<Request> {
        let place = at & (self.capacity() - 1);
        let place = match self.0.indices.load(SeqCst) {
            0 => place,
            array => {
                // SAFETY: the place is below the count, in an array that `map` has found to be inside.
                unsafe { load32(self.0.queues.load(SeqCst) + array as usize + 4 * place as usize) }
            }
        };
        (place < self.capacity()).then(|| self.request_in(place))
    }

    fn request_in(&self, place: u32) -> Request {
        let at = self.0.requests.load(SeqCst) + place as usize * REQUEST;
        // SAFETY: the place is below the number of requests that are mapped while a view is held;
        // each request is aligned to 64. Each field is one atomic load, as the program may write.
        unsafe {
            Request {
                operation: (*ptr::with_exposed_provenance::<AtomicU8>(at)).load(SeqCst),
                flags: (*ptr::with_exposed_provenance::<AtomicU8>(at + 1)).load(SeqCst),
                fd: (*ptr::with_exposed_provenance::<AtomicI32>(at + 4)).load(SeqCst),
                offset: load64(at + 8),
                len: load32(at + 24),
                operation_flags: load32(at + 28),
                data: load64(at + 32),
            }
        }
    }

    /// Completion number `at`: the `user_data` of its request, and its result.
    pub fn completion(&self, at: u32) -> (u64, i32) {
        let place = at & (self.0.completion_count.load(SeqCst) - 1);
        let first = self.0.queues.load(SeqCst) + self.0.completions.load(SeqCst) as usize;
        let at = first + place as usize * COMPLETION;
        // SAFETY: the place is below the number of completions that are mapped while a view is held;
        // each is aligned to 8.
        unsafe { (load64(at), load32(at + 8) as i32) }
    }

    fn word(&self, offset: &AtomicU32) -> u32 {
        // SAFETY: `map` has found the offset to be aligned and inside; the memory stays mapped while a
        // view is held.
        unsafe { load32(self.0.queues.load(SeqCst) + offset.load(SeqCst) as usize) }
    }
}

/// Loads an integer at this address.
///
/// # Safety
/// The address must be mapped and aligned.
unsafe fn load32(at: usize) -> u32 {
    // SAFETY: the caller says so.
    unsafe { (*ptr::with_exposed_provenance::<AtomicU32>(at)).load(SeqCst) }
}

/// Loads an integer at this address.
///
/// # Safety
/// The address must be mapped and aligned.
unsafe fn load64(at: usize) -> u64 {
    // SAFETY: the caller says so.
    unsafe { (*ptr::with_exposed_provenance::<AtomicU64>(at)).load(SeqCst) }
}

/// Maps a part of the ring's memory, and answers its address. A fork child does not get the mapping:
/// it would keep the ring of its parent alive.
fn map_part(fd: Fd, at: u64, len: usize) -> Result<usize, Errno> {
    // SAFETY: a fresh mapping at an address of the kernel's choice; there is no reference into it.
    unsafe {
        let mapped = mmap(ptr::null_mut(), len, ProtFlags::READ, MapFlags::SHARED, fd, at)?;
        let address = mapped.expose_provenance();
        madvise(mapped, len, Advice::LinuxDontFork).inspect_err(|_| unmap(address, len))?;
        Ok(address)
    }
}

fn unmap(at: usize, len: usize) {
    // SAFETY: a mapping of ours that no thread reads any more.
    let _ = unsafe { munmap(ptr::with_exposed_provenance_mut(at), len) };
}

#[cfg(test)]
#[cfg(not(miri))]
mod tests {
    use super::*;
    use crate::sys::raw::{nr, syscall6};

    #[test]
    fn memory_stays_mapped_while_it_is_read() {
        let mut parameters = Parameters::default();
        // SAFETY: the kernel writes one `io_uring_params`.
        let made = unsafe { syscall6(nr::IO_URING_SETUP, [4, (&raw mut parameters) as usize, 0, 0, 0, 0]) };
        let Some(fd) = made.ok().and_then(|raw| Fd::new(raw as i32)) else {
            return eprintln!("skipped: the kernel gives out no io_uring");
        };
        // SAFETY: all zeroes is a value.
        let memory: RingMemory = unsafe { core::mem::zeroed() };
        assert!(memory.view().is_none() && memory.fill(fd, &parameters) && !memory.fill(fd, &parameters));
        let view = memory.view().unwrap();
        memory.close();
        assert!(memory.view().is_none());
        assert_eq!((view.taken(), view.written(), view.completed(), view.capacity()), (0, 0, 0, 4));
        assert_eq!(view.request(3).map(|request| request.operation), Some(0));
        drop(view);
        assert!(memory.fill(fd, &parameters));
        memory.close();
        fd.close();
    }
}
