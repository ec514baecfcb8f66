//! Whether one file can be executed, and how.
//!
//! Context: async-signal-safe. It takes up to a few descriptors for the length of the call.
//!
//! Source: `fs/exec.c`, `fs/binfmt_elf.c`, `fs/binfmt_script.c`.

use super::format::Format;
use crate::sys::Fd;
use crate::sys::file::{self, Access};
use core::ffi::c_char;

/// A loader that loads preloaded libraries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// That of glibc, or one of which nothing else is known. It replaces `$LIB` and its like in `LD_PRELOAD`, and
    /// reads `/etc/ld.so.preload`.
    Glibc,
    /// That of musl, which does neither.
    Musl,
}

impl Loader {
    fn at(path: &[u8]) -> Self {
        let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
        if name.starts_with(b"ld-musl-") { Self::Musl } else { Self::Glibc }
    }
}

/// What a file is to `exec`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// A program that will run, with a loader that loads preloaded libraries.
    Program(Loader),
    /// A program that will run, without a loader, or with one that ignores preloaded libraries because
    /// the file has a set-user-id or set-group-id bit.
    Static,
    /// No file, or none that we may execute: a search goes on.
    Absent,
    /// A file in no format that the kernel knows (`ENOEXEC`). `execvp(3)` has a shell run it.
    Text,
    /// Anything else, or not known.
    Unknown,
}

impl Finding {
    /// Whether it will run.
    pub fn runs(self) -> bool {
        matches!(self, Self::Program(_) | Self::Static)
    }
}

/// How many scripts may interpret each other (`exec_binprm`).
pub const DEEPEST: u32 = 4;

/// Whether there is a file at this path that we may execute: [`Finding::Absent`] or
/// [`Finding::Unknown`]. Its content is not looked at.
pub fn glance(dir: i32, path: *const c_char) -> Finding {
    match file::access(dir, path) {
        Access::Denied => Finding::Absent,
        Access::Executable | Access::Unknown => Finding::Unknown,
    }
}

/// Looks at the file at this path and, if it is a script, at its interpreter; `depth` scripts at most.
pub fn examine(dir: i32, path: *const c_char, depth: u32) -> Finding {
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

/// Looks at the content of an open file.
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

/// What an ELF file is, by its format.
fn binary(found: Option<Format>, fd: Fd) -> Finding {
    match found {
        Some(Format::Elf) => Finding::Static,
        Some(Format::Interpreted(loader)) if file::may_set_ids(fd) && is_loader(loader.as_ptr()) => Finding::Static,
        Some(Format::Interpreted(loader)) if is_loader(loader.as_ptr()) => Finding::Program(Loader::at(loader.bytes())),
        _ => Finding::Unknown,
    }
}

/// Looks at an open file that is to be executed by its descriptor. Only a binary is certain to run: the
/// interpreter of a script cannot open the script if the descriptor is close-on-exec.
pub fn examine_open(fd: Fd) -> Finding {
    if file::is_executable(fd) && !file::is_being_written(fd) { binary(Format::of(fd), fd) } else { Finding::Unknown }
}

/// Whether there is an ELF file at this path that we may execute and that needs no loader itself.
fn is_loader(path: *const c_char) -> bool {
    if file::access(file::HERE, path) != Access::Executable {
        return false;
    }
    let Ok(fd) = file::open(file::HERE, path) else { return false };
    let is_elf = matches!(Format::of(fd), Some(Format::Elf));
    fd.close();
    is_elf
}
