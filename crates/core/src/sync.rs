//! The words of the lock-free protocols.
//!
//! Their files name atomics through this module alone: `drain/table/free_list.rs`,
//! `drain/table/inbox.rs`, `drain/drainer/gate.rs`, `holders/ledger/bitmap.rs`, `holders/ledger/cells.rs` and
//! `sys/event_count.rs`. The models in `tests/loom` compile the very same files beside a module of this
//! name that has loom's atomics.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
