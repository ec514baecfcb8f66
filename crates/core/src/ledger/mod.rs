//! Whose socket is it?
//!
//! `shutdown(2)` acts on the connection, not on the descriptor, so softclose may
//! act only on the last reference to one. The ledger knows the references that
//! hooks have seen: [`table`] what each number of this process means,
//! [`descriptions`] and [`cells`] who holds each connection across fork,
//! [`family`] which of those processes live, [`kin`] whether there are children
//! that no hook saw. Where it does not know, it says so, and [`crate::judge`]
//! looks at procfs.
//!
//! Context: hooks of any kind, signal handlers and `vfork` children included.
//! A `vfork` child runs on its parent's memory: there every write corrupts the
//! parent. So every method that writes hangs on [`Owner`], which only
//! [`Ledger::owner`] gives out, after comparing the pid.

pub use forks::Stamp;

pub mod cells;
pub mod descriptions;
pub mod family;
pub mod forks;
pub mod kin;
pub mod sets;
pub mod table;
pub mod token;

use crate::sys::Fd;
use crate::sys::process;
use crate::sys::procfs::{self, Dir, Stat};
use crate::sys::region::Birthmark;
use crate::sys::socket;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use descriptions::{Descriptions, Left, Marks, SlotId};
use family::{Family, Namespace, Token};
use forks::Forks;
use kin::Kin;
use rustix::process::Pid;
use sets::Sets;
use table::{Entry, FdTable, Role, Watched};

/// All that is known of references, for one process and its fork family.
pub struct Ledger {
    /// The process whose memory this is.
    pid: AtomicI32,
    /// Lost by every copy of this memory: a child in a pid namespace of its own
    /// may have the pid of its parent.
    birthmark: Birthmark,
    /// Its token; 0 before the first connection.
    me: AtomicU32,
    table: FdTable,
    descriptions: Descriptions,
    family: Family,
    kin: Kin,
    sets: Sets,
    forks: Forks,
    capacity: AtomicU32,
    /// The pid namespace of this process.
    namespace: AtomicU64,
    /// References may be made that no count and no look at procfs can find.
    blind: AtomicBool,
}

/// Proof that the calling process owns the memory of the ledger: it is not a
/// `vfork` child, nor one that a raw `clone` made.
#[derive(Clone, Copy)]
pub struct Owner<'a>(&'a Ledger);

/// What is known of a connection at the moment its number is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What the table knew.
    pub entry: Entry,
    /// Whether anybody else holds it.
    pub standing: Standing,
    /// `SO_COOKIE`, where it had to be asked for.
    pub cookie: Option<u64>,
    /// Where the standing is doubtful: who can hold it, as far as the counts know.
    pub others: Others,
}

/// Who can hold a connection that this process held, in clock ticks after boot; 0 where
/// that is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// Who was started earlier cannot have inherited it.
    pub not_before: u64,
    /// The same of a fork beside, where nothing else is doubtful: all that can have it has
    /// inherited it, and runs our program.
    pub forked_since: u64,
}

/// How good our claim to be the last holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The counts say that nobody is left, and nothing speaks against them.
    Last,
    /// The counts say that somebody is left.
    Shared,
    /// The counts cannot know; procfs has to say.
    Doubtful,
    /// It was sent or received through `SCM_RIGHTS`, or it is still watched by
    /// an epoll set under another number: nothing can prove it.
    Unprovable,
}

impl Ledger {
    /// Knows nothing and owns nothing.
    pub const fn new() -> Self {
        Self {
            pid: AtomicI32::new(0),
            birthmark: Birthmark::new(),
            me: AtomicU32::new(0),
            table: FdTable::new(),
            descriptions: Descriptions::new(),
            family: Family::new(),
            kin: Kin::new(),
            sets: Sets::new(),
            forks: Forks::new(),
            capacity: AtomicU32::new(0),
            namespace: AtomicU64::new(0),
            blind: AtomicBool::new(false),
        }
    }

    /// In the constructor: this process owns the ledger. `capacity` is how many
    /// descriptor numbers are kept track of.
    pub fn begin(&self, capacity: u32) {
        self.capacity.store(capacity, SeqCst);
        self.birthmark.set();
        self.pid.store(own_pid(), SeqCst);
    }

    /// The pid test: `None` in a process whose memory this is not.
    pub fn owner(&self) -> Option<Owner<'_>> {
        let pid = own_pid();
        let same = pid != 0 && self.pid.load(SeqCst) == pid && self.birthmark.is_set();
        same.then_some(Owner(self))
    }

    /// To be taken before a system call that makes a descriptor.
    pub fn stamp(&self) -> Stamp {
        self.forks.stamp()
    }

    /// Whether this process has ever made another one, as far as hooks have seen.
    pub fn has_forked(&self) -> bool {
        self.forks.stamp() != Stamp::FIRST
    }

    fn me(&self) -> Option<Token> {
        Token::new(self.me.load(SeqCst))
    }

    fn is_alive(&self, token: Token) -> bool {
        self.me() == Some(token) || self.family.is_alive(token, self.here())
    }

    fn here(&self) -> Namespace {
        Namespace(self.namespace.load(SeqCst))
    }

    /// The memory and the token, at the first connection.
    fn join(&self) -> Option<Token> {
        if let Some(me) = self.me() {
            return Some(me);
        }
        let capacity = self.capacity.load(SeqCst) as usize;
        if !(self.family.ensure() && self.table.ensure(capacity) && self.descriptions.ensure(capacity)) {
            return None;
        }
        self.family.found(if self.forks.has_clock() { start_time() } else { ANY_TIME });
        let token = self.family.enlist(self.here())?;
        self.family.name(token, process::pid()?, self.here());
        let raced = self.me.compare_exchange(0, token.raw(), SeqCst, SeqCst);
        if raced.is_err() {
            self.family.strike(token);
        }
        self.me()
    }

    fn drop_reference(&self, slot: SlotId) -> Left {
        let Some(me) = self.me() else { return Left::Here };
        self.descriptions.release(slot, me, |token| self.is_alive(token))
    }
}

/// 0 where the kernel does not tell: then nobody is the owner.
fn own_pid() -> i32 {
    process::pid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

/// The beginning of time, so that nobody can be excluded for being older.
const ANY_TIME: u64 = 1;

/// When this process was started, where procfs tells. A frame of its own: it has buffers.
#[inline(never)]
fn start_time() -> u64 {
    let stat = Dir::root().and_then(|root| Stat::read(&root, c"self"));
    stat.map_or(ANY_TIME, |stat| stat.start)
}

/// Connections and their descriptors.
impl Owner<'_> {
    /// `fd` is a new TCP socket that only this process holds.
    ///
    /// Where another thread forked between `since` and now, its child may have
    /// the descriptor as well, without being counted.
    pub fn opened(self, fd: Fd, role: Role, since: Stamp) {
        let Some(me) = self.0.join() else { return };
        let Some(cookie) = socket::cookie(fd) else { return };
        let slot = self.0.descriptions.open(fd.index(), cookie, me, |token| self.0.is_alive(token));
        match slot {
            Some(slot) => self.refers(fd, slot, role, since),
            None => self.forgotten(fd),
        }
    }

    /// `new` was made a duplicate of `old` by this process.
    pub fn duplicated(self, old: Fd, new: Fd, since: Stamp) {
        let entry = self.0.table.look(old);
        match (entry.slot, self.0.me()) {
            (Some(slot), Some(me)) if self.is_current(old, slot) => {
                self.0.descriptions.hold(slot, me);
                self.refers(new, slot, entry.role, since);
            }
            _ if entry.received => self.received(new),
            _ => self.forgotten(new),
        }
    }

    fn refers(self, fd: Fd, slot: SlotId, role: Role, since: Stamp) {
        // `dup2` over an open socket, or a number that was closed behind our back.
        self.forgotten(fd);
        self.0.table.set(fd, slot, role);
        if let Some(seconds) = self.0.forks.beside(since) {
            self.0.descriptions.leak(slot, seconds);
        }
    }

    /// The program called `connect` on `fd`.
    pub fn connected(self, fd: Fd) {
        self.0.table.set_connected(fd);
    }

    /// `fd` came through `SCM_RIGHTS`.
    pub fn received(self, fd: Fd) {
        if self.0.join().is_some() {
            self.forgotten(fd);
            self.0.table.set_received(fd);
        }
    }

    /// `fd` was sent through `SCM_RIGHTS`.
    pub fn passed(self, fd: Fd) {
        match self.0.table.slot(fd) {
            Some(slot) => self.0.descriptions.mark(slot, Marks::PASSED),
            None if socket::tcp_info(fd).is_ok() => self.received(fd),
            None => {}
        }
    }

    /// `fd` no longer means what it meant, and nobody asks who was last.
    pub fn forgotten(self, fd: Fd) {
        let entry = self.0.table.take(fd);
        if let Some(slot) = entry.slot {
            self.left_behind(slot, entry, Marks::STILL_WATCHED);
        }
    }

    /// Lowers the count. An epoll set that we added to keeps watching the number
    /// if somebody else holds the description, which `mark` says: only the last
    /// holder's counts, and with nobody left the slot and its marks are gone.
    fn left_behind(self, slot: SlotId, entry: Entry, mark: Marks) -> Left {
        if matches!(entry.watched, Watched::By(_) | Watched::BySeveral) {
            self.0.descriptions.mark(slot, mark);
        }
        self.0.drop_reference(slot)
    }

    /// `set` watches `fd` from now on.
    pub fn watched(self, fd: Fd, set: Fd) {
        self.0.sets.note(set);
        // A socket that is not counted has all sets looked through at its close.
        if self.0.me().is_some() {
            self.0.table.watch(fd, set);
        }
    }

    /// `set` no longer watches `fd`.
    pub fn unwatched(self, fd: Fd, set: Fd) {
        self.0.table.unwatch(fd, set);
    }

    /// Gives up `fd`, which is about to be closed, and says how good our claim
    /// to be its last holder is.
    pub fn release(self, fd: Fd) -> Claim {
        self.give_up(fd, Marks::STILL_WATCHED)
    }

    /// As [`Owner::release`], at the end of the process.
    pub fn release_at_end(self, fd: Fd) -> Claim {
        self.give_up(fd, Marks::WATCHER_ENDED)
    }

    fn give_up(self, fd: Fd, mark: Marks) -> Claim {
        let mut entry = self.0.table.take(fd);
        let cookie = entry.slot.and_then(|_| socket::cookie(fd));
        let is_current = |slot| cookie.is_some_and(|cookie| self.0.descriptions.is(slot, cookie));
        let mut others = Others::default();
        let standing = match entry.slot {
            Some(slot) if is_current(slot) => {
                let marks = self.0.descriptions.marks(slot);
                others = self.others(slot, marks);
                entry.outlived = marks.has(Marks::WATCHER_ENDED);
                self.release_counted(fd, slot, marks, self.left_behind(slot, entry, mark))
            }
            Some(stale) => {
                self.0.drop_reference(stale);
                entry = Entry::UNKNOWN;
                Standing::Doubtful
            }
            None if entry.received || self.0.blind.load(SeqCst) => Standing::Unprovable,
            None => Standing::Doubtful,
        };
        Claim { entry, standing, cookie, others }
    }

    fn is_current(self, fd: Fd, slot: SlotId) -> bool {
        socket::cookie(fd).is_some_and(|cookie| self.0.descriptions.is(slot, cookie))
    }

    fn release_counted(self, fd: Fd, slot: SlotId, marks: Marks, left: Left) -> Standing {
        match left {
            Left::Here => Standing::Shared,
            Left::Elsewhere if self.is_seen_elsewhere(fd, slot) => Standing::Shared,
            // Another program by now, or closed where no hook saw it.
            Left::Elsewhere if marks == Marks::default() || marks == Marks::LEAKED => Standing::Doubtful,
            Left::Elsewhere => Standing::Shared,
            Left::Nobody => self.weigh(marks),
        }
    }

    /// An everyday child holds what it is counted for. One that may have executed a
    /// program since is looked at, once: it inherited the descriptor under its number,
    /// and has closed it if it was close-on-exec.
    fn is_seen_elsewhere(self, fd: Fd, slot: SlotId) -> bool {
        self.0.descriptions.holders(slot).any(|token| {
            self.0.family.has_stayed(token)
                || match (self.0.family.pid(token, self.0.here()), socket::inode(fd)) {
                    (Some(pid), Ok(inode)) => procfs::may_hold_at(pid, fd, inode),
                    _ => true,
                }
        })
    }

    fn weigh(self, marks: Marks) -> Standing {
        if marks.has(Marks::PASSED) || marks.has(Marks::STILL_WATCHED) || self.0.blind.load(SeqCst) {
            Standing::Unprovable
        } else if marks.has(Marks::LEAKED) || marks.has(Marks::CROWDED) || self.0.kin.has_stranger() {
            Standing::Doubtful
        } else {
            Standing::Last
        }
    }

    /// See [`Claim::others`].
    fn others(self, slot: SlotId, marks: Marks) -> Others {
        /// `USER_HZ`, the unit of `/proc/PID/stat`.
        const TICKS: u64 = 100;
        if !self.0.forks.has_clock() {
            return Others::default();
        }
        let not_before = self.0.family.founded();
        let is_told = marks == Marks::LEAKED && not_before > ANY_TIME && !self.0.kin.has_stranger();
        let forked_since = if is_told { u64::from(self.0.descriptions.leaked(slot)) * TICKS } else { 0 };
        Others { not_before, forked_since }
    }

    /// Calls `visit` for every number that is known to be a TCP socket.
    pub fn each(self, mut visit: impl FnMut(Fd)) {
        self.0.table.each(|fd, _| visit(fd));
    }

    /// The first number from `first` on that is known to be a TCP socket, and that
    /// `is_it`.
    pub fn next_known(self, first: u32, is_it: impl Fn(Fd) -> bool) -> Option<Fd> {
        self.0.table.find(first, |fd, _| is_it(fd))
    }

    /// Whether the counts know `fd`.
    pub fn knows(self, fd: Fd) -> bool {
        self.0.table.slot(fd).is_some()
    }

    /// Whether no other process has a count for `fd`, living or dead: a look at
    /// memory, without a system call.
    pub fn is_only_ours(self, fd: Fd) -> bool {
        let slot = self.0.table.slot(fd);
        slot.is_some_and(|slot| self.0.descriptions.holders(slot).all(|holder| self.0.me() == Some(holder)))
    }

    /// Whether a connection may be other than plain TCP: `SO_LINGER` or `TCP_REPAIR` set, or
    /// MPTCP. Not where hooks have seen it coming, and nobody making any so.
    pub fn may_have_options(self, entry: Entry) -> bool {
        entry.slot.is_none() || self.0.family.has_options()
    }

    /// Which side opened `fd`, as far as is known.
    pub fn role(self, fd: Fd) -> Role {
        self.0.table.look(fd).role
    }

    /// Whether the table has a place for `fd`.
    pub fn covers(self, fd: Fd) -> bool {
        fd.index() < self.0.capacity.load(SeqCst) as usize
    }

    /// Whether a hook has seen `set` being used as an epoll set.
    pub fn knows_set(self, set: Fd) -> bool {
        self.0.sets.knows(set)
    }
}

/// Processes.
impl Owner<'_> {
    /// Whether this process has ever had a TCP socket.
    pub fn has_sockets(self) -> bool {
        self.0.me().is_some()
    }

    /// Before a fork that hooks follow: the child is counted from now on.
    pub fn before_fork(self) -> Option<Token> {
        let now = self.0.forks.begin();
        self.0.me()?;
        let child = self.0.family.enlist(self.0.here());
        self.0.table.each(|_, slot| match child {
            Some(child) => self.0.descriptions.hold(slot, child),
            None => self.0.descriptions.leak(slot, now),
        });
        child
    }

    /// After that fork, in the parent, whether or not there is a child.
    pub fn after_fork(self) {
        self.0.forks.end();
    }

    /// The child of that fork has this pid.
    pub fn forked(self, child: Option<Token>, pid: Pid) {
        self.0.kin.born(pid);
        if let Some(child) = child {
            self.0.family.name(child, pid, self.0.here());
        }
    }

    /// This process is about to be another program, whose children nobody counts.
    pub fn may_move(self) {
        let Some(me) = self.0.me() else { return };
        self.0.family.may_move(me);
        self.0.table.each(|fd, slot| {
            if !fd.is_close_on_exec() {
                self.0.descriptions.leak(slot, 0);
            }
        });
    }

    /// From now on no hook of this process follows what it does.
    pub fn goes_unseen(self) {
        if let Some(me) = self.0.me() {
            self.0.family.may_move(me);
        }
    }

    /// That fork has failed: nobody holds what was counted for the child.
    pub fn not_forked(self, child: Option<Token>) {
        if let Some(child) = child {
            // A token that is struck out counts as dead, wherever it stands.
            self.0.family.strike(child);
        }
    }

    /// A process is made that runs another program or no hook of ours, and has
    /// every descriptor that it was given: what is open now is marked.
    pub fn before_spawn(self) {
        let any_time = self.0.forks.note_stranger();
        self.0.table.each(|_, slot| self.0.descriptions.leak(slot, any_time));
    }

    /// From now on this process can hold sockets in ways that nobody can see: an
    /// `io_uring`, a second descriptor table, `pidfd_getfd`.
    pub fn blinded(self) {
        self.0.blind.store(true, SeqCst);
    }

    /// From now on this process or its children may be in another time namespace.
    pub fn clock_moves(self) {
        self.0.forks.move_clock();
    }

    /// Whether it can.
    pub fn is_blind(self) -> bool {
        self.0.blind.load(SeqCst)
    }

    /// A process was made that no count covers; its pid, where the door tells it.
    pub fn spawned(self, pid: Option<Pid>) {
        match pid {
            Some(pid) => self.0.kin.born(pid),
            None => self.0.kin.born_nameless(),
        }
    }
}

impl Ledger {
    /// The program sets `SO_LINGER` or `TCP_REPAIR` on a socket, takes one over of which
    /// nobody knows whether it was set, or makes one of MPTCP.
    pub fn set_options(&self) {
        self.family.set_options();
    }

    /// After a fork, in the child: the copied memory is its own now.
    pub fn become_child(&self, me: Option<Token>) {
        self.birthmark.set();
        self.pid.store(own_pid(), SeqCst);
        self.me.store(me.map_or(0, Token::raw), SeqCst);
        self.forks.become_child();
        self.kin.forget();
        self.table.inherit();
        // A parent without a pid is in an outer namespace, where it has named us.
        if process::is_parent_outside() {
            self.namespace.store(self.family.new_namespace().0, SeqCst);
        } else if let Some((me, pid)) = me.zip(process::pid()) {
            self.family.name(me, pid, self.here());
        }
    }

    /// A number of this process that is counted as one of the connection with this
    /// cookie, and still is.
    pub fn number_of(&self, cookie: u64) -> Option<Fd> {
        self.table.find(0, |fd, slot| self.descriptions.is(slot, cookie) && socket::cookie(fd) == Some(cookie))
    }

    /// At the end of the process: its cells are those of a dead process now.
    pub fn retire(&self) {
        if let Some(me) = self.me() {
            self.family.strike(me);
        }
    }
}

// Miri has no sockets.
#[cfg(all(test, not(miri)))]
mod tests;
