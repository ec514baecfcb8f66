//! A fork that hooks follow: the child is counted before it exists.
//!
//! Context: the hooks of `fork` and its family, and handlers of `pthread_atfork`.

use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::{clock, descriptors, process, socket};
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

/// A fork that hooks follow.
impl Owner<'_> {
    /// Before a fork that hooks follow: the child is counted from now on.
    pub fn before_fork(self) -> Option<Token> {
        self.0.limit.keep();
        self.0.sets.share();
        self.0.processes.creations.begin();
        self.end_finisher();
        if !self.shares() {
            return None;
        }
        if self.is_blind() {
            self.0.hand_on_all();
        }
        let child = self.0.family().register(self.0.here(), clock::seconds_since_boot());
        self.0.table.each(|_, slot| match child {
            Some(child) => self.0.descriptions().hold(slot, child),
            None => self.0.descriptions().mark(slot, Marks::LEAKED),
        });
        child
    }

    /// Joins the family if this process may have anything to share. A process that got its connections by
    /// `exec` alone needs the shared memory as well: its children note there what they execute with
    /// them. So does a process that may send its children connections later on. False for a process
    /// without connections and socket pairs.
    ///
    /// All numbers are looked through once: hooks see what is opened later.
    pub(super) fn shares(self) -> bool {
        let has_one = || self.0.channels().has_own() || !self.0.has_looked.swap(true, SeqCst) && may_have_one();
        self.0.me().is_some() || has_one() && self.0.join().is_some()
    }

    /// After that fork, in the parent, whether or not there is a child.
    pub fn after_fork(self) {
        self.0.sets.share();
        self.0.processes.creations.end();
    }

    /// Whether this process has no child at all: then a fork that has ended has failed.
    pub fn is_childless(self) -> bool {
        self.0.processes.children.is_childless()
    }

    /// The child of that fork has this pid.
    pub fn forked(self, child: Option<Token>, pid: Pid) {
        self.0.processes.children.add(pid);
        if let Some(child) = child {
            self.0.family().set_pid(child, pid, self.0.here());
        }
    }

    /// That fork has failed: what was counted for the child is held by nobody.
    pub fn not_forked(self, child: Option<Token>) {
        if let Some(child) = child {
            // A token that is removed counts as dead in every slot.
            self.0.family().remove(child);
        }
    }
}

impl Ledger {
    /// After a fork, in the child, with its token: from now on the copied memory belongs to the child.
    pub fn become_child(&self, me: Option<Token>) {
        self.identity.set();
        self.identity.token.store(me.map_or(0, Token::raw), SeqCst);
        self.processes.creations.become_child();
        self.identity.has_inner_children.store(false, SeqCst);
        self.processes.replacing.store(0, SeqCst);
        self.processes.may_have_leaked.store(false, SeqCst);
        self.blindness.is_table_split.store(false, SeqCst);
        self.processes.children.forget();
        self.forget_finisher();
        self.sets.become_child();
        self.rings.become_child();
        self.bind_child(me);
        if self.user.was_changing() {
            Owner(self).leave_if_user_is_lost();
        }
    }

    fn bind_child(&self, me: Option<Token>) {
        if self.memory.head().is_none() {
            return;
        }
        // A parent without a pid here is in an outer namespace, where it has stored our pid.
        if process::is_parent_outside() {
            self.identity.namespace.store(self.family().new_namespace().0, SeqCst);
            me.into_iter().for_each(|me| self.family().set_exists(me));
        } else if let Some((me, pid)) = me.zip(process::pid()) {
            self.family().set_pid(me, pid, self.here());
        }
    }
}

/// Whether any open number may be a connection, or become one.
#[inline(never)]
fn may_have_one() -> bool {
    let mut has_one = false;
    let are_all = descriptors::each(|fd| has_one |= socket::may_connect(fd));
    has_one || !are_all
}
