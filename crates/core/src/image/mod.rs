//! Whether an `exec` will succeed, as far as can be told beforehand: by the file, its mode, its format
//! and its arguments.
//!
//! If this says yes and the kernel refuses all the same (by a security module, a limit of processes,
//! or because the file has just been opened for writing), the program goes on without the
//! connections that were finished for the `exec`. So the answer is yes only where everything is
//! known.
//!
//! | file | one idea |
//! |---|---|
//! | `candidate` | the program that an `exec` names |
//! | `search` | searching a program in the directories of `PATH` |
//! | `file_check` | whether one file can be executed |
//! | `format` | what the content of a file is: ELF, script, other |
//! | `arguments` | whether the arguments fit |
//!
//! Context: hooks of the `exec` family, on the program's own threads. Async-signal-safe; only the
//! kernel follows the program's pointers.
//!
//! Source: `fs/exec.c`, `fs/binfmt_elf.c`, `fs/binfmt_script.c`.

mod arguments;
mod candidate;
mod file_check;
mod format;
mod search;

pub use arguments::{Arguments, Strings};
pub use candidate::Candidate;

pub use file_check::Loader;

use file_check::Finding;

/// An `exec` that the program tries: a program and its arguments.
pub struct Attempt<'a> {
    /// The program.
    pub candidate: Candidate<'a>,
    /// The list of arguments and that of the environment.
    pub lists: &'a [Strings],
}

impl Attempt<'_> {
    /// Whether the `exec` will succeed, as good as certainly.
    pub fn will_succeed(&self) -> bool {
        self.candidate.will_run() && Arguments(self.lists).will_fit()
    }

    /// The loader that the program will have, as good as certainly, if that loads preloaded libraries.
    pub fn loader(&self) -> Option<Loader> {
        match self.candidate.find() {
            Finding::Program(loader) => Some(loader),
            _ => None,
        }
    }

    /// Whether the `exec` will fail, as good as certainly.
    pub fn will_fail(&self) -> bool {
        self.candidate.is_absent()
    }
}
