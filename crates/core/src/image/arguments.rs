//! Whether the arguments and the environment of a new program fit, so that `execve` does not answer
//! `E2BIG`.
//!
//! Context: async-signal-safe; only the kernel follows the program's pointers.
//!
//! Source: `bprm_stack_limits`, `count`, `copy_strings` in `fs/exec.c`.

use crate::sys::peek::own_memory;
use core::ffi::c_char;

/// A list of pointers to strings, with a null pointer at its end, in the program's memory. Its
/// pointers lie in one piece or in two.
#[derive(Clone, Copy)]
pub struct Strings {
    /// Address of the first piece; 0 for an empty list.
    start: usize,
    /// How many pointers the first piece has.
    first: usize,
    /// Address of the second piece.
    rest: usize,
}

impl Strings {
    /// A list as `execve(2)` takes it. A null pointer is an empty list.
    pub fn at(list: *const *const c_char) -> Self {
        Self { start: list as usize, first: usize::MAX, rest: 0 }
    }

    /// The arguments of a variadic function: first those in registers, then those on the stack.
    pub fn in_two(registers: &[usize], stack: *const usize) -> Self {
        Self { start: registers.as_ptr() as usize, first: registers.len(), rest: stack as usize }
    }

    /// The list whose address follows the null pointer at the end of this one, as in `execle(3)`.
    pub fn followed_by(self) -> Self {
        let end = (0..MOST).find(|&index| self.pointer(index).is_none_or(|pointer| pointer == 0));
        let next = end.and_then(|end| self.pointer(end + 1));
        // At this address nothing can be read, so that the list will not fit.
        let next = next.unwrap_or(usize::MAX);
        Self { start: next, first: usize::MAX, rest: 0 }
    }

    /// The pointer at this index; `None` where it cannot be read.
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

    /// The bytes of the strings and of the pointers to them. `None` where a string is too long or
    /// something cannot be read.
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

/// The lists that `execve(2)` is given.
pub struct Arguments<'a>(pub &'a [Strings]);

/// More strings than ever fit.
const MOST: usize = 1 << 20;

/// Most bytes of one string (`MAX_ARG_STRLEN`).
const LONGEST: usize = 128 << 10;
/// Bytes that always fit (`ARG_MAX`).
const ALWAYS: u64 = 128 << 10;
/// Bytes that never fit: three quarters of `_STK_LIM`, the default size of a stack.
const NEVER_MORE: u64 = 6 << 20;
/// Bytes for the path and for what else the kernel puts there.
const MARGIN: u64 = 16 << 10;

impl Arguments<'_> {
    /// Whether the kernel will accept the lists: they take less than a quarter of the stack, and each
    /// string is short enough.
    pub fn will_fit(&self) -> bool {
        let stack = rustix::process::getrlimit(rustix::process::Resource::Stack).current.unwrap_or(u64::MAX);
        let limit = (stack / 4).clamp(ALWAYS, NEVER_MORE) - MARGIN;
        let total = self.0.iter().try_fold(0, |sum: usize, &list| sum.checked_add(list.size()?));
        total.is_some_and(|total| total as u64 <= limit)
    }
}

/// The bytes of a string with its terminating zero. `None` where it is too long or cannot be read.
fn size_of_string(start: usize) -> Option<usize> {
    const PAGE: usize = 4096;
    let mut length = 0;
    while length < LONGEST {
        let at = start.checked_add(length)?;
        let mut buffer = [0; 256];
        // A piece never crosses the end of a page: the next page may not be mapped.
        let piece = buffer.get_mut(..(PAGE - at % PAGE).min(256))?;
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
        let registers = [word, word];
        let list = Strings::in_two(&registers, stack.as_ptr());
        assert_eq!(list.size(), Some(3 * (5 + 8)));
        assert_eq!(list.followed_by().size(), Some(4 + 8));
        let registers = [word, end, environment.as_ptr() as usize];
        let short = Strings::in_two(&registers, ptr::null());
        assert_eq!((short.size(), short.followed_by().size()), (Some(5 + 8), Some(4 + 8)));
    }

    #[test]
    fn lists_that_are_too_long_do_not_fit() {
        assert!(!fits(&[CString::new(vec![b'x'; LONGEST]).unwrap()]));
        let string = CString::new(vec![b'x'; 100_000]).unwrap();
        assert!(!fits(&vec![string; 100]));
    }

    #[test]
    fn lists_that_cannot_be_read_do_not_fit() {
        assert!(!Arguments(&[Strings::at(ptr::without_provenance(8))]).will_fit());
        let list = [ptr::without_provenance(8), ptr::null()];
        assert!(!Arguments(&[Strings::at(list.as_ptr())]).will_fit());
    }
}
