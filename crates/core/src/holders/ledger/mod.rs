//! Whose socket is it?
//!
//! `shutdown(2)` acts on the connection, not on the descriptor, so softclose may
//! act only on the last reference to one. The ledger knows the references that
//! hooks have seen: [`table`] what each number of this process means, [`descriptions`] and [`cells`] who holds each connection across fork,
//! [`family`] which of those processes live, in memory that they have in common
//! ([`family_memory`]) until one loses its user ([`detach`]), [`children`] whether there are
//! children that no hook saw, [`lineage`] what the programs have that they execute,
//! [`executions`] what others got, [`channels`] how connections are sent to each other,
//! [`foreign`] what came from elsewhere, [`leaks`] what may be in a child unseen, [`makers`] which processes are being made. Where it does not know, it says so; the order of who is asked then is in `engine/proof.rs`.
//!
//! Context: hooks of any kind, signal handlers and `vfork` children included.
//! A `vfork` child runs on its parent's memory: there every write corrupts the
//! parent. So every method that writes hangs on [`Owner`], which only
//! [`Ledger::owner`] gives out, after comparing the pid.

pub use forks::Stamp;
pub use lineage::{Execution, Place, Ticket};
pub use makers::{Child, Return};
pub use passing::{Departure, Message};

pub mod bitmap;
pub mod cells;
pub mod channels;
pub mod children;
pub mod descriptions;
mod detach;
pub mod executions;
pub mod family;
pub mod family_memory;
pub mod finishers;
pub mod foreign;
pub mod forks;
pub mod leaks;
pub mod lineage;
pub mod makers;
pub mod passing;
pub mod rings;
pub mod table;
pub mod token;
mod user;

use crate::holders::standing::{Doubt, Standing};
use crate::holders::watch::membership::{Generation, Membership};
use crate::holders::watch::sets::Sets;
use crate::sys::birthmark::Birthmark;
use crate::sys::limit::Limit;
use crate::sys::procfs;
use crate::sys::shared::Reach;
use crate::sys::socket::Role;
use crate::sys::{Fd, clock, descriptors, process, socket, thread};
use channels::Channels;
use children::Children;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use descriptions::{Descriptions, Left, Marks, Released, SlotId};
use family::{Family, Namespace, Token};
use family_memory::{FamilyMemory, slots_for};
use forks::{Beside, Forks};
use rings::Rings;
use rustix::process::Pid;
use table::{Entry, FdTable};
use user::User;

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
    /// The memory of its family.
    memory: FamilyMemory,
    user: User,
    /// See [`Ledger::set_options`]; until there is memory for it.
    options: AtomicBool,
    children: Children,
    sets: Sets,
    /// Of a process that has no memory yet.
    own_channels: Channels<16>,
    /// See [`Ledger::may_have_leaked`].
    leaks: AtomicBool,
    /// So many threads replace the program.
    executing: AtomicU32,
    rings: Rings,
    forks: Forks,
    capacity: AtomicU32,
    /// The pid namespace of this process.
    namespace: AtomicU64,
    /// References may be made that no count and no look at procfs can find.
    blind: AtomicU32,
    /// A thread may have a table of descriptors of its own.
    is_split: AtomicBool,
    /// That of descriptors.
    pub limit: Limit,
    /// So many processes run on this memory that cannot be told from this one.
    doubles: AtomicU32,
    /// Children of this process are in another pid namespace than it is.
    outer: AtomicBool,
    /// Who finishes what this process has left, while it is still there; 0 for nobody.
    finisher: AtomicI32,
    /// Whether this process, or one that it was forked from, is a subreaper.
    reaps: AtomicBool,
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
    /// How often epoll sets watch it, under any number of any process, where it is counted.
    pub watchers: u32,
    /// Whether processes outside of the lineage may have it as well, and numbers of this one
    /// that nobody has counted.
    pub is_foreign: bool,
}

/// What came of a call that puts a number into an epoll set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It is in the set.
    Now,
    /// It was in the set before (`EEXIST`).
    Before,
    /// The call has failed.
    No,
}

impl Ledger {
    /// Knows nothing and owns nothing.
    pub const fn new() -> Self {
        Self {
            pid: AtomicI32::new(0),
            birthmark: Birthmark::new(),
            me: AtomicU32::new(0),
            table: FdTable::new(),
            memory: FamilyMemory::new(),
            user: User::new(),
            options: AtomicBool::new(false),
            children: Children::new(),
            sets: Sets::new(),
            own_channels: Channels::new(),
            leaks: AtomicBool::new(false),
            executing: AtomicU32::new(0),
            rings: Rings::new(),
            forks: Forks::new(),
            capacity: AtomicU32::new(0),
            namespace: AtomicU64::new(0),
            blind: AtomicU32::new(0),
            is_split: AtomicBool::new(false),
            limit: Limit::new(),
            doubles: AtomicU32::new(0),
            outer: AtomicBool::new(false),
            finisher: AtomicI32::new(0),
            reaps: AtomicBool::new(false),
        }
    }

    /// In the constructor: this process owns the ledger. `capacity` is how many
    /// descriptor numbers are kept track of.
    pub fn begin(&self, capacity: u32) {
        self.capacity.store(capacity, SeqCst);
        self.birthmark.set();
        self.pid.store(own_pid(), SeqCst);
    }

    /// In the constructor: whose user is not to be lost to other users.
    pub fn begin_as(&self, users: [u32; 3]) {
        self.user.set(users);
    }

    /// The pid test: `None` in a process whose memory this is not.
    pub fn owner(&self) -> Option<Owner<'_>> {
        let pid = own_pid();
        let same = pid != 0 && self.pid.load(SeqCst) == pid && self.birthmark.is_set();
        (same && self.doubles.load(SeqCst) == 0).then_some(Owner(self))
    }

    /// Before a child is made that runs on this memory, in a pid namespace of its own if
    /// `is_inner`. Pid 1 has children there that are pid 1 as well, and until
    /// [`Ledger::has_no_double`] nobody is the owner. Answers whether that is so.
    pub fn may_have_double(&self, is_inner: bool) -> bool {
        let has_double = self.outer.load(SeqCst) || is_inner && own_pid() == 1;
        if has_double {
            self.doubles.fetch_add(1, SeqCst);
        }
        has_double
    }

    /// That child has ended, or runs another program.
    pub fn has_no_double(&self) {
        self.doubles.fetch_sub(1, SeqCst);
    }

    /// To be taken before a system call that makes a descriptor. What this thread has made by a
    /// call whose return no hook saw, it has made before.
    pub fn stamp(&self) -> Stamp {
        if self.is_any_making() {
            self.owner().into_iter().for_each(Owner::goes_on);
        }
        self.forks.stamp()
    }

    /// Whether a thread may have made a process without a hook having seen it go on.
    pub fn is_any_making(&self) -> bool {
        self.forks.is_any_unseen()
    }

    /// Whether this process has ever made another one, as far as hooks have seen.
    pub fn has_forked(&self) -> bool {
        self.forks.stamp() != Stamp::FIRST
    }

    fn family(&self) -> Family<'_> {
        Family::of(&self.memory)
    }

    fn descriptions(&self) -> Descriptions<'_> {
        Descriptions::of(&self.memory)
    }

    fn me(&self) -> Option<Token> {
        Token::new(self.me.load(SeqCst))
    }

    fn is_alive(&self, token: Token) -> bool {
        self.me() == Some(token) || self.family().is_alive(token, self.here())
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
        if !(self.table.ensure(capacity) && self.sets.ensure(capacity) && self.ensure_memory(capacity)) {
            return None;
        }
        self.channels().share();
        if self.options.load(SeqCst) {
            self.family().set_options();
        }
        self.family().found(clock::nanoseconds_since_boot());
        let token = self.family().enlist(self.here(), 0)?;
        self.family().name(token, process::pid()?, self.here());
        let raced = self.me.compare_exchange(0, token.raw(), SeqCst, SeqCst);
        if raced.is_err() {
            self.family().strike(token);
        }
        self.me()
    }

    fn ensure_memory(&self, capacity: usize) -> bool {
        let has_one = self.memory.head().is_some();
        let reach = if has_one || !may_make_segments() { Reach::Forks } else { Reach::Programs };
        self.memory.ensure(slots_for(capacity), reach)
    }

    fn drop_reference(&self, slot: SlotId) -> Option<Released> {
        self.descriptions().release(slot, self.me()?, |token| self.is_alive(token))
    }
}

/// 0 where the kernel does not tell: then nobody is the owner.
fn own_pid() -> i32 {
    process::pid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

/// Whether a filter that kills for the calls which that takes is out of the question. That of
/// a container answers an error; in the first pid namespace it may be a service's own.
#[inline(never)]
fn may_make_segments() -> bool {
    !procfs::may_be_filtered(c"thread-self/status") || procfs::is_in_inner_namespace()
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
        let slot = self.0.descriptions().open(cookie, me, |token| self.0.is_alive(token));
        match slot {
            Some(slot) => {
                self.0.family().reaches(slot.raw());
                self.refers(fd, slot, role, since);
            }
            None => self.forgotten(fd),
        }
    }

    /// `new` was made a duplicate of `old` by this process.
    pub fn duplicated(self, old: Fd, new: Fd, since: Stamp) {
        self.0.sets.duplicated(old, new);
        self.copies_ring(old);
        let entry = self.0.table.look(old);
        match (entry.slot, self.0.me()) {
            (Some(slot), Some(me)) if self.is_counted(slot) && self.is_current(old, slot) => {
                self.0.descriptions().hold(slot, me);
                self.0.descriptions().mark(slot, Marks::COPIED);
                self.refers(new, slot, entry.role, since);
                if entry.was_watched {
                    self.0.table.set_watched(new);
                }
            }
            _ => self.forgotten(new),
        }
    }

    /// `exec` does not close `fd` any more.
    pub fn kept(self, fd: Fd, since: Stamp) {
        if self.0.forks.beside(since) != Beside::Nothing {
            self.0.hand(fd);
        }
    }

    fn refers(self, fd: Fd, slot: SlotId, role: Role, since: Stamp) {
        // `dup2` over an open socket, or a number that was closed behind our back.
        self.forgotten(fd);
        self.0.table.set(fd, slot, role);
        self.0.sets.opened_plain(fd);
        match self.0.forks.beside(since) {
            Beside::Nothing => {}
            Beside::Fork => {
                self.0.descriptions().mark(slot, Marks::LEAKED);
                self.0.leaks.store(true, SeqCst);
            }
            Beside::Execution if fd.is_close_on_exec() => {}
            Beside::Execution => self.0.descriptions().mark(slot, Marks::HANDED),
        }
    }

    /// The program called `connect` on `fd`.
    pub fn connected(self, fd: Fd) {
        if self.0.table.slot(fd).is_none() {
            self.adopt(fd, self.0.stamp());
        }
        self.0.table.set_connected(fd);
    }

    /// `fd` no longer means what it meant, and nobody asks who was last.
    pub fn forgotten(self, fd: Fd) {
        if let Some(slot) = self.0.table.take(fd).slot {
            self.0.drop_reference(slot);
        }
    }

    /// Gives up `fd`, which is about to be closed, and says how good our claim
    /// to be its last holder is.
    pub fn release(self, fd: Fd) -> Claim {
        self.give_up(fd, self.0.table.take(fd))
    }

    /// As [`Owner::release`], at the end of the process: sets that nobody else has end with it.
    pub fn release_at_end(self, fd: Fd) -> Claim {
        let entry = self.0.table.take(fd);
        if let Some(slot) = entry.slot.filter(|_| self.is_private(entry)) {
            self.0.descriptions().remove_watchers(slot, entry.watched.members());
        }
        self.give_up(fd, entry)
    }

    fn give_up(self, fd: Fd, mut entry: Entry) -> Claim {
        let was_blind = self.is_blind();
        self.look_at_rings();
        // What is in the table has been marked, and this one is not there any more.
        if let Some(slot) = entry.slot.filter(|_| !was_blind && self.is_blind()) {
            self.0.descriptions().mark(slot, Marks::HANDED);
        }
        let cookie = entry.slot.and_then(|_| socket::cookie(fd));
        let is_current = |slot| cookie.is_some_and(|cookie| self.0.descriptions().is(slot, cookie));
        let (mut is_foreign, mut watchers) = (true, 0);
        let nothing = Released::NOTHING;
        let standing = match entry.slot {
            Some(slot) if is_current(slot) => {
                let released = self.0.drop_reference(slot).unwrap_or(nothing);
                watchers = released.watchers;
                is_foreign = released.marks.has(Marks::FOREIGN) || released.left == Left::Unknown;
                if released.left == Left::Unknown {
                    entry = Entry { watched: entry.watched, ..Entry::UNKNOWN };
                }
                self.release_counted(fd, slot, released)
            }
            Some(stale) => {
                self.0.drop_reference(stale);
                entry = Entry { watched: entry.watched, ..Entry::UNKNOWN };
                self.weigh_stray()
            }
            None => self.weigh_stray(),
        };
        Claim { entry, standing, cookie, watchers, is_foreign }
    }

    /// Whether this process is among the holders: not where there are too many, nor of what
    /// it noted while it left the memory.
    fn is_counted(self, slot: SlotId) -> bool {
        self.0.descriptions().holders(slot).any(|holder| self.0.me() == Some(holder))
    }

    fn is_current(self, fd: Fd, slot: SlotId) -> bool {
        socket::cookie(fd).is_some_and(|cookie| self.0.descriptions().is(slot, cookie))
    }

    fn release_counted(self, fd: Fd, slot: SlotId, released: Released) -> Standing {
        match released.left {
            Left::Here => Standing::Shared,
            Left::Elsewhere if self.is_seen_elsewhere(fd, slot, released.marks) => Standing::Shared,
            // Nobody has received it yet, or somebody whom nobody has looked at.
            _ if released.is_flying => Standing::Unprovable(Doubt::Passed),
            Left::Elsewhere if self.0.descriptions().has_additions_since(slot, released.added) => {
                Standing::Unprovable(Doubt::Passed)
            }
            // Those that are left have executed another program since, and lost it by that.
            Left::Elsewhere | Left::Nobody => self.weigh(released.marks),
            Left::Unknown => match self.weigh(released.marks) {
                Standing::Last => Standing::Doubtful,
                standing => standing,
            },
        }
    }

    /// An everyday child holds what it is counted for. One that may have executed a program
    /// since has lost what was close-on-exec, and what was not is abroad: one link tells
    /// whether it still has the number that it inherited, where it can have no other. One that
    /// nobody has heard of is no child, if libc's fork has failed.
    fn is_seen_elsewhere(self, fd: Fd, slot: SlotId, marks: Marks) -> bool {
        let (me, is_forking) = (self.0.me(), self.0.forks.is_any_under_way());
        let may_be = |token: &Token| Some(*token) != me && (is_forking || self.0.family().may_be_born(*token));
        self.0.descriptions().holders(slot).filter(may_be).any(|token| {
            self.0.family().has_stayed(token)
                || self.0.descriptions().is_abroad(slot, token)
                || marks.has(Marks::COPIED)
                || match (self.0.family().pid(token, self.0.here()), socket::inode(fd)) {
                    (Some(pid), Ok(inode)) => procfs::holds_at(pid, fd, inode).unwrap_or(true),
                    _ => true,
                }
        })
    }

    fn weigh(self, marks: Marks) -> Standing {
        let (family, Ledger { forks, children, .. }) = (self.0.family(), self.0);
        let is_handed = marks.has(Marks::HANDED) || marks.has(Marks::LEAKED) && family.has_handed_strays();
        if let Some(doubt) = self.doubt() {
            Standing::Unprovable(doubt)
        } else if marks.has(Marks::PASSED) {
            Standing::Unprovable(Doubt::Passed)
        } else if is_handed || forks.is_child_under_way() {
            Standing::Unprovable(Doubt::Spawned)
        } else if marks.has_any(Marks::UNCOUNTED) || children.has_untracked() {
            Standing::Doubtful
        } else {
            Standing::Last
        }
    }

    /// Of what this process has no count for.
    fn weigh_stray(self) -> Standing {
        match self.doubt() {
            Some(doubt) => Standing::Unprovable(doubt),
            None if self.0.family().has_handed_strays() => Standing::Unprovable(Doubt::Spawned),
            None if self.0.forks.is_child_under_way() => Standing::Unprovable(Doubt::Spawned),
            None => Standing::Doubtful,
        }
    }

    /// What makes every claim doubtful.
    fn doubt(self) -> Option<Doubt> {
        if self.is_blind() { Some(Doubt::Blind) } else { self.0.family().is_taking().then_some(Doubt::Passed) }
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
        slot.is_some_and(|slot| self.0.descriptions().holders(slot).all(|holder| self.0.me() == Some(holder)))
    }

    /// Whether a connection may be other than plain TCP: `SO_LINGER` or `TCP_REPAIR` set, or
    /// MPTCP. Not where hooks have seen it coming, and nobody making any so.
    pub fn may_have_options(self, entry: Entry) -> bool {
        entry.slot.is_none() || self.0.options.load(SeqCst) || self.0.family().has_options()
    }

    /// The same of a number.
    pub fn may_linger(self, fd: Fd) -> bool {
        !self.knows(fd) || self.0.family().has_options()
    }

    /// Whether a connection that was sent may have `SO_LINGER` set.
    pub fn may_linger_in_messages(self) -> bool {
        self.0.options.load(SeqCst) || self.0.family().has_options()
    }

    /// Which side opened `fd`, as far as is known.
    pub fn role(self, fd: Fd) -> Role {
        self.0.table.look(fd).role
    }

    /// Whether the table has a place for `fd`.
    pub fn covers(self, fd: Fd) -> bool {
        fd.index() < self.0.capacity.load(SeqCst) as usize
    }
}

/// Epoll sets, and who is in them.
impl<'a> Owner<'a> {
    /// What is known of them.
    pub fn sets(self) -> &'a Sets {
        &self.0.sets
    }

    /// This process has made `set`; `since` is from before.
    pub fn made_set(self, set: Fd, since: Stamp) {
        self.0.sets.made(set, || self.0.forks.beside(since) == Beside::Nothing);
    }

    /// The program is about to put `fd` into `set`.
    pub fn joining(self, fd: Fd, set: Fd) {
        self.watched_by(fd, set, |sets, alone| sets.joining(set, alone));
    }

    /// That call has returned.
    pub fn joined(self, fd: Fd, joined: Joined) {
        let is_new = || self.0.table.look(fd).watched.members() == 1;
        match joined {
            Joined::No => return self.watched_by_one_less(fd, Membership::not_joined),
            Joined::Before if !is_new() => self.watched_by_one_less(fd, Membership::not_joined),
            Joined::Before | Joined::Now => _ = self.0.table.watch(fd, Membership::joined),
        }
        self.0.table.set_watched(fd);
    }

    /// `fd`, which no hook has seen being put into a set, is in `set`.
    pub fn found_in(self, fd: Fd, set: Fd) {
        self.watched_by(fd, set, |sets, alone| sets.member_of(set, alone));
        self.0.table.set_watched(fd);
    }

    /// The program has taken `fd` out of a set.
    pub fn left(self, fd: Fd) {
        self.watched_by_one_less(fd, Membership::left);
    }

    fn watched_by(self, fd: Fd, set: Fd, change: impl Fn(Membership, Option<Generation>) -> Membership) {
        self.0.sets.used(set);
        let alone = self.0.sets.alone(set);
        // First for all processes: what this one does not know of cannot be left.
        if let Some(slot) = self.0.table.slot(fd) {
            self.0.descriptions().add_watcher(slot);
        }
        if !self.0.table.has_room(fd) {
            self.0.sets.leave_behind();
        }
        self.0.table.watch(fd, |sets| change(sets, alone));
    }

    fn watched_by_one_less(self, fd: Fd, change: impl Fn(Membership) -> Membership) {
        let before = self.0.table.watch(fd, change);
        if let Some(slot) = self.0.table.slot(fd).filter(|_| before.members() != 0) {
            self.0.descriptions().remove_watchers(slot, 1);
        }
    }

    /// Whether all sets that watch the number end when this process closes them.
    pub fn is_private(self, entry: Entry) -> bool {
        entry.watched.is_private(self.0.sets.generation())
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
        self.0.limit.keep();
        self.0.sets.share();
        self.0.forks.begin();
        self.end_finisher();
        if !self.shares() {
            return None;
        }
        if self.is_blind() {
            self.0.hand_all();
        }
        let child = self.0.family().enlist(self.0.here(), clock::seconds_since_boot());
        self.0.table.each(|_, slot| match child {
            Some(child) => self.0.descriptions().hold(slot, child),
            None => self.0.descriptions().mark(slot, Marks::LEAKED),
        });
        child
    }

    /// A process that came to its connections by `exec` alone needs the shared memory as
    /// well: its children tell there what they execute with them. So does one that may send
    /// its children connections later on. False for a process that has neither.
    fn shares(self) -> bool {
        self.0.me().is_some() || {
            let mut has_one = self.0.channels().has_own();
            let all = descriptors::each(|fd| has_one |= socket::may_connect(fd));
            (has_one || !all) && self.0.join().is_some()
        }
    }

    /// After that fork, in the parent, whether or not there is a child.
    pub fn after_fork(self) {
        self.0.sets.share();
        self.0.forks.end();
    }

    /// Whether there is no child at all: then a fork that has ended has failed.
    pub fn is_childless(self) -> bool {
        self.0.children.is_childless()
    }

    /// The child of that fork has this pid.
    pub fn forked(self, child: Option<Token>, pid: Pid) {
        self.0.children.born(pid);
        if let Some(child) = child {
            self.0.family().name(child, pid, self.0.here());
        }
    }

    /// That fork has failed: nobody holds what was counted for the child.
    pub fn not_forked(self, child: Option<Token>) {
        if let Some(child) = child {
            // A token that is struck out counts as dead, wherever it stands.
            self.0.family().strike(child);
        }
    }

    /// A process is about to be made that no hook follows as it is.
    pub fn before_spawn(self, child: Child, end: Return) {
        // First: what another thread makes from here on is asked for there.
        self.0.forks.enter(child, end);
        self.end_finisher();
        self.0.limit.keep();
        self.0.sets.share();
        // What it gets is noted there.
        self.shares();
    }

    /// It has been made, or the call has failed.
    pub fn after_spawn(self, child: Child) {
        self.0.forks.leave(child);
    }

    /// The calling thread is in a hook again.
    pub fn goes_on(self) {
        self.0.forks.settle();
    }

    /// That process goes on with all that is open, beside this one.
    pub fn leak_all(self) {
        self.0.leak_all();
    }

    /// The program is about to move its limit of descriptors.
    pub fn keep_limit(self) {
        self.0.limit.keep();
    }

    /// From now on this process can hold sockets in ways that nobody can see: an
    /// `io_uring`, a second descriptor table.
    ///
    /// What it holds now with others, none of them is the last of.
    pub fn blinded(self) {
        self.0.blind.fetch_add(1, SeqCst);
        self.0.hand_all();
    }

    /// The call that was to make it so has failed.
    pub fn not_blinded(self) {
        self.0.blind.fetch_sub(1, SeqCst);
    }

    /// From now on children of this process are in another pid namespace.
    pub fn is_outside(self) {
        self.0.outer.store(true, SeqCst);
    }

    /// Whether it can.
    pub fn is_blind(self) -> bool {
        self.0.is_blind()
    }

    /// From now on a thread may have a table of descriptors of its own: what one of them
    /// keeps under a number, the drain's thread does not find there.
    pub fn splits_table(self) {
        self.0.is_split.store(true, SeqCst);
    }

    /// Whether a thread may have one.
    pub fn has_split_table(self) -> bool {
        self.0.is_split.load(SeqCst)
    }

    /// Whether somebody has begun to copy a descriptor of this process, and may do so at any
    /// moment: a process is being made, or one of the family takes a descriptor of another.
    pub fn is_any_copy_under_way(self) -> bool {
        self.0.forks.is_any_being_made() || self.0.family().is_taking()
    }

    /// Whether another process may have the same table of descriptors, where what this one
    /// closes is closed for both.
    pub fn may_share_table(self) -> bool {
        self.is_blind() || self.0.children.has_untracked()
    }

    /// A process was made that no count covers; its pid, where the door tells it.
    pub fn spawned(self, pid: Option<Pid>) {
        self.0.sets.share();
        match pid {
            Some(pid) => self.0.children.born(pid),
            None => self.0.children.born_nameless(),
        }
    }
}

impl Ledger {
    /// See [`Owner::blinded`].
    pub fn is_blind(&self) -> bool {
        self.blind.load(SeqCst) != 0 || self.rings.has_inherited()
    }

    /// The program sets `SO_LINGER` or `TCP_REPAIR` on a socket, takes one over of which
    /// nobody knows whether it was set, or makes one of MPTCP.
    pub fn set_options(&self) {
        // In this order: there may be no memory yet, and it is looked at when there is.
        self.options.store(true, SeqCst);
        self.family().set_options();
    }

    /// After a fork, in the child: the copied memory is its own now.
    pub fn become_child(&self, me: Option<Token>) {
        self.birthmark.set();
        self.pid.store(own_pid(), SeqCst);
        self.me.store(me.map_or(0, Token::raw), SeqCst);
        self.forks.become_child();
        self.outer.store(false, SeqCst);
        self.executing.store(0, SeqCst);
        self.leaks.store(false, SeqCst);
        self.is_split.store(false, SeqCst);
        self.children.forget();
        self.forget_finisher();
        self.sets.become_child();
        self.rings.become_child();
        // A parent without a pid is in an outer namespace, where it has named us.
        if process::is_parent_outside() {
            self.namespace.store(self.family().new_namespace().0, SeqCst);
            me.into_iter().for_each(|me| self.family().is_born(me));
        } else if let Some((me, pid)) = me.zip(process::pid()) {
            self.family().name(me, pid, self.here());
        }
        if self.user.was_changing() {
            Owner(self).leave_if_user_is_lost();
        }
    }

    /// A number of this process that is counted as one of the connection with this
    /// cookie, and still is.
    pub fn number_of(&self, cookie: u64) -> Option<Fd> {
        self.table.find(0, |fd, slot| self.descriptions().is(slot, cookie) && socket::cookie(fd) == Some(cookie))
    }

    /// The calling thread is about to wait for events of `set`. Context: as often as an event
    /// loop goes round; no system call.
    pub fn waits(&self, set: Fd) {
        self.sets.waits(set, thread::number());
    }

    /// The program is about to close `fd`, which is open.
    pub fn ending(&self, fd: Fd) {
        if self.sets.may_be_waited_for(fd, thread::number()) {
            self.sets.share();
        }
        self.sets.ending(fd);
    }

    /// The program has just closed `fd`.
    pub fn ended(&self, fd: Fd) {
        self.sets.ended(fd);
    }

    /// softclose has put a connection under `fd`.
    pub fn occupied(&self, fd: Fd) {
        self.sets.occupied(fd);
    }

    /// The same for a range of numbers, open or not.
    pub fn ending_range(&self, first: u32, last: u32) {
        if self.sets.any_waited_for(first, last, thread::number()) {
            self.sets.share();
        }
        self.sets.ending_range(first, last);
    }

    /// Whether `fd`, which was given up, has been put into a set since, and is not another
    /// connection by now.
    pub fn has_been_entered(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_none() && entry.watched != Membership::NONE
    }

    /// Whether `fd` is a counted connection that no hook has seen being put into a set.
    pub fn is_not_known_to_be_watched(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_some() && entry.watched == Membership::NONE
    }

    /// At the end of the process: its cells are those of a dead process now.
    pub fn retire(&self) {
        if let Some(me) = self.me() {
            self.family().strike(me);
        }
    }
}

// Miri has no sockets.
#[cfg(all(test, not(miri)))]
mod tests;
