//! The words of the lock-free protocols.
//!
//! Their files name atomics through this module alone: `drain/table/free_list.rs`, `drain/table/inbox.rs`,
//! `drain/drainer/gate.rs`, `sys/thread/event_count.rs`, and `bitmap.rs`, `cells.rs` and `marks.rs` in
//! `holders/ledger/memory`. The models in `tests/loom` compile the very same files beside a module
//! of this name that has loom's atomics.

pub(crate) use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
