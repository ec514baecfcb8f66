//! Searching a program by its name, as `execvp(3)` does.
//!
//! Context: async-signal-safe.

use super::file_check::{DEEPEST, Finding, examine, glance};
use crate::sys::file;
use core::ffi::{CStr, c_char};

/// What `execvp` would run. Where that is a file in no format that the kernel knows, libc has the
/// shell run it.
pub fn find_program(name: &CStr, directories: &CStr) -> Finding {
    match first(name, directories, |path| examine(file::HERE, path, DEEPEST)) {
        Finding::Text => examine(file::HERE, c"/bin/sh".as_ptr(), DEEPEST),
        found => found,
    }
}

/// Whether there is no file that `execvp` could try.
pub fn finds_nothing(name: &CStr, directories: &CStr) -> bool {
    first(name, directories, |path| glance(file::HERE, path)) == Finding::Absent
}

/// What the first file with this name is that `look` does not find absent.
#[inline(never)]
fn first(name: &CStr, directories: &CStr, look: impl Fn(*const c_char) -> Finding) -> Finding {
    let (name, directories) = (name.to_bytes(), directories.to_bytes());
    if name.contains(&b'/') {
        return try_path(&[name], look);
    }
    let mut tried = directories.split(|&byte| byte == b':').map(|directory| match directory {
        b"" => try_path(&[name], &look),
        _ => try_path(&[directory, b"/", name], &look),
    });
    let found = if name.is_empty() { None } else { tried.find(|&found| found != Finding::Absent) };
    found.unwrap_or(Finding::Absent)
}

/// What the file is whose path consists of these parts. [`Finding::Unknown`] where the path is too
/// long.
#[inline(never)]
fn try_path(parts: &[&[u8]], look: impl Fn(*const c_char) -> Finding) -> Finding {
    const PATH_MAX: usize = 4096;
    let mut path = [0u8; PATH_MAX];
    let mut end = 0;
    for part in parts {
        // One byte stays zero.
        match path.get_mut(end..PATH_MAX - 1).and_then(|rest| rest.get_mut(..part.len())) {
            Some(place) => place.copy_from_slice(part),
            None => return Finding::Unknown,
        }
        end += part.len();
    }
    look(path.as_ptr().cast())
}
