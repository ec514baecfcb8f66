//! What was done, counted, in memory that others can read.
//!
//! | file | one idea |
//! |---|---|
//! | [`names`] | the one definition of every number |
//! | [`page`] | what lies where |
//! | [`stats_file`] | the file of a page |
//!
//! The numbers begin in memory of our own, where a count is one addition, and move to a
//! page that is a file when the program first has to do with a connection: a program
//! that never has leaves no file. Who counts during the move may add to the old memory
//! after it was emptied; what lies there is taken along at the end of the process.
//!
//! Fork children count into the page of their parent: a family's numbers add up, and a
//! server that forks for each connection pays for one page. A child of a process without
//! a page begins at zero.
//!
//! Context: any thread, any hook: plain relaxed atomics, no order between them. A `vfork`
//! child that closes a file counts for its parent.

pub mod names;
pub mod page;
pub mod stats_file;

use crate::bounds::{ENDS, End, Outcome};
use crate::decision::{REASONS, Reason};
use crate::holders::standing::{DOUBTS, Doubt};
use crate::sys::mapped::Mapped;
use crate::sys::process;
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering::SeqCst};
use names::{BEGUN, BUCKETS_MS, DISCARDED, DRAIN_MS, DRAIN_TIMES, ENDED, HELD_MOST, LEFT_ALONE, LOG_DROPPED, OBSERVED};
use names::{COUNT, COUNTED_BY_KERNEL, DOUBTED, HANDOVERS, RESETS_AVOIDED, UNACKNOWLEDGED};
use page::{Cell, Page, Values};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use stats_file::{Identity, Whereabouts};

/// Every counter of one process.
pub struct Counters {
    identity: Identity,
    own: Values,
    file: Whereabouts,
    page: Mapped<Page>,
    publishing: AtomicU8,
    /// Drains of this process that have not ended.
    held: AtomicU32,
    /// The place of its cell in the page, and 1; 0 is none.
    cell: AtomicU32,
    /// It is not among the members of the page: it has ended, or is about to be another
    /// program.
    is_away: AtomicBool,
}

const UNASKED: u8 = 0;
const ASKED: u8 = 1;

/// What a close that was only observed had, and lost or might lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Bytes that the program never read. With any of them the close is a reset at once.
    pub unread: u64,
    /// Bytes that were not sent even once.
    pub unsent: u32,
    /// Bytes that the peer had not acknowledged, those not sent included.
    pub unacknowledged: u32,
}

/// Names of the sums over all observed closes, for a log line.
const LOSSES: [&str; 4] = ["observed-resets", "observed-unread", "observed-unsent", "observed-unacknowledged"];

/// Counting.
impl Counters {
    /// All zero, for a process of this identity.
    pub const fn new(identity: Identity) -> Self {
        Self {
            identity,
            own: Values::new(),
            file: Whereabouts::new(),
            page: Mapped::new(),
            publishing: AtomicU8::new(UNASKED),
            held: AtomicU32::new(0),
            cell: AtomicU32::new(0),
            is_away: AtomicBool::new(false),
        }
    }

    #[inline]
    fn values(&self) -> &Values {
        self.page.get().map_or(&self.own, |page| &page.values)
    }

    /// A close was left as the program made it.
    #[inline]
    pub fn left_alone(&self, reason: Reason) {
        self.values().add(LEFT_ALONE + reason as usize, 1);
    }

    /// A close was left alone as [`Reason::Unsure`], for this doubt.
    pub fn doubted(&self, doubt: Doubt) {
        self.values().add(DOUBTED + doubt as usize, 1);
    }

    /// A close of what the kernel says is no TCP socket.
    #[inline]
    pub fn not_tcp(&self, errno: Errno) {
        self.left_alone(match errno {
            Errno::BADF => Reason::NotOpen,
            Errno::NOTSOCK => Reason::NotASocket,
            _ => Reason::NotTcp,
        });
    }

    /// A drain has begun.
    pub fn begun(&self) {
        self.values().add(BEGUN, 1);
        let held = self.held.fetch_add(1, SeqCst) + 1;
        self.values().raise(HELD_MOST, u64::from(held));
        self.publish_held();
    }

    /// A drain has ended.
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

    /// A close was observed, with so much to lose.
    pub fn observed(&self, loss: Loss) {
        let Loss { unread, unsent, unacknowledged } = loss;
        let more = [u64::from(unread != 0), unread, u64::from(unsent), u64::from(unacknowledged)];
        for (at, more) in more.into_iter().enumerate() {
            self.values().add(OBSERVED + at, more);
        }
    }

    /// The process ends, and has left connections to another program.
    pub fn handed_over(&self) {
        self.values().add(HANDOVERS, 1);
    }

    /// The kernel's own count has decided a close.
    pub fn counted_by_kernel(&self) {
        self.values().add(COUNTED_BY_KERNEL, 1);
    }

    /// A log line could not be written without waiting.
    pub fn log_dropped(&self) {
        self.values().add(LOG_DROPPED, 1);
    }

    /// Whether the process has had to do with TCP at all, as far as anything was counted.
    pub fn has_tcp(&self) -> bool {
        let not_tcp = [Reason::NotOpen, Reason::NotASocket, Reason::NotTcp].map(|reason| LEFT_ALONE + reason as usize);
        let counts = |at: &usize| *at != LOG_DROPPED && !not_tcp.contains(at);
        (0..COUNT).filter(counts).any(|at| self.values().get(at) != 0)
    }

    /// Name and value of each, for a log line.
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

/// Being seen.
impl Counters {
    /// The program has to do with a connection: from now on others may read the
    /// numbers. Tried once.
    pub fn publish(&self) {
        if self.publishing.load(SeqCst) == UNASKED && self.publishing.swap(ASKED, SeqCst) == UNASKED {
            self.found();
        }
    }

    #[inline(never)]
    fn found(&self) {
        let Some(page) = stats_file::create(&self.identity, &self.file) else { return };
        self.page.set(page);
        self.absorb();
        self.publish_held();
        page.open();
    }

    /// Takes what was counted in memory of our own along to the page.
    fn absorb(&self) {
        let Some(page) = self.page.get() else { return };
        for at in 0..COUNT {
            match self.own.take(at) {
                0 => {}
                most if at == HELD_MOST => page.values.raise(at, most),
                more => page.values.add(at, more),
            }
        }
    }

    /// Who stores last has seen the latest number.
    fn publish_held(&self) {
        const PID: u64 = !(u32::MAX as u64);
        let Some(cell) = self.page.get().and_then(|page| self.cell(page)) else { return };
        loop {
            let held = self.held.load(SeqCst);
            cell.store(cell.load(SeqCst) & PID | u64::from(held), SeqCst);
            if self.held.load(SeqCst) == held {
                return;
            }
        }
    }

    /// The cell of this process; taken at its first drain, from the dead if need be.
    fn cell(&self, page: &'static Page) -> Option<&'static Cell> {
        let mine = self.cell.load(SeqCst);
        if mine != 0 {
            return page.cells.get(mine as usize - 1);
        }
        let me = process::pid()?;
        let (at, cell) = find(page, me, |found| found == 0).or_else(|| find(page, me, is_dead))?;
        match self.cell.compare_exchange(0, at as u32 + 1, SeqCst, SeqCst) {
            Ok(_) => Some(cell),
            // Another thread was faster.
            Err(other) => {
                cell.store(0, SeqCst);
                page.cells.get(other as usize - 1)
            }
        }
    }
}

/// Joining and leaving.
impl Counters {
    /// Before a fork: the child will be one more.
    pub fn before_fork(&self) {
        self.rejoin();
        if let Some(page) = self.page.get() {
            page.members.fetch_add(1, SeqCst);
        }
    }

    /// There is no child after all.
    pub fn not_forked(&self) {
        if let Some(page) = self.page.get() {
            page.members.fetch_sub(1, SeqCst);
        }
    }

    /// In the child of a fork: the page is the family's, what lies in memory the
    /// parent's.
    pub fn become_child(&self) {
        self.held.store(0, SeqCst);
        self.cell.store(0, SeqCst);
        self.is_away.store(false, SeqCst);
        for at in 0..COUNT {
            self.own.take(at);
        }
        if self.page.get().is_none() {
            self.publishing.store(UNASKED, SeqCst);
        }
    }

    /// This process is about to be another program, if the call succeeds. Where it does
    /// not, that is made up for at the next fork or at the end.
    pub fn leave_for_another_program(&self, will_succeed: impl Fn() -> bool) {
        if self.leave() && will_succeed() {
            stats_file::remove(&self.identity, &self.file);
        }
    }

    /// Answers whether nobody is left that uses the page.
    fn leave(&self) -> bool {
        let Some(page) = self.page.get() else { return false };
        if self.is_away.swap(true, SeqCst) {
            return false;
        }
        self.absorb();
        page.members.fetch_sub(1, SeqCst) == 1
    }

    /// At the end of the process; a page that nobody uses any more goes with it.
    pub fn retire(&self) {
        self.rejoin();
        let is_last = self.leave();
        let Some(page) = self.page.get() else { return };
        if let Some(cell) = self.cell.swap(0, SeqCst).checked_sub(1).and_then(|at| page.cells.get(at as usize)) {
            cell.store(0, SeqCst);
        }
        if is_last {
            stats_file::remove(&self.identity, &self.file);
        }
    }

    /// It is not another program after all.
    fn rejoin(&self) {
        if self.is_away.swap(false, SeqCst)
            && let Some(page) = self.page.get()
        {
            page.members.fetch_add(1, SeqCst);
        }
    }
}

fn word(pid: Pid, held: u32) -> u64 {
    (pid.as_raw_nonzero().get() as u64) << 32 | u64::from(held)
}

/// Takes the first cell that `is_free`.
fn find(page: &'static Page, me: Pid, is_free: fn(u64) -> bool) -> Option<(usize, &'static Cell)> {
    page.cells.iter().enumerate().find(|(_, cell)| {
        let found = cell.load(SeqCst);
        is_free(found) && cell.compare_exchange(found, word(me, 0), SeqCst, SeqCst).is_ok()
    })
}

/// Whether the process of a cell has died with it. What is no pid is none's.
fn is_dead(cell: u64) -> bool {
    Pid::from_raw(((cell >> 32) as i32).max(0)).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}
