//! The process itself, its children, and the programs that it and they execute.
//!
//! | question | file |
//! |---|---|
//! | How does a process come to the family memory? | `joining`, `fork` (fork child), `after_exec` (executed program) |
//! | How does it leave that memory? | `detach`, because of its user (`local/user.rs`) |
//! | What does another program get? | [`execution`] and [`ticket`] where it is counted, `handed_on` where it is not |
//! | How are processes made that no hook follows? | `spawn` |
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
