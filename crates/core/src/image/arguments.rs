//! Whether the arguments and the environment of a new program fit (`E2BIG`).
//!
//! Source: `bprm_stack_limits`, `count`, `copy_strings` in `fs/exec.c`.

use crate::sys::file::own_memory;
use core::ffi::c_char;

/// Lists of strings as `execve(2)` takes them.
pub struct Arguments<'a>(pub &'a [*const *const c_char]);

/// Most bytes of one string (`MAX_ARG_STRLEN`).
const LONGEST: usize = 128 << 10;
/// What always fits (`ARG_MAX`).
const ALWAYS: u64 = 128 << 10;
/// Three quarters of `_STK_LIM`.
const NEVER_MORE: u64 = 6 << 20;
/// Room for the path and what else the kernel puts there.
const MARGIN: u64 = 16 << 10;

impl Arguments<'_> {
    /// Whether the kernel will take them.
    pub fn will_fit(&self) -> bool {
        let stack = rustix::process::getrlimit(rustix::process::Resource::Stack).current.unwrap_or(u64::MAX);
        let room = (stack / 4).clamp(ALWAYS, NEVER_MORE) - MARGIN;
        let total = self.0.iter().try_fold(0, |sum: usize, &list| sum.checked_add(size_of_list(list)?));
        total.is_some_and(|total| total as u64 <= room)
    }
}

/// Bytes of the strings and of the pointers to them. A null list is empty.
fn size_of_list(list: *const *const c_char) -> Option<usize> {
    let mut total = 0usize;
    let mut at = list as usize;
    loop {
        let mut pointer = [0; size_of::<usize>()];
        if at != 0 && own_memory(at, &mut pointer) != pointer.len() {
            return None;
        }
        match usize::from_ne_bytes(pointer) {
            0 => return Some(total),
            string => total = total.checked_add(size_of_string(string)? + pointer.len())?,
        }
        at = at.checked_add(pointer.len())?;
    }
}

/// With its end. `None` where it is too long or cannot be read.
fn size_of_string(start: usize) -> Option<usize> {
    const PAGE: usize = 4096;
    let mut length = 0;
    while length < LONGEST {
        let at = start.checked_add(length)?;
        let mut room = [0; 256];
        // Never over the end of a page: the next may not be there.
        let piece = room.get_mut(..(PAGE - at % PAGE).min(256))?;
        let read = own_memory(at, piece);
        let piece = piece.get(..read).filter(|piece| !piece.is_empty())?;
        match piece.iter().position(|&byte| byte == 0) {
            Some(end) => return Some(length + end + 1).filter(|&length| length <= LONGEST),
            None => length += read,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr;
    use std::ffi::CString;

    fn fits(strings: &[CString]) -> bool {
        let mut list: Vec<_> = strings.iter().map(|string| string.as_ptr()).collect();
        list.push(ptr::null());
        Arguments(&[list.as_ptr()]).will_fit()
    }

    #[test]
    fn a_few_words_fit() {
        assert!(fits(&[c"true".to_owned(), CString::new(vec![b'x'; 100_000]).unwrap()]));
        assert!(Arguments(&[]).will_fit());
        assert!(Arguments(&[ptr::null()]).will_fit());
    }

    #[test]
    fn too_much_does_not() {
        assert!(!fits(&[CString::new(vec![b'x'; LONGEST]).unwrap()]));
        let string = CString::new(vec![b'x'; 100_000]).unwrap();
        assert!(!fits(&vec![string; 100]));
    }

    #[test]
    fn what_cannot_be_read_does_not() {
        assert!(!Arguments(&[ptr::without_provenance(8)]).will_fit());
        let list = [ptr::without_provenance(8), ptr::null()];
        assert!(!Arguments(&[list.as_ptr()]).will_fit());
    }
}
