//! The words of the lock-free protocols.
//!
//! Their files name atomics through this module alone: `drain/stack.rs`,
//! `drain/inbox.rs`, `drain/gate.rs`, `holders/ledger/bitmap.rs`, `holders/ledger/cells.rs` and
//! `sys/thread/event_count.rs`. The models in `tests/loom` compile the very same files beside a module of this
//! name that has loom's atomics.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
