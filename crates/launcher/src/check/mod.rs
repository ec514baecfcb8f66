//! `--check`: will the shim be loaded into a command?
//!
//! ld.so(8) ignores what it cannot preload: silently in a set-user-ID program, with a line on
//! stderr in a program for another machine. A program without a dynamic loader does not read
//! `LD_PRELOAD` at all. So the check reads the files before the command runs. It follows a script
//! to the program that runs it.
//!
//! The check is about the process that runs it: `--strict` executes the command in that process. A
//! set-user-ID program gives its owner no rights, and the shim is loaded then. A note says that it may
//! not be for another user. [`running()`] is about a process that runs already, whoever its user is.

mod elf;
mod finding;
mod privilege;
mod running;
mod script;

pub use finding::{Finding, Severity};
pub use running::running;

use crate::command::{Unresolved, resolve};
use crate::failure::Failure;
use crate::output::shown;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Most interpreters that the kernel follows before execve(2) says ELOOP.
const MAX_INTERPRETERS: usize = 5;

/// How much of a file the kernel reads to tell what it is (`BINPRM_BUF_SIZE`). It cuts off a longer
/// `#!` line there.
const HEAD: u64 = 256;

/// Everything that was found about one command.
#[derive(Debug)]
pub struct Findings {
    command: PathBuf,
    library: PathBuf,
    findings: Vec<Finding>,
}

impl Findings {
    /// Whether there is a warning among them.
    pub fn has_warning(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Warning)
    }

    /// Makes the warnings an error, as `--strict` does.
    pub fn must_not_warn(&self) -> Result<(), Failure> {
        let warnings = self.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        let lines: Vec<_> = warnings.map(ToString::to_string).collect();
        if lines.is_empty() { Ok(()) } else { Err(Failure::own(lines.join("\n"))) }
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if self.has_warning() {
            return Ok(());
        }
        writeln!(f, "ok: {}: {} will be loaded", shown(&self.command), self.library.display())
    }
}

/// Looks at the command `name`. The shim is the file `library`.
pub fn check(name: &OsStr, library: &Path) -> Result<Findings, Failure> {
    let command = resolve(name).map_err(|unresolved: Unresolved| unresolved.failure(name))?;
    let shim = elf::read(library).map_err(|reason| Failure::own(format_args!("{}: {reason}", library.display())))?;
    let findings = follow(command.clone(), &shim);
    Ok(Findings { command, library: library.to_owned(), findings })
}

/// Looks at a file, then at the program that runs it, and so on.
fn follow(mut file: PathBuf, shim: &elf::Image) -> Vec<Finding> {
    let mut findings = Vec::new();
    for _ in 0..=MAX_INTERPRETERS {
        match look(&file, shim, &mut findings) {
            Some(interpreter) => file = interpreter,
            None => return findings,
        }
    }
    let text = format!("the kernel does not follow more than {MAX_INTERPRETERS} interpreters, each run by the next");
    findings.push(Finding::warning(&file, text));
    findings
}

/// Looks at one file. Answers its interpreter, if it is run by another program.
fn look(file: &Path, shim: &elf::Image, findings: &mut Vec<Finding>) -> Option<PathBuf> {
    match head(file) {
        Ok(head) if elf::is_elf(&head) => {
            findings.extend(privilege::findings(file));
            findings.extend(elf::findings(file, shim));
            None
        }
        Ok(head) => script::follow(file, &head, findings),
        Err(error) => {
            findings.push(Finding::warning(file, format!("cannot be read, so this cannot be checked: {error}")));
            None
        }
    }
}

fn head(file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}
