//! The atomics of the lock-free protocols.
//!
//! The files of the protocols use atomics through this module only: `drain/stack.rs`,
//! `drain/inbox.rs`, `drain/gate.rs`, `holders/ledger/bitmap.rs`, `holders/ledger/cells.rs` and
//! `sys/thread/event_count.rs`. The models in `tests/loom` compile the very same files beside a module of this
//! name that has loom's atomics.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
