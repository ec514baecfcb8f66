//! Where cargo puts what it builds, and where this project is.

use std::path::{Path, PathBuf};

/// The directory of the project, which has the workspace's `Cargo.toml`.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace")
}

/// `target/debug` or `target/release`, where the running program is. A test is in its
/// subdirectory `deps`.
pub fn target_dir() -> PathBuf {
    let test = std::env::current_exe().expect("a path of this program");
    let dir = test.parent().expect("a directory");
    if dir.ends_with("deps") { dir.parent().expect("a target directory").to_owned() } else { dir.to_owned() }
}

/// The path of a binary of this workspace, such as `peer`. It must have been built.
pub fn helper(name: &str) -> PathBuf {
    let path = target_dir().join(name);
    assert!(path.exists(), "{} was not built: run `cargo build --workspace` first", path.display());
    path
}
