//! What `make` would have built, from the binaries under test, and what was installed.

use shim_tests::built::project;
use shim_tests::program::Finished;
use shim_tests::scratch::Scratch;
use shim_tests::shim::{ctl, dist, finisher, launcher, library};
use std::env::consts::ARCH;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// In place of `target/release`.
pub fn release() -> Scratch {
    let scratch = Scratch::directory();
    let files = [("libsoftclose.so", library()), ("softclose", launcher()), ("softclosectl", ctl())];
    let finisher = finisher();
    for (name, path) in files.into_iter().chain([("softclose-dist", dist()), ("softclose-drain", &finisher)]) {
        symlink(path, scratch.path().join(name)).expect("a new name");
    }
    let share = scratch.path().join("share");
    succeed(Command::new(dist()).arg("share").arg(share).args(["--date", "2000-01-01"]));
    scratch
}

/// What `make portable` would have made of that.
pub fn portable(release: &Path) -> Scratch {
    let scratch = Scratch::directory();
    // The machine is the name of the directory.
    let tree = scratch.path().join(ARCH);
    succeed(packaging("portable").arg(ARCH).args([release, release, &tree]));
    scratch
}

/// A script of the directory `packaging`.
pub fn packaging(script: &str) -> Command {
    Command::new(project().join("packaging").join(script))
}

/// What a program that is started by the launcher of `bin` has mapped.
#[track_caller]
pub fn maps(bin: &Path) -> String {
    succeed(Command::new(bin.join("softclose")).args(["--", "cat", "/proc/self/maps"]))
}

/// What a command printed, which has to succeed.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let output = output(command);
    assert!(output.status.success(), "{command:?}: {output:#?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The output of a command in the directory of the project, without our settings and
/// without those of a `make` that runs the tests.
pub fn output(command: &mut Command) -> Output {
    for name in ["LD_PRELOAD", "MAKEFLAGS", "MAKELEVEL", "DESTDIR", "PREFIX", "LIBDIR", "GLIBC", "RELEASE", "ARCH"] {
        command.env_remove(name);
    }
    command.env("SOFTCLOSE_DIST", dist());
    command.current_dir(project()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

/// Every file below, relative and sorted.
pub fn files(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    collect(root, &mut found);
    let mut names: Vec<_> =
        found.iter().map(|path| path.strip_prefix(root).expect("below").display().to_string()).collect();
    names.sort();
    names
}

fn collect(directory: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path()) {
        if path.is_dir() { collect(&path, found) } else { found.push(path) }
    }
}

/// Nothing but what a program that drained well leaves behind.
#[track_caller]
pub fn assert_ended_well(finished: &Finished) {
    assert_eq!(finished.exit, shim_tests::program::Exit::Code(0), "{finished:#?}");
    assert!(finished.stderr.is_empty(), "{finished:#?}");
}
