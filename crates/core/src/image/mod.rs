//! Whether `exec` will succeed, as far as can be told without doing it: the file,
//! its mode, its format, and its arguments.
//!
//! Where this says yes and the kernel says no all the same (a security module, no
//! process left for this user, the file being written to), the program has lost
//! what was finished for it. So whatever is not known here is a no.
//!
//! Context: hooks of the `exec` family, on the program's threads. Async-signal-safe;
//! pointers of the program's are only ever read by the kernel.
//!
//! Source: `fs/exec.c`, `fs/binfmt_elf.c`, `fs/binfmt_script.c`.

mod arguments;
mod format;
mod search;

pub use arguments::{Arguments, Strings};

use crate::sys::Fd;
use crate::sys::file::{self, Access};
use core::ffi::{CStr, c_char};
use format::Format;

/// The program that is to be run.
#[derive(Clone, Copy)]
pub enum Candidate<'a> {
    /// A path below a directory.
    At(i32, *const c_char),
    /// An open file.
    Open(i32),
    /// A name to be looked for, and the directories to look in.
    Searched(&'a CStr, &'a CStr),
    /// None that we can tell.
    Unknown,
}

/// What a file is to `exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Finding {
    /// It will run, and be loaded by a loader, which loads what is to be preloaded.
    Program,
    /// It will run, without a loader, or with one that preloads nothing.
    Static,
    /// It is not there, or not for us: a search goes on.
    Absent,
    /// In no format of the kernel's; libc's search has a shell run it (`ENOEXEC`).
    Text,
    /// Anything else.
    Unknown,
}

impl Finding {
    fn runs(self) -> bool {
        matches!(self, Self::Program | Self::Static)
    }
}

impl Candidate<'_> {
    /// `path` as seen from directory `dir`.
    pub fn at(dir: i32, path: *const c_char) -> Self {
        Self::At(dir, path)
    }

    /// The arguments of `execveat(2)`.
    pub fn with_flags(dir: i32, path: *const c_char, flags: i32) -> Self {
        const AT_EMPTY_PATH: i32 = 0x1000;
        match flags {
            0 => Self::At(dir, path),
            AT_EMPTY_PATH if file::is_empty(path) => Self::Open(dir),
            AT_EMPTY_PATH => Self::At(dir, path),
            _ => Self::Unknown,
        }
    }

    /// Whether it is as good as certain to run.
    fn will_run(self) -> bool {
        self.find().runs()
    }

    fn find(self) -> Finding {
        match self {
            Self::At(dir, path) => examine(dir, path, DEEPEST),
            Self::Open(fd) => Fd::new(fd).map_or(Finding::Unknown, examine_open),
            Self::Searched(name, directories) => search::find_program(name, directories),
            Self::Unknown => Finding::Unknown,
        }
    }

    /// Whether there is no such program now, or none that we may run.
    fn is_absent(self) -> bool {
        match self {
            Self::At(dir, path) => glance(dir, path) == Finding::Absent,
            Self::Searched(name, directories) => search::finds_nothing(name, directories),
            Self::Open(_) | Self::Unknown => false,
        }
    }
}

/// A program and what it is to be given.
pub struct Attempt<'a> {
    /// The program.
    pub candidate: Candidate<'a>,
    /// Its arguments and its environment.
    pub lists: &'a [Strings],
}

impl Attempt<'_> {
    /// Whether it is as good as certain to succeed.
    pub fn will_succeed(&self) -> bool {
        self.candidate.will_run() && Arguments(self.lists).will_fit()
    }

    /// Whether it is as good as certain that a loader will load the program.
    pub fn will_have_loader(&self) -> bool {
        self.candidate.find() == Finding::Program
    }

    /// Whether it is as good as certain to fail.
    pub fn will_fail(&self) -> bool {
        self.candidate.is_absent()
    }
}

/// How many scripts may interpret each other (`exec_binprm`).
const DEEPEST: u32 = 4;

/// Whether a file is behind a path that we may run, whatever it is.
fn glance(dir: i32, path: *const c_char) -> Finding {
    match file::access(dir, path) {
        Access::Denied => Finding::Absent,
        Access::Executable | Access::Unknown => Finding::Unknown,
    }
}

/// Looks at the file behind a path; at its interpreter, too.
fn examine(dir: i32, path: *const c_char, depth: u32) -> Finding {
    match file::access(dir, path) {
        Access::Executable => {}
        Access::Denied => return Finding::Absent,
        Access::Unknown => return Finding::Unknown,
    }
    let Ok(fd) = file::open(dir, path) else { return Finding::Unknown };
    let found = if file::is_being_written(fd) { Finding::Unknown } else { examine_content(fd, depth) };
    fd.close();
    found
}

fn examine_content(fd: Fd, depth: u32) -> Finding {
    match Format::of(fd) {
        Some(Format::Script(name)) if depth > 1 => match examine(file::HERE, name.as_ptr(), depth - 1) {
            found if found.runs() => found,
            _ => Finding::Unknown,
        },
        Some(Format::Text) => Finding::Text,
        found => binary(found, fd),
    }
}

fn binary(found: Option<Format>, fd: Fd) -> Finding {
    match found {
        Some(Format::Elf) => Finding::Static,
        Some(Format::Interpreted(loader)) if file::may_set_ids(fd) && is_loader(loader.as_ptr()) => Finding::Static,
        Some(Format::Interpreted(loader)) if is_loader(loader.as_ptr()) => Finding::Program,
        _ => Finding::Unknown,
    }
}

/// A script that is run through a close-on-exec number cannot be found again by its
/// interpreter: only binaries are certain.
fn examine_open(fd: Fd) -> Finding {
    if file::is_executable(fd) && !file::is_being_written(fd) { binary(Format::of(fd), fd) } else { Finding::Unknown }
}

fn is_loader(path: *const c_char) -> bool {
    if file::access(file::HERE, path) != Access::Executable {
        return false;
    }
    let Ok(fd) = file::open(file::HERE, path) else { return false };
    let is_elf = matches!(Format::of(fd), Some(Format::Elf));
    fd.close();
    is_elf
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
    fn whatever_may_fail_does_not_count() {
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
        foreign[18] = 183;
        assert!(!runs(&scratch.file("other-machine", &foreign, 0o755)));
        let me = scratch.path("loop").into_string().unwrap();
        assert!(!runs(&scratch.file("loop", format!("#!{me}\n").as_bytes(), 0o755)));
    }

    #[test]
    fn a_file_that_is_being_written_does_not_count() {
        let scratch = Scratch::new("written");
        let path = scratch.file("program", &std::fs::read("/bin/sh").unwrap(), 0o755);
        assert!(runs(&path));
        let writer = std::fs::File::options().append(true).open(scratch.0.join("program")).unwrap();
        assert!(!runs(&path));
        drop(writer);
        assert!(runs(&path));
    }

    #[test]
    fn a_pointer_that_is_not_good_is_no_program() {
        assert!(!Candidate::at(file::HERE, core::ptr::null()).will_run());
        assert!(!Candidate::at(file::HERE, core::ptr::without_provenance(8)).will_run());
    }

    #[test]
    fn a_search_skips_what_is_not_for_us() {
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
