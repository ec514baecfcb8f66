//! The unsafe floor of the shim: libc's own functions, and what hooks of several calls share.

pub mod atfork;
pub mod ending;
pub mod environment;
pub mod errno;
pub mod file_actions;
pub mod filled;
mod forwarded;
pub mod guard;
mod heap;
pub mod host;
pub mod jump;
pub mod leave;
pub mod libc_kind;
pub mod local;
pub mod machine;
mod musl_threads;
pub mod real;
pub mod retry;
pub mod rights;
pub mod spawn;
