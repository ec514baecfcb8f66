//! The process itself, its children, and the programs that it and they execute.
//!
//! | question | file |
//! |---|---|
//! | Which calls that make a process are under way? | [`creations`], [`spawning_threads`] |
//! | How does a process come to the family memory? | `joining` (first connection), `fork` (fork child), `after_exec` (executed program) |
//! | How does it leave that memory? | `detach`, because of its [`user`] |
//! | What does another program get? | [`execution`] and [`ticket`] where it is counted, `handed_on` where it is not |
//! | Are there children that no hook saw? | [`children`] |
//! | Who finishes what the process leaves at its end? | [`finishing`] |

mod after_exec;
mod detach;
pub mod execution;
pub mod finishing;
mod fork;
mod handed_on;
mod joining;
mod spawn;
pub mod ticket;
