//! `--check`: will the shim be loaded into a command?
//!
//! ld.so(8) ignores what it cannot preload: silently in a set-user-ID program,
//! with a line on stderr for another machine. A program without a dynamic loader
//! never hears of it. So the answer is looked up in the files, before anything
//! runs, and follows scripts to the program that runs them.
//!
//! What is judged is the file, not the caller: a set-user-ID program is warned
//! about even where its owner asks, because somebody else will run the service.

mod elf;
mod privilege;
mod script;

use crate::command::{Unresolved, resolve};
use crate::failure::Failure;
use crate::library;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Most interpreters that the kernel follows before execve(2) says ELOOP.
const MAX_INTERPRETERS: usize = 5;

/// The part of a file that the kernel looks at to tell what it is
/// (`BINPRM_BUF_SIZE`); a `#!` line that is longer is cut off there.
const HEAD: u64 = 256;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    /// The shim will not be loaded, or nobody can tell.
    Warning,
    /// Worth knowing.
    Note,
}

/// One thing that was found about one file.
#[derive(Debug)]
struct Finding {
    severity: Severity,
    file: PathBuf,
    text: String,
}

impl Finding {
    fn warning(file: &Path, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, file: file.to_owned(), text: text.into() }
    }

    fn note(file: &Path, text: impl Into<String>) -> Self {
        Self { severity: Severity::Note, file: file.to_owned(), text: text.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(f, "{severity}: {}: {}", self.file.display(), self.text)
    }
}

/// Everything that was found about one command.
#[derive(Debug)]
pub struct Report {
    command: PathBuf,
    findings: Vec<Finding>,
}

impl Report {
    /// Whether anything speaks against the shim being loaded.
    pub fn warned(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity == Severity::Warning)
    }

    /// Makes the warnings an error: what `--strict` is for.
    pub fn must_not_warn(&self) -> Result<(), Failure> {
        let warnings = self.findings.iter().filter(|finding| finding.severity == Severity::Warning);
        let lines: Vec<_> = warnings.map(ToString::to_string).collect();
        if lines.is_empty() { Ok(()) } else { Err(Failure::own(lines.join("\n"))) }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        if self.warned() {
            return Ok(());
        }
        writeln!(f, "ok: {}: {} will be loaded", self.command.display(), library::NAME)
    }
}

/// Looks at the command `name`, for a shim that is the file `library`.
pub fn check(name: &OsStr, library: &Path) -> Result<Report, Failure> {
    let command = resolve(name).map_err(|unresolved: Unresolved| unresolved.failure(name))?;
    let shim = elf::read(library).map_err(|reason| Failure::own(format_args!("{}: {reason}", library.display())))?;
    let findings = follow(command.clone(), &shim);
    Ok(Report { command, findings })
}

/// Looks at a file, and at what runs it, and so on.
fn follow(mut file: PathBuf, shim: &elf::Image) -> Vec<Finding> {
    let mut findings = Vec::new();
    for _ in 0..=MAX_INTERPRETERS {
        match look(&file, shim, &mut findings) {
            Some(interpreter) => file = interpreter,
            None => return findings,
        }
    }
    findings.push(Finding::warning(&file, format!("more than {MAX_INTERPRETERS} interpreters, one run by the next")));
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
            findings.push(Finding::warning(file, format!("cannot be read, so nobody can tell: {error}")));
            None
        }
    }
}

fn head(file: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file)?.take(HEAD).read_to_end(&mut head)?;
    Ok(head)
}
