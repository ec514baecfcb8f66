//! What is true of one held socket, a bit each.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use crate::zeroed;
use core::sync::atomic::{AtomicU16, Ordering::SeqCst};

/// One fact about a held socket.
#[derive(Clone, Copy)]
pub enum Flag {
    /// The program has opened the connection by `connect`; else it has accepted it.
    Connected = 1,
    /// The close strategy has not begun the close: the drainer does that, once no thread may
    /// be writing and the strategy does not postpone it any more.
    BeginsLater = 2,
    /// A thread of the program may be blocked in a read. What comes in is left to it, as long
    /// as it takes it.
    ReaderExpected = 4,
    /// Calls on the socket do not block (`O_NONBLOCK`).
    NeverBlocks = 8,
    /// A thread of the program may be inside a write.
    WriterExpected = 16,
    /// The socket is in the drainer's epoll set.
    Watched = 32,
    /// The socket is in the queue of those that wait until the drainer knows whether a thread
    /// of the program still uses them.
    Waiting = 64,
    /// Something is queued that a reader may want, so input is no event of interest.
    InputLeft = 128,
    /// A writer is blocked until there is room, so room is an event of interest.
    WaitsForRoom = 256,
    /// The socket is in the queue of those whose strategy postpones the begin of the close.
    Postponed = 512,
    /// The last look found a thread that sleeps in a read on the closed number.
    ReaderSeen = 1024,
    /// There was room to write when the drainer looked last.
    RoomSeen = 2048,
}

zeroed! {
    /// The [`Flag`]s of one held socket.
    pub struct Flags(AtomicU16);
}

impl Flags {
    /// Whether the flag is set.
    pub fn has(&self, flag: Flag) -> bool {
        self.0.load(SeqCst) & flag as u16 != 0
    }

    /// Sets or clears the flag, and answers whether it was set before.
    pub fn put(&self, flag: Flag, on: bool) -> bool {
        let bit = flag as u16;
        let before = if on { self.0.fetch_or(bit, SeqCst) } else { self.0.fetch_and(!bit, SeqCst) };
        before & bit != 0
    }

    /// Clears all flags but [`Flag::Connected`], which gets this value.
    pub fn reset(&self, is_connected: bool) {
        self.0.store(if is_connected { Flag::Connected as u16 } else { 0 }, SeqCst);
    }
}
