//! The program that an `exec` names: by path, by descriptor, or by a name to search for.
//!
//! Context: async-signal-safe; only the kernel follows the program's pointers.

use super::file_check::{DEEPEST, Finding, examine, examine_open, glance};
use super::search;
use crate::sys::Fd;
use crate::sys::file;
use core::ffi::{CStr, c_char};

/// The program that an `exec` names.
#[derive(Clone, Copy)]
pub enum Candidate<'a> {
    /// A path, as seen from a directory.
    At(i32, *const c_char),
    /// An open file, by its descriptor.
    Open(i32),
    /// A name, and the directories to search for it, as in `PATH`.
    Searched(&'a CStr, &'a CStr),
    /// A program that cannot be determined.
    Unknown,
}

impl Candidate<'_> {
    /// The program at `path`, as seen from directory `dir`.
    pub fn at(dir: i32, path: *const c_char) -> Self {
        Self::At(dir, path)
    }

    /// The program that the arguments of `execveat(2)` name.
    pub fn with_flags(dir: i32, path: *const c_char, flags: i32) -> Self {
        const AT_EMPTY_PATH: i32 = 0x1000;
        match flags {
            0 => Self::At(dir, path),
            AT_EMPTY_PATH if file::is_empty(path) => Self::Open(dir),
            AT_EMPTY_PATH => Self::At(dir, path),
            _ => Self::Unknown,
        }
    }

    /// Whether the program will run, as good as certainly.
    pub fn will_run(self) -> bool {
        self.find().runs()
    }

    /// What the file is.
    pub fn find(self) -> Finding {
        match self {
            Self::At(dir, path) => examine(dir, path, DEEPEST),
            Self::Open(fd) => Fd::new(fd).map_or(Finding::Unknown, examine_open),
            Self::Searched(name, directories) => search::find_program(name, directories),
            Self::Unknown => Finding::Unknown,
        }
    }

    /// Whether there is no such program, or none that we may execute.
    pub fn is_absent(self) -> bool {
        match self {
            Self::At(dir, path) => glance(dir, path) == Finding::Absent,
            Self::Searched(name, directories) => search::finds_nothing(name, directories),
            Self::Open(_) | Self::Unknown => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;
    use std::os::unix::fs::{PermissionsExt, symlink};

    struct Scratch(std::path::PathBuf);

    impl Scratch {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("softclose-image-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&path).unwrap();
            Self(path)
        }

        fn file(&self, name: &str, content: &[u8], mode: u32) -> CString {
            let path = self.0.join(name);
            std::fs::write(&path, content).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            self.path(name)
        }

        fn path(&self, name: &str) -> CString {
            CString::new(self.0.join(name).into_os_string().into_encoded_bytes()).unwrap()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    fn runs(path: &CString) -> bool {
        Candidate::at(file::HERE, path.as_ptr()).will_run()
    }

    #[test]
    fn binaries_and_scripts_run() {
        let scratch = Scratch::new("runs");
        assert!(runs(&c"/bin/sh".to_owned()));
        assert!(runs(&scratch.file("script", b"#!/bin/sh\necho\n", 0o755)));
        assert!(runs(&scratch.file("with-argument", b"#! /bin/sh -e\n", 0o755)));
        let script = scratch.path("script").into_string().unwrap();
        assert!(runs(&scratch.file("script-of-script", format!("#!{script}\n").as_bytes(), 0o755)));
        symlink("/bin/sh", scratch.0.join("link")).unwrap();
        assert!(runs(&scratch.path("link")));
    }

    #[test]
    fn a_program_that_may_fail_is_refused() {
        let scratch = Scratch::new("fails");
        let sh = std::fs::read("/bin/sh").unwrap();
        assert!(!runs(&scratch.path("missing")));
        assert!(!runs(&CString::new(scratch.0.to_str().unwrap()).unwrap()));
        assert!(!runs(&scratch.file("not-executable", &sh, 0o644)));
        assert!(!runs(&scratch.file("garbage", b"garbage", 0o755)));
        assert!(!runs(&scratch.file("empty", b"", 0o755)));
        assert!(!runs(&scratch.file("no-interpreter", b"#!/nonexistent/sh\n", 0o755)));
        assert!(!runs(&scratch.file("no-newline", b"#!/bin/sh", 0o755)));
        assert!(!runs(&scratch.file("cut-off", sh.get(..100).unwrap(), 0o755)));
        let mut foreign = sh.clone();
        const EM_MIPS: u8 = 8;
        foreign[18] = EM_MIPS;
        assert!(!runs(&scratch.file("other-machine", &foreign, 0o755)));
        let me = scratch.path("loop").into_string().unwrap();
        assert!(!runs(&scratch.file("loop", format!("#!{me}\n").as_bytes(), 0o755)));
    }

    #[test]
    fn a_file_that_is_open_for_writing_is_refused() {
        let scratch = Scratch::new("written");
        let path = scratch.file("program", &std::fs::read("/bin/sh").unwrap(), 0o755);
        assert!(runs(&path));
        let writer = std::fs::File::options().append(true).open(scratch.0.join("program")).unwrap();
        assert!(!runs(&path));
        drop(writer);
        assert!(runs(&path));
    }

    #[test]
    fn a_bad_pointer_is_no_program() {
        assert!(!Candidate::at(file::HERE, core::ptr::null()).will_run());
        assert!(!Candidate::at(file::HERE, core::ptr::without_provenance(8)).will_run());
    }

    #[test]
    fn a_search_skips_files_that_we_may_not_execute() {
        let scratch = Scratch::new("search");
        let finds = |name: &CString, path: &str| {
            let path = CString::new(path).unwrap();
            Candidate::Searched(name, &path).will_run()
        };
        let sh = c"sh".to_owned();
        let here = scratch.0.to_str().unwrap().to_owned();
        assert!(finds(&sh, "/nonexistent:/bin"));
        assert!(!finds(&sh, "/nonexistent"));
        scratch.file("sh", b"", 0o644);
        assert!(finds(&sh, &format!("{here}:/bin")));
        // libc runs it by /bin/sh.
        scratch.file("sh", b"echo", 0o755);
        assert!(finds(&sh, &here));
        scratch.file("sh", b"\x7fELF", 0o755);
        assert!(!finds(&sh, &format!("{here}:/bin")));
        assert!(finds(&c"/bin/sh".to_owned(), "/nonexistent"));
    }
}
