//! Counters of what softclose did, which other processes can read in a stats file.
//!
//! | file | one idea |
//! |---|---|
//! | [`names`] | the one definition of every counter |
//! | [`page`] | the content of a stats file |
//! | [`stats_file`] | making and removing the file |
//! | `publish` | moving the counters into the file |
//! | `members` | which processes share a page |
//! | `cells` | how many connections each process holds now |
//!
//! The counters begin in memory of our own, where to count is one addition. They move to a page,
//! which is a mapped file, when the program first has to do with a connection. So a program that
//! never has one leaves no file.
//!
//! Fork children count into the page of their parent. So the counters are sums over a family of
//! processes, and a server that forks for each connection makes one page. A child of a process
//! without a page begins at zero.
//!
//! Context: any thread, any hook; async-signal-safe. The counters are relaxed atomics, with no order
//! between them. A `vfork` child that closes a file counts for its parent.

mod cells;
mod members;
pub mod names;
pub mod page;
mod publish;
pub mod stats_file;

use crate::bounds::{ENDS, End, Outcome};
use crate::decision::{REASONS, Reason};
use crate::holders::standing::{DOUBTS, Doubt};
use crate::sys::mapped::Mapped;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};
use names::{BEGUN, BUCKETS_MS, DISCARDED, DRAIN_MS, DRAIN_TIMES, ENDED, HELD_MOST, LEFT_ALONE, LOG_DROPPED, OBSERVED};
use names::{COUNT, COUNTED_BY_KERNEL, DOUBTED, HANDOVERS, RESETS_AVOIDED, UNACKNOWLEDGED};
use page::{Page, Values};
use rustix::io::Errno;
use stats_file::{FileLocation, Identity};

/// The counters of one process.
pub struct Counters {
    identity: Identity,
    own: Values,
    file: FileLocation,
    page: Mapped<Page>,
    publishing: AtomicU8,
    /// How many drains of this process have not ended.
    held: AtomicU32,
    /// The index of its cell in the page, plus 1; 0 where it has none.
    cell: AtomicU32,
    /// Whether it is no member of the page: it has ended, or is about to execute another program.
    is_away: AtomicBool,
}

const NOT_ASKED: u8 = 0;
const ASKED: u8 = 1;
/// A stats file was asked for, and could not be made.
const REFUSED: u8 = 2;

/// What a close under the strategy observe lost, or may lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Bytes that the program never read. If there are any, the close resets the connection.
    pub unread: u64,
    /// Bytes that were not sent even once.
    pub unsent: u32,
    /// Bytes that the peer had not acknowledged, including those that were not sent.
    pub unacknowledged: u32,
}

/// The names of the sums over all observed closes, in the log line at exit.
const LOSSES: [&str; 4] = ["observed-resets", "observed-unread", "observed-unsent", "observed-unacknowledged"];

/// Counting.
impl Counters {
    /// Counters that are all zero, for a process of this identity.
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            own: Values::new(),
            file: FileLocation::new(),
            page: Mapped::new(),
            publishing: AtomicU8::new(NOT_ASKED),
            held: AtomicU32::new(0),
            cell: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
        }
    }

    #[inline]
    fn values(&self) -> &Values {
        self.page.get().map_or(&self.own, |page| &page.values)
    }

    /// Counts a close that was left as the program made it.
    #[inline]
    pub fn left_alone(&self, reason: Reason) {
        self.values().add(LEFT_ALONE + reason as usize, 1);
    }

    /// Counts a close that was left alone as [`Reason::Unsure`], for this doubt.
    pub fn doubted(&self, doubt: Doubt) {
        self.values().add(DOUBTED + doubt as usize, 1);
    }

    /// Counts a close that was left alone because the kernel answered `errno` when it was asked for the
    /// state of a TCP socket.
    #[inline]
    pub fn not_tcp(&self, errno: Errno) {
        self.left_alone(match errno {
            Errno::BADF => Reason::NotOpen,
            Errno::NOTSOCK => Reason::NotASocket,
            _ => Reason::NotTcp,
        });
    }

    /// Counts a drain that begins.
    pub fn begun(&self) {
        self.values().add(BEGUN, 1);
        let held = self.held.fetch_add(1, SeqCst) + 1;
        self.values().raise(HELD_MOST, u64::from(held));
        self.publish_held();
    }

    /// Counts a drain that has ended.
    pub fn ended(&self, outcome: Outcome) {
        let Outcome { end, discarded, unacknowledged, ms } = outcome;
        let values = self.values();
        values.add(ENDED + end as usize, 1);
        values.add(DISCARDED, discarded);
        values.add(DRAIN_TIMES + BUCKETS_MS.iter().take_while(|&&most| ms > most).count(), 1);
        values.add(DRAIN_MS, u64::from(ms));
        if !matches!(end, End::Fin | End::HandedOver) {
            values.add(UNACKNOWLEDGED, u64::from(unacknowledged));
        }
        if discarded != 0 && matches!(end, End::Fin | End::Acknowledged | End::Idle) {
            values.add(RESETS_AVOIDED, 1);
        }
        self.held.fetch_sub(1, SeqCst);
        self.publish_held();
    }

    /// Counts a close under the strategy observe.
    pub fn observed(&self, loss: Loss) {
        let Loss { unread, unsent, unacknowledged } = loss;
        let more = [u64::from(unread != 0), unread, u64::from(unsent), u64::from(unacknowledged)];
        for (at, more) in more.into_iter().enumerate() {
            self.values().add(OBSERVED + at, more);
        }
    }

    /// Counts a process that ends and has left connections to `softclose-drain`.
    pub fn handed_over(&self) {
        self.values().add(HANDOVERS, 1);
    }

    /// Counts a close that the kernel's count of references has decided.
    pub fn counted_by_kernel(&self) {
        self.values().add(COUNTED_BY_KERNEL, 1);
    }

    /// Counts a log line that could not be written at once.
    pub fn log_dropped(&self) {
        self.values().add(LOG_DROPPED, 1);
    }

    /// Whether anything was counted that has to do with TCP.
    pub fn has_tcp(&self) -> bool {
        let not_tcp = [Reason::NotOpen, Reason::NotASocket, Reason::NotTcp].map(|reason| LEFT_ALONE + reason as usize);
        let counts = |at: &usize| *at != LOG_DROPPED && !not_tcp.contains(at);
        (0..COUNT).filter(counts).any(|at| self.values().get(at) != 0)
    }

    /// Calls `visit` with the name and value of each counter, for the log line at exit.
    pub fn each(&self, mut visit: impl FnMut(&'static str, u64)) {
        let values = self.values();
        visit("drains", values.get(BEGUN));
        visit("resets-avoided", values.get(RESETS_AVOIDED));
        visit("discarded", values.get(DISCARDED));
        visit("unacknowledged", values.get(UNACKNOWLEDGED));
        let words = [(ENDED, &ENDS.map(|(_, name)| name)[..]), (LEFT_ALONE, &REASONS.map(|(_, name)| name)[..])];
        for (first, words) in words.into_iter().chain([(OBSERVED, &LOSSES[..])]) {
            words.iter().enumerate().for_each(|(at, name)| visit(name, values.get(first + at)));
        }
        visit("exit-handovers", values.get(HANDOVERS));
        visit("counted-by-kernel", values.get(COUNTED_BY_KERNEL));
        visit("log-dropped", values.get(LOG_DROPPED));
        DOUBTS.iter().enumerate().for_each(|(at, (_, name))| visit(name, values.get(DOUBTED + at)));
    }
}
