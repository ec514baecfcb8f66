//! A local port that the program needs, and that a held socket may keep busy.
//!
//! Context: hooks ask, the drainer answers; async-signal-safe and lock-free.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// The port that a hook waits for, if any. Each request has a number of its own, so that a late
/// answer to one is not taken for an answer to the next.
pub struct WantedPort {
    request: AtomicU64,
    asked: AtomicU32,
}

/// One request: its number, and the port in the lower 16 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(u64);

const NONE: u64 = u64::MAX;

impl Request {
    /// The port; 0: any port that the kernel could have chosen.
    pub fn port(self) -> u16 {
        self.0 as u16
    }
}

impl WantedPort {
    /// No request.
    pub const fn new() -> Self {
        Self { request: AtomicU64::new(NONE), asked: AtomicU32::new(0) }
    }

    /// Asks for a port, in place of an earlier request.
    pub fn ask(&self, port: u16) -> Request {
        let number = u64::from(self.asked.fetch_add(1, SeqCst) & 0xff_ffff);
        let request = number << 32 | u64::from(port);
        self.request.store(request, SeqCst);
        Request(request)
    }

    /// The request that waits, if any.
    pub fn get(&self) -> Option<Request> {
        Some(self.request.load(SeqCst)).filter(|&request| request != NONE).map(Request)
    }

    /// The request is answered, or not waited for any more.
    pub fn done(&self, request: Request) {
        let _ = self.request.compare_exchange(request.0, NONE, SeqCst, SeqCst);
    }

    /// To be called in a fork child: no hook waits.
    pub fn forget(&self) {
        self.request.store(NONE, SeqCst);
    }
}
