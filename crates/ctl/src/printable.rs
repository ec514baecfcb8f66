//! Text of other users, made harmless for a terminal. `softclose_core` does this for all text in a
//! file of counters; here it is done for names that procfs and directories show.

pub use softclose_core::counters::page::printable;
use std::path::Path;

/// A path, as [`printable`] shows it.
pub fn path(path: &Path) -> String {
    printable(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_shown_without_what_moves_the_cursor() {
        assert_eq!(path(Path::new("/dev/shm/x\x1b[31m y\n")), "/dev/shm/x?[31m y?");
        assert_eq!(path(Path::new("/dev/shm/x y")), "/dev/shm/x y");
    }
}
