//! Finding a command as `execvp(3)` does, and executing it.

use crate::environment::Assignment;
use crate::failure::{Failure, NOT_EXECUTABLE, NOT_FOUND};
use crate::output::shown;
use crate::sigpipe;
use rustix::fs::{Access, access};
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A command and its arguments, as they were given.
#[derive(Debug)]
pub struct Invocation {
    /// The name or path of the command, for execvp(3).
    pub name: OsString,
    /// Its arguments: argv from 1 on.
    pub args: Vec<OsString>,
}

/// Why there is no command of a name.
#[derive(Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// There is no such file.
    NotFound,
    /// There is one, but it cannot be executed.
    NotExecutable(PathBuf),
}

impl Unresolved {
    /// The message about `name`, and the status that a shell would use.
    pub fn failure(&self, name: &OsStr) -> Failure {
        match self {
            Self::NotFound => {
                let message = format!("{}: command not found{}", shown(name), hint(name));
                Failure { status: NOT_FOUND, message }
            }
            Self::NotExecutable(path) => {
                Failure { status: NOT_EXECUTABLE, message: format!("{}: this user cannot execute it", shown(path)) }
            }
        }
    }
}

/// Says that the file is in the current directory, which is not searched.
fn hint(name: &OsStr) -> String {
    let is_here = !name.as_bytes().contains(&b'/') && Path::new(name).is_file();
    if is_here { format!(" in PATH (there is ./{})", shown(name)) } else { String::new() }
}

/// Replaces this process by the command. Returns only if that fails.
///
/// It calls execvp(3), which searches `PATH`, and runs a file that the kernel does not know by
/// `/bin/sh`.
pub fn execvp(invocation: &Invocation, assignments: Vec<Assignment>) -> Failure {
    let Invocation { name, args } = invocation;
    let error = sigpipe::hand_on(Command::new(name).args(args).envs(assignments)).exec();
    match (resolve(name), error.kind()) {
        (Err(unresolved), _) => unresolved.failure(name),
        // The file is there: so its interpreter or its dynamic loader is missing.
        (Ok(path), ErrorKind::NotFound) => cannot_execute(&path, "the interpreter that it names does not exist"),
        (Ok(path), _) => cannot_execute(&path, &error.to_string()),
    }
}

fn cannot_execute(path: &Path, reason: &str) -> Failure {
    Failure { status: NOT_EXECUTABLE, message: format!("{}: cannot execute: {reason}", shown(path)) }
}

/// The file that execvp(3) would execute for `name`.
pub fn resolve(name: &OsStr) -> Result<PathBuf, Unresolved> {
    if name.is_empty() {
        return Err(Unresolved::NotFound);
    }
    if name.as_bytes().contains(&b'/') {
        return examine(name.into());
    }
    // The path of a process that has no PATH, as in confstr(3).
    search(name, &env::var_os("PATH").unwrap_or_else(|| "/bin:/usr/bin".into()))
}

/// The first executable file of that name. If there is none, the answer is the first file that is
/// not executable.
fn search(name: &OsStr, path: &OsStr) -> Result<PathBuf, Unresolved> {
    let mut outcome = Err(Unresolved::NotFound);
    for directory in env::split_paths(path) {
        // An empty element is the current directory.
        let directory = if directory.as_os_str().is_empty() { PathBuf::from(".") } else { directory };
        let candidate = directory.join(name);
        // A file in a directory that this user may not search counts as not there.
        if candidate.metadata().is_err() {
            continue;
        }
        match examine(candidate) {
            Ok(found) => return Ok(found),
            Err(unresolved) if outcome == Err(Unresolved::NotFound) => outcome = Err(unresolved),
            Err(_) => {}
        }
    }
    outcome
}

/// The file at `path`, if this user may execute it.
pub fn examine(path: PathBuf) -> Result<PathBuf, Unresolved> {
    match path.metadata() {
        Ok(metadata) if metadata.is_file() && access(&path, Access::EXEC_OK).is_ok() => Ok(path),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Err(Unresolved::NotFound)
        }
        _ => Err(Unresolved::NotExecutable(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, path: &str) -> Result<PathBuf, Unresolved> {
        search(OsStr::new(name), OsStr::new(path))
    }

    #[test]
    fn the_first_executable_file_of_the_path_is_taken() {
        assert_eq!(found("sh", "/nonexistent:/bin"), Ok("/bin/sh".into()));
        assert_eq!(found("no-such-command", "/bin:/usr/bin"), Err(Unresolved::NotFound));
    }

    #[test]
    fn a_directory_or_a_plain_file_is_not_executable() {
        assert_eq!(found("etc", "/"), Err(Unresolved::NotExecutable("/etc".into())));
        assert_eq!(resolve(OsStr::new("/etc/passwd")), Err(Unresolved::NotExecutable("/etc/passwd".into())));
        assert_eq!(resolve(OsStr::new("/etc/passwd/x")), Err(Unresolved::NotFound));
        assert_eq!(resolve(OsStr::new("")), Err(Unresolved::NotFound));
    }
}
