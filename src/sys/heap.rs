//! What the constructor allocates lies in memory of this library.
//!
//! The constructor is the only code of the library that allocates, and most programs that are started
//! allocate little or nothing: libc's heap would be begun for us alone, by three system calls and four
//! page faults. What does not fit comes from libc.
//!
//! Context: the constructor; and a panic there, which ends the process.

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::alloc::{GlobalAlloc, Layout, System};

#[global_allocator]
static HEAP: Heap = Heap { room: UnsafeCell::new([0; ROOM]), used: AtomicUsize::new(0) };

const ROOM: usize = 1024;

/// Memory that is given out once, piece by piece, and never taken back.
struct Heap {
    room: UnsafeCell<[u8; ROOM]>,
    used: AtomicUsize,
}

// SAFETY: no two callers get the same piece, as `used` only grows.
unsafe impl Sync for Heap {}

impl Heap {
    /// A piece of the room; null where there is too little left.
    fn piece(&self, layout: Layout) -> *mut u8 {
        let start = self.room.get().cast::<u8>();
        let end_of = |used: usize| {
            let begin = start.addr().wrapping_add(used).next_multiple_of(layout.align()) - start.addr();
            begin.checked_add(layout.size()).filter(|&end| end <= ROOM)
        };
        match self.used.fetch_update(Relaxed, Relaxed, end_of) {
            Ok(before) => end_of(before).map_or(core::ptr::null_mut(), |end| start.wrapping_add(end - layout.size())),
            Err(_) => core::ptr::null_mut(),
        }
    }

    fn has(&self, piece: *mut u8) -> bool {
        piece.addr().wrapping_sub(self.room.get().addr()) < ROOM
    }
}

// SAFETY: pieces are aligned and as large as asked for, do not overlap, and live for ever; all else is
// the system's.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let piece = self.piece(layout);
        // SAFETY: the caller's.
        if piece.is_null() { unsafe { System.alloc(layout) } } else { piece }
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        if !self.has(piece) {
            // SAFETY: the caller's; it was not one of ours.
            unsafe { System.dealloc(piece, layout) }
        }
    }
}
