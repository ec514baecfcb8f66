//! Files that another program runs: scripts with a `#!` line, and files without one.
//!
//! The line is read as the kernel reads it (`fs/binfmt_script.c`): an interpreter, and all the rest
//! as one argument. Where that is `env(1)`, the program that it starts is looked at, as that
//! inherits `LD_PRELOAD`.

use super::finding::Finding;
use crate::command::resolve;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The program by which execvp(3) runs a file that the kernel does not know.
const SHELL: &str = "/bin/sh";

/// Notes the interpreter of a file that is no ELF file, and answers it. `None` where it cannot be
/// followed.
pub fn follow(file: &Path, head: &[u8], findings: &mut Vec<Finding>) -> Option<PathBuf> {
    match interpreter(head).and_then(|interpreter| resolved(&interpreter)) {
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

fn resolved(interpreter: &OsStr) -> Result<PathBuf, String> {
    resolve(interpreter)
        .map_err(|unresolved| format!("this script cannot be run: {}", unresolved.failure(interpreter).message))
}

/// The program that runs a file that begins with `head`.
fn interpreter(head: &[u8]) -> Result<OsString, String> {
    match shebang(head) {
        None => Ok(SHELL.into()),
        Some((path, argument)) if Path::new(path).file_name() == Some(OsStr::new("env")) => env_operand(argument),
        Some((path, _)) => Ok(path.to_owned()),
    }
}

/// The interpreter and the argument of a `#!` line. `None` where the kernel sees no such line.
fn shebang(head: &[u8]) -> Option<(&OsStr, &[u8])> {
    let line = head.strip_prefix(b"#!")?.split(|byte| b"\n\0".contains(byte)).next()?.trim_ascii();
    let end = line.iter().position(u8::is_ascii_whitespace).unwrap_or(line.len());
    let (path, argument) = line.split_at_checked(end)?;
    (!path.is_empty()).then(|| (OsStr::from_bytes(path), argument.trim_ascii()))
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
        interpreter(head.as_bytes()).ok()?.into_string().ok()
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
