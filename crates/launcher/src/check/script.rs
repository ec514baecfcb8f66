//! Files that another program runs: scripts with a `#!` line, and files without one.
//!
//! The line is read as the kernel reads it (`fs/binfmt_script.c`): an interpreter, and all the rest
//! as one argument. Where that is `env(1)`, the program that it starts is looked at, as that
//! inherits `LD_PRELOAD`.

use super::HEAD;
use super::finding::Finding;
use crate::command::{Unresolved, examine, resolve};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The program by which execvp(3) runs a file that the kernel does not know.
const SHELL: &str = "/bin/sh";

/// What runs a file.
#[derive(Debug, PartialEq, Eq)]
enum Runner {
    /// This file. The kernel does not search `PATH`: a relative path begins at the current directory.
    File(PathBuf),
    /// The command of this name, which env(1) searches in `PATH`.
    Command(OsString),
}

/// Notes the interpreter of a file that is no ELF file, and answers it. `None` where it cannot be
/// followed.
pub fn follow(file: &Path, head: &[u8], findings: &mut Vec<Finding>) -> Option<PathBuf> {
    match runner(head).and_then(resolved) {
        Ok(path) => {
            findings.push(Finding::note(file, format!("this script is run by {}", path.display())));
            Some(path)
        }
        Err(reason) => {
            findings.push(Finding::warning(file, reason));
            None
        }
    }
}

fn resolved(runner: Runner) -> Result<PathBuf, String> {
    let found = match &runner {
        Runner::File(path) => examine(path.clone()).map_err(|unresolved| no_file(path, &unresolved)),
        Runner::Command(name) => resolve(name).map_err(|unresolved| unresolved.failure(name).message),
    };
    found.map_err(|reason| format!("this script cannot be run: {reason}"))
}

/// The message about an interpreter that is no program.
fn no_file(path: &Path, unresolved: &Unresolved) -> String {
    match unresolved {
        Unresolved::NotExecutable(_) => unresolved.failure(path.as_os_str()).message,
        Unresolved::NotFound if path.as_os_str().as_bytes().ends_with(b"\r") => {
            format!("its #! line ends with a carriage return, and there is no {path:?}")
        }
        Unresolved::NotFound => format!("its #! line names {path:?}, and there is no such file"),
    }
}

/// What runs a file that begins with `head`.
fn runner(head: &[u8]) -> Result<Runner, String> {
    match shebang(head) {
        None => Ok(Runner::File(SHELL.into())),
        Some((path, argument)) if Path::new(path).file_name() == Some(OsStr::new("env")) => {
            env_operand(argument).map(Runner::Command)
        }
        Some((path, _)) => Ok(Runner::File(path.into())),
    }
}

/// The interpreter and the argument of a `#!` line. `None` where the kernel sees no such line. It
/// knows blanks and tabs only: a carriage return is a part of the name.
fn shebang(head: &[u8]) -> Option<(&OsStr, &[u8])> {
    let rest = head.strip_prefix(b"#!")?;
    let end = rest.iter().position(|byte| b"\n\0".contains(byte));
    let line = trimmed(rest.get(..end.unwrap_or(rest.len()))?);
    let name = line.iter().position(is_blank);
    if name.is_none() && end.is_none() && head.len() as u64 >= HEAD {
        return None; // The name may go on behind what the kernel reads.
    }
    let (path, argument) = line.split_at_checked(name.unwrap_or(line.len()))?;
    (!path.is_empty()).then(|| (OsStr::from_bytes(path), trimmed(argument)))
}

fn is_blank(byte: &u8) -> bool {
    b" \t".contains(byte)
}

/// `text` without the blanks at its ends.
fn trimmed(text: &[u8]) -> &[u8] {
    let from = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
    let to = text.iter().rposition(|byte| !is_blank(byte)).map_or(from, |last| last + 1);
    text.get(from..to).unwrap_or_default()
}

/// The command that env(1) starts, given its one argument.
fn env_operand(argument: &[u8]) -> Result<OsString, String> {
    let mut words = env_words(argument).into_iter();
    while let Some(word) = words.next() {
        match word {
            b"-i" | b"-" | b"--ignore-environment" => {
                return Err("a script: its #! line has env clear the environment, LD_PRELOAD too".to_owned());
            }
            b"-u" | b"-C" => drop(words.next()),
            b"--" => {}
            _ if word.is_empty() || word.starts_with(b"-") => break,
            _ if word.contains(&b'=') => {}
            _ => return Ok(OsStr::from_bytes(word).to_owned()),
        }
    }
    Err(format!("this script is run by env, and {:?} does not say by what else", OsStr::from_bytes(argument)))
}

/// The words that env(1) sees. The kernel hands it one word, which it splits only with `-S`.
fn env_words(argument: &[u8]) -> Vec<&[u8]> {
    let split = argument.strip_prefix(b"-S").or_else(|| argument.strip_prefix(b"--split-string="));
    match split {
        Some(words) => words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect(),
        None => vec![argument],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_by(head: &str) -> Option<String> {
        match runner(head.as_bytes()).ok()? {
            Runner::File(path) => path.into_os_string().into_string().ok(),
            Runner::Command(name) => name.into_string().ok(),
        }
    }

    /// The kernel takes the name literally. The check took both for `sh` in `PATH`, and said `ok`.
    #[test]
    fn the_kernel_trims_no_carriage_return_and_searches_no_path() {
        assert_eq!(runner(b"#!/bin/sh\r\n"), Ok(Runner::File("/bin/sh\r".into())));
        assert_eq!(runner(b"#!sh\n"), Ok(Runner::File("sh".into())));
        assert_eq!(runner(b"#!/usr/bin/env sh\r\n"), Ok(Runner::Command("sh\r".into())));
    }

    /// The kernel does not run an interpreter whose name it may have cut off: execvp(3) takes the
    /// shell.
    #[test]
    fn a_name_that_is_cut_off_is_no_name() {
        let long = format!("#!/bin/{}", "x".repeat(300));
        assert_eq!(run_by(&long[..HEAD as usize]).as_deref(), Some(SHELL));
    }

    #[test]
    fn the_interpreter_is_the_first_word_of_the_line() {
        for head in ["#!/bin/dash\n", "#! /bin/dash -eu \nrest", "#!\t/bin/dash", "#!/bin/dash\0junk"] {
            assert_eq!(run_by(head).as_deref(), Some("/bin/dash"), "{head:?}");
        }
    }

    #[test]
    fn a_file_without_a_line_is_run_by_the_shell() {
        for head in ["", "echo hello\n", "#!\n/bin/dash\n", "#!  "] {
            assert_eq!(run_by(head).as_deref(), Some(SHELL), "{head:?}");
        }
    }

    #[test]
    fn env_is_looked_through() {
        for head in [
            "#!/usr/bin/env python3\n",
            "#!/usr/bin/env -S python3 -u\n",
            "#!/usr/bin/env -SPYTHONUTF8=1 python3\n",
            "#!/usr/bin/env --split-string=-u HOME python3\n",
        ] {
            assert_eq!(run_by(head).as_deref(), Some("python3"), "{head:?}");
        }
        assert_eq!(run_by("#!/usr/bin/env python3 -u\n").as_deref(), Some("python3 -u"), "one word, as in env(1)");
    }

    #[test]
    fn what_env_runs_is_not_guessed() {
        for head in ["#!/usr/bin/env\n", "#!/usr/bin/env -S -i python3\n", "#!/usr/bin/env -S --weird python3\n"] {
            assert_eq!(run_by(head), None, "{head:?}");
        }
    }
}
