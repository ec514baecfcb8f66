//! A program's name, looked for as `execvp(3)` does.

use super::{DEEPEST, Finding, examine};
use crate::sys::file;
use core::ffi::CStr;

/// Whether the first file of that name that `execvp` would try to run is a program.
#[inline(never)]
pub fn finds_program(name: &CStr, directories: &CStr) -> bool {
    let (name, directories) = (name.to_bytes(), directories.to_bytes());
    if name.contains(&b'/') {
        return is_run(try_path(&[name]));
    }
    let mut tried = directories.split(|&byte| byte == b':').map(|directory| match directory {
        b"" => try_path(&[name]),
        _ => try_path(&[directory, b"/", name]),
    });
    !name.is_empty() && tried.find(|&found| found != Finding::Absent).is_some_and(is_run)
}

/// What the kernel does not understand, libc has run by a shell.
fn is_run(found: Finding) -> bool {
    match found {
        Finding::Program => true,
        Finding::Text => examine(file::HERE, c"/bin/sh".as_ptr(), DEEPEST) == Finding::Program,
        Finding::Absent | Finding::Unknown => false,
    }
}

/// A path made of parts; what is longer than a path may be is not known.
#[inline(never)]
fn try_path(parts: &[&[u8]]) -> Finding {
    const PATH_MAX: usize = 4096;
    let mut room = [0u8; PATH_MAX];
    let mut end = 0;
    for part in parts {
        // One byte stays zero.
        match room.get_mut(end..PATH_MAX - 1).and_then(|rest| rest.get_mut(..part.len())) {
            Some(place) => place.copy_from_slice(part),
            None => return Finding::Unknown,
        }
        end += part.len();
    }
    examine(file::HERE, room.as_ptr().cast(), DEEPEST)
}
