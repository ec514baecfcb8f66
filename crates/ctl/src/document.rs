//! Where the documents are, for messages that name one.

use crate::printable;
use std::path::{Path, PathBuf};

/// A document: its path where it is installed with this command, else its name in the source tree.
pub fn path(name: &str) -> String {
    let installed = std::env::current_exe().ok().and_then(|command| installed_with(&command, name));
    installed.map_or_else(|| format!("docs/{name}"), |path| printable::path(&path))
}

/// Packages, the archive and `make install` put `bin` and `share` side by side. A system can leave out all
/// documents, as images of Debian do.
fn installed_with(command: &Path, name: &str) -> Option<PathBuf> {
    let path = command.parent()?.parent()?.join("share/doc/softclose/docs").join(name);
    path.is_file().then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_is_named_where_it_is() {
        let prefix = tempfile::tempdir().unwrap();
        let command = prefix.path().join("bin/softclosectl");
        assert_eq!(installed_with(&command, "limits.md"), None);
        let documents = prefix.path().join("share/doc/softclose/docs");
        std::fs::create_dir_all(&documents).unwrap();
        std::fs::write(documents.join("limits.md"), "").unwrap();
        assert_eq!(installed_with(&command, "limits.md"), Some(documents.join("limits.md")));
        assert_eq!(path("limits.md"), "docs/limits.md", "this test is not installed");
    }
}
