//! The looker's thread: it reads procfs, in a descriptor table of its own.
//!
//! To read procfs, files have to be opened, on the lowest free numbers. In the program's table
//! another thread could see them there, and count in vain on getting the lowest number. So the thread
//! leaves that table as it begins: `close_range` with `CLOSE_RANGE_UNSHARE` over all numbers gives it
//! a table in which nothing is open. (The kernel copies the first 64 numbers and closes the copies
//! again (`dup_fd`, `NR_OPEN_DEFAULT`): for a microsecond, once a thread. Where the close of a copy
//! does more than that, there is no looker, and time decides.)
//!
//! The thread is started when the drainer or a hook wants to know something, looks when it is asked,
//! and leaves when it has not been asked for a while. Looks at threads are rationed
//! ([`Credit`](super::looker::credit::Credit)); an answer to a hook is not: the hook waits.
//!
//! | file | one idea |
//! |---|---|
//! | [`asking`] | the drainer and the hooks ask, and start the thread |
//! | [`turns`] | the thread: what it does next, and how long it sleeps |
//! | [`at_threads`] | one look at all threads of the program |
//! | [`at_processes`] | one look at all processes, for the questions of hooks |
//!
//! Context of the thread: no thread-local storage, no libc, no allocation, no panic.

pub mod asking;
pub mod at_processes;
pub mod at_threads;
pub mod turns;
