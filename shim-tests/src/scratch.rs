//! A directory for the files of one test, and files that programs may execute.

use crate::built::target_dir;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A directory in the target directory, until it is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new, empty one.
    pub fn directory() -> Self {
        let path = target_dir().join("scratch").join(unique());
        fs::create_dir_all(&path).expect("the target directory is writable");
        Self(path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes a file of this content and mode. Another process, install(1), writes it. If we wrote
    /// it, a child that is started meanwhile would inherit the descriptor, and a file that is open
    /// for writing cannot be executed (`ETXTBSY`).
    pub fn file(&self, name: &str, mode: &str, content: &[u8]) -> PathBuf {
        let (draft, path) = (self.0.join("draft"), self.0.join(name));
        fs::write(&draft, content).expect("the target directory is writable");
        let status = Command::new("install").args(["-m", mode]).args([&draft, &path]).status().expect("coreutils");
        assert!(status.success(), "install: {status}");
        path
    }
}

/// A name that no other test has.
pub fn unique() -> String {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
