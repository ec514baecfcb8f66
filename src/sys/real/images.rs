//! The functions of `exec(3)`, to be called, or to be jumped to.

use super::jumps::{address_of, missing_address};
use super::libraries::Libraries;
use super::symbol::Symbol;
use crate::sys::errno;
use core::ffi::{c_char, c_void};
use libc::c_int;

/// Looks all of them up.
pub(super) fn resolve(libraries: &Libraries) {
    IMAGES.iter().for_each(|symbol| symbol.resolve(libraries));
}

/// A function of `exec(3)`.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum Image {
    Execve,
    Execv,
    Execl,
    Execle,
    Execvp,
    Execvpe,
    Execlp,
    Fexecve,
    Execveat,
}

static IMAGES: [Symbol; 9] = [
    Symbol::new(c"execve"),
    Symbol::new(c"execv"),
    Symbol::new(c"execl"),
    Symbol::new(c"execle"),
    Symbol::new(c"execvp"),
    Symbol::new(c"execvpe"),
    Symbol::new(c"execlp"),
    Symbol::new(c"fexecve"),
    Symbol::new(c"execveat"),
];

/// Where a function of `exec(3)` is.
pub fn image_address(image: Image) -> *const c_void {
    IMAGES.get(image as usize).map_or(missing_address(), address_of)
}

/// Defines a function for each call of [`Image`] that is also called, and not only jumped to.
macro_rules! images {
    ($($name:ident: $image:ident($($arg:ident: $type:ty),*);)*) => { $(
        /// libc's function of that name.
        ///
        /// # Safety
        /// As its man page says.
        pub unsafe fn $name($($arg: $type),*) -> c_int {
            type Function = unsafe extern "C-unwind" fn($($type),*) -> c_int;
            match IMAGES.get(Image::$image as usize).and_then(Symbol::needed) {
                // SAFETY: the pointer is that function's, the arguments are the caller's.
                Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                None => errno::fail(libc::ENOSYS),
            }
        }
    )* };
}

type List = *const *const c_char;

images! {
    execve: Execve(path: *const c_char, argv: List, envp: List);
    execvpe: Execvpe(file: *const c_char, argv: List, envp: List);
    fexecve: Fexecve(fd: c_int, argv: List, envp: List);
    execveat: Execveat(dir: c_int, path: *const c_char, argv: List, envp: List, flags: c_int);
}
