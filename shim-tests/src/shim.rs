//! Where the shim is, and whether a run has it.

use crate::built::{project, target_dir};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The name of the program, and of its process, that finishes the connections another process has
/// left open.
pub const FINISHER: &str = "softclose-drain";

/// Whether a victim runs with the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shim {
    /// Without the shim. This run shows what libc does.
    Native,
    /// With the shim in `LD_PRELOAD`.
    Preloaded,
}

impl Shim {
    /// Both runs, the native one first.
    pub const BOTH: [Self; 2] = [Self::Native, Self::Preloaded];

    /// Sets the environment of one victim. `SOFTCLOSE_` variables of the shell that runs the tests
    /// do not reach it.
    pub fn dress(self, command: &mut Command) {
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOFTCLOSE_")) {
            command.env_remove(name);
        }
        match self {
            Self::Native => command.env_remove("LD_PRELOAD"),
            Self::Preloaded => command.env("LD_PRELOAD", library()),
        };
    }
}

/// The shim under test: `SOFTCLOSE_LIB`, or built now, beside this test.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| under_test("SOFTCLOSE_LIB", "libsoftclose.so"))
}

/// The program `softclose-drain`, which lies beside the shim.
pub fn finisher() -> PathBuf {
    library().with_file_name(FINISHER)
}

/// The launcher under test: `SOFTCLOSE_BIN`, or built now, beside this test.
pub fn launcher() -> &'static Path {
    static LAUNCHER: OnceLock<PathBuf> = OnceLock::new();
    LAUNCHER.get_or_init(|| under_test("SOFTCLOSE_BIN", "softclose"))
}

/// `softclosectl` under test: `SOFTCLOSE_CTL`, or built now, beside this test.
pub fn ctl() -> &'static Path {
    static CTL: OnceLock<PathBuf> = OnceLock::new();
    CTL.get_or_init(|| under_test("SOFTCLOSE_CTL", "softclosectl"))
}

/// `softclose-dist` under test: `SOFTCLOSE_DIST`, or built now, beside this test.
pub fn dist() -> &'static Path {
    static DIST: OnceLock<PathBuf> = OnceLock::new();
    DIST.get_or_init(|| under_test("SOFTCLOSE_DIST", "softclose-dist"))
}

fn under_test(variable: &str, file: &str) -> PathBuf {
    match std::env::var_os(variable) {
        Some(path) => std::path::absolute(path).unwrap_or_else(|error| panic!("{variable} is no path: {error}")),
        None => built(file),
    }
}

fn built(file: &str) -> PathBuf {
    static BUILD: OnceLock<()> = OnceLock::new();
    BUILD.get_or_init(build);
    let path = target_dir().join(file);
    assert!(path.exists(), "{} was not built", path.display());
    path
}

/// Cargo does not build a cdylib for the tests of another package, so a test run
/// does it itself, once a process, with the profile of the test.
fn build() {
    let profile_dir = target_dir();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "-p", "softclose", "-p", "softclose-launcher", "-p", "softclose-ctl"]);
    command.args(["-p", "softclose-dist"]);
    command.args(["--target-dir"]);
    command.arg(profile_dir.parent().expect("a target directory"));
    command.current_dir(project());
    let profile = profile_dir.file_name().expect("a profile");
    command.arg("--profile").arg(if profile == "debug" { "dev".as_ref() } else { profile });
    let output = command.output().expect("cargo runs");
    assert!(output.status.success(), "the shim does not build:\n{}", String::from_utf8_lossy(&output.stderr));
}
