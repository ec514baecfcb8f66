//! What hooks demand of the drainer, beside that it drains.
//!
//! Each is a word or a small table that hooks write and the drainer looks at in every turn. How
//! hooks wait for it is in the files above: [`super::dismissal`], [`super::surrender`],
//! [`super::pressure`], [`super::ports`], [`super::deferred_shutdown`].
//!
//! | file | one idea |
//! |---|---|
//! | [`dismissals`] | for a while there must be no thread of ours |
//! | [`process_end`] | the process ends: hurry, or leave all to the thread that ends it |
//! | [`wanted_port`] | the program needs a local port |
//! | [`deferred_shutdowns`] | receive sides that are shut later |

pub mod deferred_shutdowns;
pub mod dismissals;
pub mod process_end;
pub mod wanted_port;

use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use deferred_shutdowns::DeferredShutdowns;
use dismissals::Dismissals;
use process_end::ProcessEnd;
use wanted_port::WantedPort;

/// All demands. Async-signal-safe and lock-free.
pub struct Demands {
    /// There must be no thread of ours.
    pub dismissals: Dismissals,
    /// The process ends.
    pub process_end: ProcessEnd,
    /// The program needs a local port.
    pub wanted_port: WantedPort,
    /// Receive sides to shut later.
    pub deferred: DeferredShutdowns,
    /// The program has run out of descriptors, and half of what is held is to be given up.
    pub pressed: AtomicBool,
}

impl Demands {
    /// No demand.
    pub const fn new() -> Self {
        Self {
            dismissals: Dismissals::new(),
            process_end: ProcessEnd::new(),
            wanted_port: WantedPort::new(),
            deferred: DeferredShutdowns::new(),
            pressed: AtomicBool::new(false),
        }
    }

    /// Whether a hook waits for held sockets to end. Then a close that waits, as
    /// `SO_LINGER{1,n}` asks, is handed to the drainer at once.
    pub fn is_any_urgent(&self) -> bool {
        self.process_end.is_exiting()
            || self.pressed.load(SeqCst)
            || self.dismissals.is_any()
            || self.wanted_port.get().is_some()
    }

    /// To be called in a fork child: the demands were those of other threads.
    pub fn forget(&self) {
        self.dismissals.forget();
        self.process_end.forget();
        self.pressed.store(false, SeqCst);
        self.wanted_port.forget();
        self.deferred.forget();
    }
}
