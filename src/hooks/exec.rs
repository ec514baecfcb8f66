//! The `exec` family: the kernel closes what is close-on-exec as the program image
//! goes, and nobody is left to drain it. So it is finished before, where the call
//! is as good as certain to succeed.
//!
//! libc's functions call each other inside, past our names: each is hooked for
//! itself. None of them returns unless it fails, and some are variadic: they are
//! jumped through.

use crate::sys::guard::with_guard;
use crate::sys::jump::{Kept, jump_through};
use crate::sys::real::{self, Image};
use core::ffi::{CStr, c_char, c_int, c_void};
use libc::AT_FDCWD;
use softclose_core::image::{Attempt, Candidate, Strings};

type Text = *const c_char;
type List = *const *const c_char;

macro_rules! exec {
    ($($name:ident by $note:ident;)*) => { $(
        jump_through! {
            #[unsafe(no_mangle)]
            #[doc = concat!("`", stringify!($name), "`.")]
            pub fn $name => $note
        }
    )* };
}

exec! {
    execve by note_execve;
    execv by note_execv;
    execl by note_execl;
    execle by note_execle;
    execvp by note_execvp;
    execvpe by note_execvpe;
    execlp by note_execlp;
    fexecve by note_fexecve;
    execveat by note_execveat;
}

extern "C" fn note_execve(kept: &Kept) -> *const c_void {
    let [path, argv, envp, ..] = kept.arguments();
    before_execve([path, argv, envp]);
    real::image_address(Image::Execve)
}

extern "C" fn note_execv(kept: &Kept) -> *const c_void {
    let [path, argv, ..] = kept.arguments();
    before_exec(at(path), &[list(argv), environment()]);
    real::image_address(Image::Execv)
}

extern "C" fn note_execl(kept: &Kept) -> *const c_void {
    let [path, ..] = kept.arguments();
    before_exec(at(path), &[kept.variadic(), environment()]);
    real::image_address(Image::Execl)
}

/// The environment follows the arguments.
extern "C" fn note_execle(kept: &Kept) -> *const c_void {
    let [path, ..] = kept.arguments();
    let arguments = kept.variadic();
    before_exec(at(path), &[arguments, arguments.followed_by()]);
    real::image_address(Image::Execle)
}

extern "C" fn note_execvp(kept: &Kept) -> *const c_void {
    let [file, argv, ..] = kept.arguments();
    before_exec(searched(file), &[list(argv), environment()]);
    real::image_address(Image::Execvp)
}

extern "C" fn note_execvpe(kept: &Kept) -> *const c_void {
    let [file, argv, envp, ..] = kept.arguments();
    before_exec(searched(file), &[list(argv), list(envp)]);
    real::image_address(Image::Execvpe)
}

extern "C" fn note_execlp(kept: &Kept) -> *const c_void {
    let [file, ..] = kept.arguments();
    before_exec(searched(file), &[kept.variadic(), environment()]);
    real::image_address(Image::Execlp)
}

extern "C" fn note_fexecve(kept: &Kept) -> *const c_void {
    let [fd, argv, envp, ..] = kept.arguments();
    before_exec(Candidate::Open(fd as c_int), &[list(argv), list(envp)]);
    real::image_address(Image::Fexecve)
}

extern "C" fn note_execveat(kept: &Kept) -> *const c_void {
    let [dir, path, argv, envp, flags, _] = kept.arguments();
    before_execveat([dir, path, argv, envp, flags]);
    real::image_address(Image::Execveat)
}

/// Before `execve(2)`, by whichever door.
pub fn before_execve([path, argv, envp]: [usize; 3]) {
    before_exec(at(path), &[list(argv), list(envp)]);
}

/// Before `execveat(2)`, by whichever door.
pub fn before_execveat([dir, path, argv, envp, flags]: [usize; 5]) {
    let candidate = Candidate::with_flags(dir as c_int, path as Text, flags as c_int);
    before_exec(candidate, &[list(argv), list(envp)]);
}

/// Before the program image is replaced, by whichever door.
fn before_exec(candidate: Candidate<'_>, lists: &[Strings]) {
    let attempt = Attempt { candidate, lists };
    with_guard(|engine, guard| match guard.owner() {
        Some(owner) => engine.before_exec(owner, &attempt),
        None => engine.ledger.before_execution(|| attempt.will_fail()),
    });
}

fn at<'a>(path: usize) -> Candidate<'a> {
    Candidate::at(AT_FDCWD, path as Text)
}

fn list(at: usize) -> Strings {
    Strings::at(at as List)
}

fn environment() -> Strings {
    unsafe extern "C" {
        static environ: List;
    }
    // SAFETY: libc's variable, read as libc's own functions read it.
    Strings::at(unsafe { environ })
}

/// A program's name, and where libc looks for it.
fn searched<'a>(name: usize) -> Candidate<'a> {
    let name = name as Text;
    if name.is_null() {
        return Candidate::Unknown;
    }
    // SAFETY: a constant, terminated name; the others are read by libc in the same way.
    unsafe {
        let path = libc::getenv(c"PATH".as_ptr());
        let path = if path.is_null() { c"/bin:/usr/bin" } else { CStr::from_ptr(path) };
        Candidate::Searched(CStr::from_ptr(name), path)
    }
}
