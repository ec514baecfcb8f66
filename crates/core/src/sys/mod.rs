//! The unsafe floor: system calls, and memory that is mapped or shared. Everything above this
//! folder is safe code.
//!
//! All code here calls the kernel by raw system calls (rustix's raw backend, or [`raw`] for calls
//! that rustix does not have), never through libc. So no call writes `errno`, none is a
//! cancellation point, and none enters the symbols that the shim exports.
//!
//! | module | one idea |
//! |---|---|
//! | [`machine`] | what depends on the processor |
//! | [`raw`] | the bare system call |
//! | [`valgrind`] | what Valgrind's tools must be told |
//! | [`fd`] | a descriptor as a number that no drop closes |
//! | [`process`] | ids and rights of this process |
//! | [`clock`] | clocks, durations and sleeping |
//! | [`memory`] | our own memory without an allocator, and the program's memory without trust |
//! | [`procfs`] | procfs without allocation |
//! | [`socket`] | what the kernel says of one socket, and what can be done with it |
//! | [`files`] | the table of descriptors, files, epoll |
//! | [`thread`] | kernel threads, signals, futexes, stopping other threads |
//! | [`child`] | a child that executes another program |
//! | [`ring`] | `io_uring` |
//! | [`rehearsal`] | whether a seccomp filter allows what a drain takes |
//!
//! Each module imports only from modules above it in this table. The code outside of `sys` uses
//! shorter paths for the files in the folders: `sys::region`, not `sys::memory::region`.
//!
//! Context: async-signal-safe throughout, `vfork` children included, unless a function says
//! otherwise.

pub mod child;
pub mod clock;
pub mod fd;
pub mod files;
pub mod machine;
pub mod memory;
pub mod process;
pub mod procfs;
pub mod raw;
pub mod rehearsal;
pub mod ring;
pub mod socket;
pub mod thread;
pub mod valgrind;

pub use child::{argument_list, control_group, vfork};
pub use fd::Fd;
pub use files::{close_all, descriptors, file, known_directory, limit, poller, table};
pub use memory::{birthmark, mapped, peek, probe, region, segment, shared, zeroed};
pub use ring::ring_memory;
pub use thread::{event_count, futex, schedule, signals, stop, thread_stack};
