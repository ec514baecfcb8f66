//! Programs that this machine has: which file a name stands for.

use crate::skip;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The file that this name stands for, where there is one. It is looked for in `PATH`, and
/// in the directories of daemons that are often missing there. The name may be a path.
///
/// Of `python3` the answer is the interpreter itself: a script in between, such as pyenv's,
/// would be shimmed as well.
pub fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).exists().then(|| name.into());
    }
    if name == "python3" {
        return python();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), "/usr/bin".into()]);
    directories.map(|directory| directory.join(name)).find(|file| file.is_file())
}

/// Whether this machine lacks `tool`. If it does, it is said that `test` is skipped.
pub fn is_missing(test: &str, tool: &str) -> bool {
    let is_missing = find(tool).is_none();
    if is_missing {
        skip(test, &format!("no {tool}"));
    }
    is_missing
}

/// The Python interpreter of this machine, where there is one.
pub fn python() -> Option<PathBuf> {
    interpreter("python3", &["-c", "import sys; print(sys.executable)"])
}

/// The file of an interpreter, as it answers itself to the arguments in `question`.
pub(crate) fn interpreter(name: &str, question: &[&str]) -> Option<PathBuf> {
    let output = Command::new(name).args(question).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    (output.status.success() && path.exists()).then_some(path)
}
