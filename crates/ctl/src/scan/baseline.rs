//! `--baseline`: the file that a later scan is compared with.

use anyhow::{Context, Result};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// A file that can be written. Before that it keeps what it has: it may be the one that this scan is compared with.
#[derive(Debug)]
pub struct Baseline<'a> {
    path: &'a Path,
    file: File,
}

impl<'a> Baseline<'a> {
    /// Opens the file, or makes it.
    pub fn open(path: &'a Path) -> Result<Self> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        Ok(Self { path, file: file.with_context(|| cannot_write(path))? })
    }

    /// Writes a report in the place of what is there.
    pub fn write(mut self, report: &Value) -> Result<()> {
        let text = serde_json::to_string_pretty(report)? + "\n";
        // That fails where there is nothing to be removed: a pipe has no length.
        let _ = self.file.set_len(0);
        self.file.write_all(text.as_bytes()).with_context(|| cannot_write(self.path))
    }
}

fn cannot_write(path: &Path) -> String {
    format!("cannot write {}", crate::printable::path(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_kept_until_it_is_replaced() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "x".repeat(1000)).unwrap();
        let baseline = Baseline::open(file.path()).unwrap();
        assert_eq!(fs::read(file.path()).unwrap().len(), 1000);
        baseline.write(&Value::Null).unwrap();
        assert_eq!(fs::read(file.path()).unwrap(), b"null\n");
    }
}
