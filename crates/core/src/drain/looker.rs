//! The thread that looks at what the program's threads are at, and at who else has its
//! connections. It has a table of descriptors of its own.
//!
//! Files of procfs have to be opened for that, on the lowest free numbers. In the program's
//! table another thread could see them, and count on the number in vain. So the looker
//! leaves that table as it begins: `close_range` with `CLOSE_RANGE_UNSHARE` over all
//! numbers gives it one in which nothing is open. (The kernel copies the first 64 numbers
//! and closes them again, `dup_fd`, `NR_OPEN_DEFAULT`: for a microsecond, once a thread. Where a
//! close is more than that, there is no looker, and time decides.)
//!
//! It is started when the drainer or a closer wants to know, looks when it is asked, and leaves
//! when it has not been asked for a while. Looks at threads take a tenth of
//! a processor at most, whatever their number is ([`Credit`]); who asks while it rests shares
//! the next one. Closers wait, and get their answer at once.
//!
//! Context: as the drainer's thread, but for the table.

use super::Drain;
use super::inquiries::{Asked, Inquiries, PLACES};
use super::looks::{Looks, Sighting};
use super::threads::{Deeds, State};
use crate::holders::calls::{self, Doing};
use crate::holders::judge::{self, Budget, Scope, Sought};
use crate::holders::ledger::leaks::{self, Leak};
use crate::holders::standing::Doubt;
use crate::sys::clock::{self, Millis};
use crate::sys::event_count::EventCount;
use crate::sys::process;
use crate::sys::procfs::{Dir, number};
use crate::sys::region::Region;
use crate::sys::table::{is_any_flushed, leave_table};
use crate::sys::thread::{self, ThreadId};
use crate::sys::thread_stack::ThreadStacks;
use crate::sys::{Fd, schedule, socket};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use rustix::process::Pid;

/// How long the thread stays without being asked, microseconds. Each new one has, as it begins,
/// copies of what the program has open for some microseconds.
const STAY: u64 = 1_000_000;

/// What looks may take of the processor; times are in microseconds. Each is paid for by ten
/// times as long, and where it has been quiet a few may come first: one that nobody has waited
/// for should not wait.
#[derive(Clone, Copy, Debug, Default)]
struct Credit {
    /// When all looks so far are paid for.
    paid_at: u64,
}

impl Credit {
    const TIMES: u64 = 10;
    /// So long may be owed.
    const BURST: u64 = 100_000;
    /// The drainer counts on an answer.
    const LONGEST_REST: u64 = 500_000;

    /// How long to rest until the next look.
    fn rests_for(self, now: u64) -> u64 {
        self.paid_at.saturating_sub(now + Self::BURST).min(Self::LONGEST_REST)
    }

    /// A look has taken so much of the processor.
    fn take(&mut self, took: u64, now: u64) {
        self.paid_at = self.paid_at.max(now) + took.saturating_mul(Self::TIMES).min(Self::LONGEST_REST);
    }
}

/// What belongs to the looker.
pub struct Looker {
    looks: Region<Looks>,
    inquiries: Region<Inquiries>,
    /// So many looks at leaks are still to be tried.
    leaks: AtomicU32,
    /// So many closers are about to start the thread.
    starting: AtomicU32,
    wakeup: EventCount,
    thread: ThreadId,
    /// Only ever tried.
    stack: ThreadStacks<1>,
    /// It cannot have a table of its own (before Linux 5.9, or a filter).
    is_impossible: AtomicBool,
}

impl Looker {
    /// No thread, no memory.
    pub const fn new() -> Self {
        Self {
            looks: Region::new(),
            inquiries: Region::new(),
            leaks: AtomicU32::new(0),
            starting: AtomicU32::new(0),
            wakeup: EventCount::new(),
            thread: ThreadId::none(),
            stack: ThreadStacks::new(),
            is_impossible: AtomicBool::new(false),
        }
    }

    /// What was seen; `None` where there is no memory for it.
    pub fn looks(&self) -> Option<&Looks> {
        self.looks.ensure(1).then(|| self.looks.get(0)).flatten()
    }

    fn inquiries(&self) -> Option<&Inquiries> {
        self.inquiries.ensure(1).then(|| self.inquiries.get(0)).flatten()
    }

    /// What may have leaked, where somebody has asked for a look at it. While a process is being
    /// made it is looked at later.
    fn leaks(&self, drain: &Drain) -> [Option<Leak>; leaks::MOST] {
        let tries = self.leaks.load(SeqCst);
        let leaked = if tries == 0 { None } else { drain.ledger.leaked() };
        let left = if leaked.is_some() { 0 } else { tries.saturating_sub(1) };
        let _ = self.leaks.compare_exchange(tries, left, SeqCst, SeqCst);
        leaked.unwrap_or([None; leaks::MOST])
    }

    /// Until it looks again by itself.
    fn nap(&self) -> u64 {
        const A_FORK: u64 = 5000;
        if self.leaks.load(SeqCst) == 0 { STAY } else { A_FORK }
    }

    /// Whether a closer is about to start it.
    pub fn is_starting(&self) -> bool {
        self.starting.load(SeqCst) != 0
    }

    /// Its thread, where there is one.
    pub fn thread(&self) -> Option<Pid> {
        self.thread.get()
    }

    /// Something has changed that it should know of.
    pub fn notify(&self) {
        self.wakeup.notify();
    }

    /// In a fork child: it did not come along.
    pub fn forget(&self) {
        self.thread.forget();
        self.wakeup.forget();
        self.is_impossible.store(false, SeqCst);
        self.looks.get(0).into_iter().for_each(Looks::forget);
        self.inquiries.get(0).into_iter().for_each(Inquiries::forget);
        self.leaks.store(0, SeqCst);
        self.starting.store(0, SeqCst);
        self.stack.forget();
    }
}

impl Drain {
    /// Has the looker look, where it does not rest. By the drainer, again and again until
    /// the look is over: the looker may be leaving as it is asked.
    pub(super) fn ask_for_a_look(&'static self) {
        let Some(looks) = self.looker.looks() else { return };
        if !looks.is_out() {
            if looks.rests_for(Millis::now()) != 0 {
                return;
            }
            looks.ask();
            self.looker.notify();
        }
        if self.looker.thread().is_none() && !self.start_looker() {
            looks.answer_nothing();
        }
    }

    fn start_looker(&'static self) -> bool {
        self.looker.starting.fetch_add(1, SeqCst);
        let is_started = self.may_look() && !self.dismissals.is_any() && self.try_start_looker().is_some();
        self.looker.starting.fetch_sub(1, SeqCst);
        is_started
    }

    fn try_start_looker(&'static self) -> Option<()> {
        self.looker.stack.with(0, |stack| thread::spawn(stack, &self.looker.thread, run, self)).ok()?;
        self.looker.thread().into_iter().for_each(|thread| schedule::as_at_start(thread, self.context.processors));
        Some(())
    }

    /// Whether there may be such a thread.
    pub fn may_look(&self) -> bool {
        !self.looker.is_impossible.load(SeqCst)
    }

    /// What speaks against `fd` being the only reference to its socket; `None`: it provably is.
    /// Waits for a look at all processes, within the looker's budget. With signals held back.
    pub fn inquire(&'static self, fd: Fd, scope: Scope) -> Option<Doubt> {
        let Ok(inode) = socket::inode(fd) else { return Some(Doubt::Unseen) };
        if judge::parent_has(fd, inode) {
            return Some(Doubt::Found);
        }
        match self.looker.inquiries().and_then(|inquiries| inquiries.ask(inode, scope)) {
            Some(question) => question.wait(|| self.wake_looker()),
            None => Some(Doubt::LookBudget),
        }
    }

    /// Has the looker look for what may have leaked, before it is closed.
    pub fn look_ahead(&'static self) {
        /// A process may be under way each time.
        const TRIES: u32 = 16;
        if self.may_look() {
            self.looker.leaks.store(TRIES, SeqCst);
            self.wake_looker();
        }
    }

    /// Answers whether there is one; it may have begun to leave.
    fn wake_looker(&'static self) -> bool {
        self.looker.notify();
        self.looker.thread().is_some() || self.start_looker()
    }
}

/// The body of the thread.
extern "C" fn run(drain: &'static Drain) {
    let looker = &drain.looker;
    let (Some(looks), Some(inquiries)) = (looker.looks(), looker.inquiries()) else { return };
    // By this thread: a file system may not answer. The next one looks again.
    let is_harmful = is_any_flushed();
    if is_harmful || leave_table().is_err() {
        looker.is_impossible.store(!is_harmful, SeqCst);
        looks.answer_nothing();
        inquiries.asked().into_iter().flatten().for_each(|asked| asked.answer(Some(Doubt::Unseen)));
        inquiries.have_answers();
        return drain.wakeup.notify();
    }
    let mut shift = Shift::default();
    while turn(drain, looks, inquiries, &mut shift) {}
}

/// What the thread keeps in mind.
#[derive(Default)]
struct Shift {
    credit: Credit,
    /// When a closer has last asked, in microseconds.
    asked_at: u64,
}

impl Shift {
    /// How long it sleeps: with the drainer's thread gone until closers have not asked for a
    /// while. 0 where there is nothing to wait for.
    fn rest(&self, drain: &Drain, is_out: bool) -> u64 {
        let now = clock::microseconds();
        if drain.gate.is_idle() {
            (self.asked_at + STAY).saturating_sub(now).min(drain.looker.nap())
        } else if is_out {
            self.credit.rests_for(now)
        } else {
            drain.looker.nap()
        }
    }
}

/// False when it is to leave.
fn turn(drain: &Drain, looks: &Looks, inquiries: &Inquiries, shift: &mut Shift) -> bool {
    let looker = &drain.looker;
    let seen = looker.wakeup.count();
    if drain.dismissals.is_any() {
        return false;
    }
    if is_asked(looker, inquiries) {
        inquire(drain, inquiries);
        shift.asked_at = clock::microseconds();
    }
    let (is_out, is_idle) = (looks.is_out(), drain.gate.is_idle());
    match shift.rest(drain, is_out) {
        0 if is_idle || !is_out => return false,
        0 => {
            let took = look(drain, looks);
            drain.wakeup.notify();
            shift.credit.take(took, clock::microseconds());
            return true;
        }
        nap => looker.wakeup.sleep_micros(seen, nap),
    }
    is_idle || looks.is_out() || looker.wakeup.count() != seen || is_asked(looker, inquiries)
}

fn is_unwanted(drain: &Drain) -> bool {
    drain.dismissals.is_any() || drain.gate.is_idle()
}

fn is_asked(looker: &Looker, inquiries: &Inquiries) -> bool {
    looker.leaks.load(SeqCst) != 0 || inquiries.is_any()
}

/// One look for all that closers ask for, and all that may have leaked.
fn inquire(drain: &Drain, inquiries: &Inquiries) {
    /// Hooks have seen it being opened, in this process or an ancestor of it.
    const LEAKED: Scope = Scope { trust_self: true, in_family: true, is_patient: false };
    let (asked, leaked) = (inquiries.asked(), drain.looker.leaks(drain));
    let leaks = leaked.into_iter().flatten();
    let wanted = asked.iter().flatten().map(Asked::what).chain(leaks.clone().map(|leak| (leak.inode, LEAKED)));
    let mut sought: [Sought; PLACES + leaks::MOST] = core::array::from_fn(|_| Sought::new(0, LEAKED));
    let mut len = 0;
    for (place, (inode, scope)) in sought.iter_mut().zip(wanted) {
        *place = Sought::new(inode, scope);
        len += 1;
    }
    let Some(sought) = sought.get(..len).filter(|sought| !sought.is_empty()) else { return };
    let view = judge::look(sought, budget(&asked));
    let mut doubts = sought.iter().map(|sought| view.doubt(sought));
    asked.into_iter().flatten().zip(doubts.by_ref()).for_each(|(asked, doubt)| asked.answer(doubt));
    inquiries.have_answers();
    let sole = leaks.zip(doubts).filter(|(_, doubt)| doubt.is_none());
    sole.for_each(|(leak, _)| drain.ledger.heal(leak));
}

/// As long as the least patient one who waits.
fn budget(asked: &[Option<Asked<'_>>]) -> Budget {
    let scopes = asked.iter().flatten().map(|asked| asked.what().1);
    scopes.min_by_key(|scope| scope.is_patient).map_or_else(Budget::ahead, Budget::of)
}

/// Answers what it took of the processor, in microseconds.
fn look(drain: &Drain, looks: &Looks) -> u64 {
    let begun = clock::thread_time(None).unwrap_or(0);
    let mut sighting = looks.begin();
    if see_all(drain, &mut sighting).is_none() {
        sighting.unknown();
    }
    sighting.end();
    clock::thread_time(None).unwrap_or(0).saturating_sub(begun) / 1000
}

/// `None` where it could not be ended.
fn see_all(drain: &Drain, sighting: &mut Sighting<'_>) -> Option<()> {
    let me = process::thread()?;
    let mut is_here = false;
    let tasks = Dir::root().and_then(|root| root.below(c"self/task")).ok()?;
    let stopped: Option<()> = tasks
        .each(|name| {
            if is_unwanted(drain) {
                return Break(());
            }
            match number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32)) {
                Some(tid) if tid == me => is_here = true,
                Some(tid) if drain.runs_on(tid) => {}
                Some(tid) => see(&tasks, name, tid, sighting),
                None => sighting.unknown(),
            }
            Continue(())
        })
        .ok()?;
    // Else this is the procfs of another pid namespace, and the ids are not ours.
    (stopped.is_none() && is_here).then_some(())
}

fn see(tasks: &Dir, name: &CStr, tid: Pid, sighting: &mut Sighting<'_>) {
    // Before its state: whatever it does afterwards, its clock tells that next time.
    let had_ns = clock::thread_time(Some(tid));
    if had_ns.is_some_and(|had_ns| sighting.sleeps_on(tid, had_ns)) {
        return;
    }
    match calls::of(tasks, name) {
        Doing::Blocked(deeds) => sighting.saw(tid, State::Asleep(Deeds::of(deeds)), had_ns.unwrap_or(0)),
        Doing::Asleep => sighting.saw(tid, State::Asleep(Deeds::HIDDEN), had_ns.unwrap_or(0)),
        Doing::Running => sighting.saw(tid, State::Running, had_ns.unwrap_or(0)),
        Doing::Gone => {}
        Doing::Unknown => sighting.unknown(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_quiet_time_a_few_looks_need_no_rest() {
        let mut credit = Credit::default();
        let now = 1_000_000;
        (0..10).for_each(|_| {
            assert_eq!(credit.rests_for(now), 0);
            credit.take(1000, now);
        });
        credit.take(1000, now);
        assert_eq!(credit.rests_for(now), 10_000);
        assert_eq!(credit.rests_for(now + 10_000), 0);
    }

    #[test]
    fn looks_take_a_tenth_of_a_processor() {
        let (mut credit, mut now, mut taken) = (Credit::default(), 0, 0);
        while now < 10_000_000 {
            now += credit.rests_for(now) + 700;
            credit.take(700, now);
            taken += 700;
        }
        assert!(taken <= now / 10 + Credit::BURST / 10 + 700, "{taken} of {now}");
    }
}
