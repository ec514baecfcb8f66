//! Threads: the drainer's, those of the program, and what they wait for.
//!
//! | file | one idea |
//! |---|---|
//! | [`spawn`](mod@spawn) | a kernel thread that libc does not know |
//! | [`thread_stack`] | memory for the stacks of such threads |
//! | [`schedule`] | when and where such a thread runs |
//! | [`number`](mod@number) | a number for the calling thread, and whether it has storage of libc's |
//! | [`futex`] | `futex(2)` |
//! | [`event_count`] | sleeping until an event |
//! | [`signals`] | blocking signals for a moment |
//! | [`stop`] | stopping the program's other threads |
//! | [`activity`] | what another thread is doing |
//! | `stop_signal` | the signal that stops a thread |
//!
//! Context: async-signal-safe throughout, but for [`schedule::affinity`].

pub mod activity;
pub mod event_count;
pub mod futex;
pub mod number;
pub mod schedule;
pub mod signals;
pub mod spawn;
pub mod stop;
mod stop_signal;
pub mod thread_stack;

pub use number::{has_storage, number, pointer};
pub use signals::block_signals;
pub use spawn::{ThreadId, can_end, is_known, spawn};
