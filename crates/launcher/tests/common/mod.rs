//! An installation of the launcher in a temporary directory, and what tests do there.
#![allow(dead_code, reason = "each test program uses a part of it")]

use softclose_core::settings::knobs::{Kind, Knob};
use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// File name of the shim.
pub const LIBRARY: &str = "libsoftclose.so";

/// A temporary prefix with `bin/softclose`, a copy of the launcher.
pub struct Installation {
    root: TempDir,
}

impl Installation {
    /// An installation whose library is an empty shared object beside the launcher.
    pub fn new() -> Self {
        let installation = Self::bare();
        installation.library("bin");
        installation
    }

    /// An installation without a library.
    pub fn bare() -> Self {
        let installation = Self { root: TempDir::new().unwrap() };
        installation.launcher("bin/softclose");
        installation
    }

    /// A path below the prefix.
    pub fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    /// Copies the launcher to a path below the prefix.
    pub fn launcher(&self, below: &str) -> PathBuf {
        self.copy(Path::new(env!("CARGO_BIN_EXE_softclose")), below)
    }

    /// Puts a library into a directory below the prefix.
    pub fn library(&self, directory: &str) -> PathBuf {
        let library = self.path(directory).join(LIBRARY);
        fs::create_dir_all(self.path(directory)).unwrap();
        let built = cc().args(["-shared", "-x", "c", "/dev/null", "-o"]).arg(&library).status().unwrap();
        assert!(built.success(), "cc cannot make a shared object");
        library
    }

    /// The launcher, without variables of softclose in its environment.
    pub fn softclose(&self) -> Command {
        clean(&self.path("bin/softclose"))
    }

    /// Runs the launcher with these arguments.
    pub fn run<Word: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = Word>) -> Outcome {
        outcome(self.softclose().args(words))
    }

    /// Writes a file with these permissions. It can be executed at once.
    pub fn plant(&self, below: &str, content: impl AsRef<[u8]>, mode: u32) -> PathBuf {
        let draft = self.path(&format!("{below}.draft"));
        fs::create_dir_all(draft.parent().unwrap()).unwrap();
        fs::write(&draft, content).unwrap();
        let path = self.copy(&draft, below);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    /// Copies by cp(1). A descriptor that this process has open for writing could be inherited by a
    /// child that another test makes just then, and execution would fail with ETXTBSY.
    fn copy(&self, from: &Path, below: &str) -> PathBuf {
        let to = self.path(below);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        assert!(Command::new("cp").arg(from).arg(&to).status().unwrap().success());
        to
    }

    /// Compiles a C program. `None` where this machine cannot do that with these flags.
    pub fn compile(&self, below: &str, source: &str, flags: &[&str]) -> Option<PathBuf> {
        let program = self.path(below);
        let mut compiler = cc();
        compiler.args(flags).args(["-x", "c", "-", "-o"]).arg(&program).stdin(Stdio::piped()).stderr(Stdio::null());
        let mut compiling = compiler.spawn().unwrap();
        compiling.stdin.take().unwrap().write_all(source.as_bytes()).unwrap();
        compiling.wait().unwrap().success().then_some(program)
    }

    /// A dynamically linked program that does nothing.
    pub fn program(&self) -> PathBuf {
        self.compile("program", "int main(void) { return 0; }", &[]).expect("cc makes programs")
    }
}

fn cc() -> Command {
    Command::new("cc")
}

/// A command without variables of softclose in its environment.
pub fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove("LD_PRELOAD").env("LC_ALL", "C").stdin(Stdio::null());
    // Not only the settings: `make test` names what it has built in two more.
    for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOFTCLOSE_")) {
        command.env_remove(name);
    }
    command
}

/// What a process left behind.
#[derive(Debug)]
pub struct Outcome {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Runs a command to its end.
pub fn outcome(command: &mut Command) -> Outcome {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outcome { status: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// Two good values of a knob, neither of them its default.
pub fn values(knob: &Knob) -> [&'static str; 2] {
    match knob.kind {
        Kind::Flag => ["1", "yes"],
        Kind::Duration => ["1234ms", "7s"],
        Kind::Size => ["123", "5KiB"],
        Kind::Count => ["17", "23"],
        Kind::Path => ["/tmp/one log", "/tmp/two"],
        Kind::Rules => ["accepted, local:80=wait; peer:::1=abort", "connected=both"],
        Kind::Choice([.., one, two]) if knob.default != *one => [one, two],
        Kind::Choice(words) => [words.last().unwrap(), words.last().unwrap()],
    }
}

/// The option of a knob, as one word.
pub fn option(knob: &Knob, value: &str) -> String {
    if knob.kind == Kind::Flag { format!("--{}", knob.flag) } else { format!("--{}={value}", knob.flag) }
}

/// Says that a test could not do its work on this machine. It writes straight to stderr, as the
/// harness swallows what a print macro writes. It also writes to the list that `make test` shows, as
/// nextest shows nothing of a test that passes.
pub fn skipped(name: &str, reason: &str) {
    let line = format!("skipped: {name}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os("SOFTCLOSE_SKIPPED")
        && let Ok(mut list) = std::fs::File::options().append(true).create(true).open(list)
    {
        let _ = list.write_all(line.as_bytes());
    }
}
