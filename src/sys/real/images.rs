//! The functions of `exec(3)`, to be called, or to be jumped to.

use super::jumps::{address_or, missing_address};
use super::libraries::Name;
use super::symbol::{Symbol, name_of};
use crate::sys::errno;
use core::ffi::{c_char, c_void};
use libc::c_int;
use softclose_core::sys::raw::nr;

/// Visits all of them.
pub(super) fn each(visit: fn(&'static Symbol, Name)) {
    IMAGES.iter().zip(Image::ALL).for_each(|(symbol, image)| visit(symbol, image.name()));
}

/// What a child calls: the one that shells use.
pub(super) fn foresee() {
    image_address(Image::Execve);
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

static IMAGES: [Symbol; 9] = [const { Symbol::new() }; 9];

impl Image {
    const ALL: [Self; 9] = [
        Self::Execve,
        Self::Execv,
        Self::Execl,
        Self::Execle,
        Self::Execvp,
        Self::Execvpe,
        Self::Execlp,
        Self::Fexecve,
        Self::Execveat,
    ];

    fn symbol(self) -> Option<&'static Symbol> {
        IMAGES.get(self as usize)
    }

    fn name(self) -> Name {
        match self {
            Self::Execve => name_of!(execve),
            Self::Execv => name_of!(execv),
            Self::Execl => name_of!(execl),
            Self::Execle => name_of!(execle),
            Self::Execvp => name_of!(execvp),
            Self::Execvpe => name_of!(execvpe),
            Self::Execlp => name_of!(execlp),
            Self::Fexecve => name_of!(fexecve),
            Self::Execveat => name_of!(execveat),
        }
    }
}

/// Where a function of `exec(3)` is.
pub fn image_address(image: Image) -> *const c_void {
    let missing = match image {
        Image::Execveat => execveat_by_number as *const c_void,
        _ => missing_address(),
    };
    image.symbol().map_or(missing, |symbol| address_or(symbol, image.name(), missing))
}

/// Where libc has no `execveat`: a program that asks for the function finds ours.
unsafe extern "C" fn execveat_by_number(
    dir: c_int,
    path: *const c_char,
    argv: List,
    envp: List,
    flags: c_int,
) -> c_int {
    let arguments = [dir as usize, path as usize, argv as usize, envp as usize, flags as usize, 0];
    // SAFETY: the program's own call.
    unsafe { errno::call(nr::EXECVEAT, arguments) }
}

unsafe fn missing() -> c_int {
    errno::fail(libc::ENOSYS)
}

/// Defines a function for each call of [`Image`] that is also called, and not only jumped to, and what it does where
/// libc has no such function. A program may make `execveat` by number with any libc; glibc has it since 2.34.
macro_rules! images {
    ($($name:ident: $image:ident($($arg:ident: $type:ty),*) or $missing:expr;)*) => { $(
        /// libc's function of that name.
        ///
        /// # Safety
        /// As its man page says.
        pub unsafe fn $name($($arg: $type),*) -> c_int {
            type Function = unsafe extern "C-unwind" fn($($type),*) -> c_int;
            match Image::$image.symbol().and_then(|symbol| symbol.needed(Image::$image.name())) {
                // SAFETY: the pointer is that function's, the arguments are the caller's.
                Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                // SAFETY: the caller's.
                None => unsafe { $missing },
            }
        }
    )* };
}

type List = *const *const c_char;

images! {
    execve: Execve(path: *const c_char, argv: List, envp: List) or missing();
    execvpe: Execvpe(file: *const c_char, argv: List, envp: List) or missing();
    fexecve: Fexecve(fd: c_int, argv: List, envp: List) or missing();
    execveat: Execveat(dir: c_int, path: *const c_char, argv: List, envp: List, flags: c_int)
        or execveat_by_number(dir, path, argv, envp, flags);
}
