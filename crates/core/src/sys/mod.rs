//! The unsafe floor of the library: system calls and shared memory.
//!
//! Everything above this folder is safe code. Everything in it goes to the
//! kernel by instruction (rustix's raw backend, or [`raw`] for the calls that
//! rustix has no name for), never through libc: no errno is written, no
//! cancellation point is crossed, and the symbols that the shim exports are
//! never re-entered.
//!
//! Context: async-signal-safe throughout, vfork children included, unless a
//! function says otherwise.

pub mod argument_list;
pub mod clock;
pub mod descriptors;
pub mod event_count;
pub mod fd;
pub mod file;
pub mod futex;
pub mod known_directory;
pub mod limit;
pub mod mapped;
pub mod memory;
pub mod numbers;
pub mod pids;
pub mod poller;
pub mod probe;
pub mod process;
pub mod procfs;
pub mod raw;
pub mod region;
pub mod rehearsal;
pub mod ring;
pub mod ring_memory;
pub mod schedule;
pub mod segment;
pub mod shared;
pub mod signals;
pub mod socket;
pub mod stop;
pub mod thread;
pub mod thread_stack;
pub mod valgrind;
pub mod vfork;

pub use fd::Fd;
