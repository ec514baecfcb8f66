//! Whether the arguments and the environment of a new program fit (`E2BIG`).
//!
//! Source: `bprm_stack_limits`, `count`, `copy_strings` in `fs/exec.c`.

use crate::sys::peek::own_memory;
use core::ffi::c_char;

/// A list of pointers to strings that ends with a null one, wherever it is.
#[derive(Clone, Copy)]
pub struct Strings {
    /// Where it begins, and how many there are before it goes on elsewhere.
    start: usize,
    first: usize,
    /// Where it goes on.
    rest: usize,
}

impl Strings {
    /// As `execve(2)` takes it; a null pointer is an empty list.
    pub fn at(list: *const *const c_char) -> Self {
        Self { start: list as usize, first: usize::MAX, rest: 0 }
    }

    /// Of a variadic function: in registers, then on the stack.
    pub fn in_two(registers: &[usize], stack: *const usize) -> Self {
        Self { start: registers.as_ptr() as usize, first: registers.len(), rest: stack as usize }
    }

    /// The list to which the pointer behind this one's end leads.
    pub fn followed_by(self) -> Self {
        let end = (0..MOST).find(|&index| self.pointer(index).is_none_or(|pointer| pointer == 0));
        let next = end.and_then(|end| self.pointer(end + 1));
        // Nothing can be read there.
        let next = next.unwrap_or(usize::MAX);
        Self { start: next, first: usize::MAX, rest: 0 }
    }

    /// `None` where it cannot be read.
    fn pointer(self, index: usize) -> Option<usize> {
        if self.start == 0 {
            return Some(0);
        }
        let (base, index) = match index.checked_sub(self.first) {
            Some(behind) => (self.rest, behind),
            None => (self.start, index),
        };
        let mut word = [0; size_of::<usize>()];
        let at = base.checked_add(index.checked_mul(word.len())?)?;
        (own_memory(at, &mut word) == word.len()).then(|| usize::from_ne_bytes(word))
    }

    /// Bytes of the strings and of the pointers to them.
    fn size(self) -> Option<usize> {
        let mut total = 0usize;
        for index in 0..MOST {
            match self.pointer(index)? {
                0 => return Some(total),
                string => total = total.checked_add(size_of_string(string)? + size_of::<usize>())?,
            }
        }
        None
    }
}

/// Lists as `execve(2)` takes them.
pub struct Arguments<'a>(pub &'a [Strings]);

/// More strings than fit anyway.
const MOST: usize = 1 << 20;

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
        let total = self.0.iter().try_fold(0, |sum: usize, &list| sum.checked_add(list.size()?));
        total.is_some_and(|total| total as u64 <= room)
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
        Arguments(&[Strings::at(list.as_ptr())]).will_fit()
    }

    #[test]
    fn a_few_words_fit() {
        assert!(fits(&[c"true".to_owned(), CString::new(vec![b'x'; 100_000]).unwrap()]));
        assert!(Arguments(&[]).will_fit());
        assert!(Arguments(&[Strings::at(ptr::null())]).will_fit());
    }

    #[test]
    fn a_list_may_be_in_two_places() {
        let (word, end) = (c"word".as_ptr() as usize, 0);
        let environment = [c"A=b".as_ptr() as usize, end];
        let stack = [word, end, environment.as_ptr() as usize];
        let list = Strings::in_two(&[word, word], stack.as_ptr());
        assert_eq!(list.size(), Some(3 * (5 + 8)));
        assert_eq!(list.followed_by().size(), Some(4 + 8));
        let short = Strings::in_two(&[word, end, environment.as_ptr() as usize], ptr::null());
        assert_eq!((short.size(), short.followed_by().size()), (Some(5 + 8), Some(4 + 8)));
    }

    #[test]
    fn too_much_does_not() {
        assert!(!fits(&[CString::new(vec![b'x'; LONGEST]).unwrap()]));
        let string = CString::new(vec![b'x'; 100_000]).unwrap();
        assert!(!fits(&vec![string; 100]));
    }

    #[test]
    fn what_cannot_be_read_does_not() {
        assert!(!Arguments(&[Strings::at(ptr::without_provenance(8))]).will_fit());
        let list = [ptr::without_provenance(8), ptr::null()];
        assert!(!Arguments(&[Strings::at(list.as_ptr())]).will_fit());
    }
}
