//! The unsafe floor: system calls, and memory that is mapped or shared. Everything above this
//! folder is safe code.
//!
//! All code here calls the kernel by raw system calls (rustix's raw backend, or [`raw`] for calls
//! that rustix does not have), never through libc. So no call writes `errno`, none is a
//! cancellation point, and none enters the symbols that the shim exports.
//!
//! | module | one idea |
//! |---|---|
//! | [`raw`] | the bare system call |
//! | [`clock`] | clocks, durations and sleeping |
//! | [`memory`] | our own memory without an allocator, and the program's memory without trust |
//! | [`fd`] | descriptors, the table that they are in, epoll, files |
//! | [`socket`] | what the kernel says of one socket, and what can be done with it |
//! | [`process`] | ids, rights, and a child on our memory |
//! | [`procfs`] | procfs without allocation |
//! | [`thread`] | kernel threads, signals, futexes, stopping other threads |
//! | [`ring`] | `io_uring` |
//! | [`rehearsal`] | whether a seccomp filter allows what a drain takes |
//! | [`valgrind`] | what Valgrind's tools must be told |
//!
//! The children of `memory`, `fd`, `process`, `ring` and `thread` that are used elsewhere are named
//! here as well: the code above says `sys::region`, not `sys::memory::region`.
//!
//! Context: async-signal-safe throughout, `vfork` children included, unless a function says
//! otherwise.

pub mod clock;
pub mod fd;
pub mod memory;
pub mod process;
pub mod procfs;
pub mod raw;
pub mod rehearsal;
pub mod ring;
pub mod socket;
pub mod thread;
pub mod valgrind;

pub use fd::{Fd, close_all, descriptors, file, known_directory, limit, poller};
pub use memory::{argument_list, birthmark, mapped, peek, probe, region, segment, shared, zeroed};
pub use process::{control_group, vfork};
pub use ring::ring_memory;
pub use thread::{event_count, futex, schedule, signals, stop, thread_stack};
