//! Before and after a fork that hooks follow.
//!
//! Context: the handlers of `pthread_atfork`, and the hooks of `fork`.

use super::Engine;
use crate::drain::calm::Calm;
use crate::holders::ledger::Owner;
use crate::holders::ledger::Token;

/// A fork that is being made.
#[derive(Clone, Copy)]
pub struct Fork {
    /// By which token the counts know the child; `None`: it has no connections.
    pub child: Option<Token>,
    /// Whether the drain held nothing.
    pub calm: Option<Calm>,
}

impl Engine {
    /// To be called before a fork that hooks follow. A server's listener is open by now, so its
    /// workers share one page of counters.
    pub fn before_fork(&'static self, owner: Owner<'_>) -> Fork {
        if owner.has_sockets() {
            self.context.counters.publish();
            // What this process knows no child has to find out. Under a filter that kills for a call of a
            // drain, the child is killed that drains, and not its parent.
            if self.rings.learn() {
                self.rehearsal.is_allowed();
            }
        }
        self.context.counters.before_fork();
        Fork { child: owner.before_fork(), calm: self.drain.calm() }
    }

    /// To be called if that fork has failed.
    pub fn not_forked(&self, owner: Owner<'_>, fork: Fork) {
        self.context.counters.not_forked();
        owner.not_forked(fork.child);
    }

    /// To be called after the fork, in the child.
    pub fn become_child(&self, fork: Fork) {
        self.drain.become_child(fork.calm);
        self.ledger.become_child(fork.child);
        self.context.counters.become_child();
    }
}
