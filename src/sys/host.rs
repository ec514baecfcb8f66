//! What the engine needs from the program's libc: whether there is one thread, and writing out its
//! streams.

use super::libc_kind::{Libc, is_musl};
use super::musl_threads;
use super::real::{__fpending, Libraries, Name, fflush, fflush_unlocked, fileno_unlocked};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{FILE, c_char};
use softclose_core::context::Host;
use softclose_core::sys::{Fd, file, stop};

/// The functions for the engine.
pub const HOST: Host = Host { is_single_threaded, flush_streams };

/// `__libc_single_threaded` of glibc 2.32; `_IO_list_all` of glibc, or `stdin` of musl.
static SINGLE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static STREAMS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks up the variables. Called by the constructor.
pub fn resolve(libraries: &Libraries, libc: Libc) {
    let find = |name| libraries.find_anywhere(name);
    match libc {
        Libc::Glibc => {
            SINGLE.store(find(const { Name::new(c"__libc_single_threaded") }), Ordering::Release);
            STREAMS.store(find(const { Name::new(c"_IO_list_all") }), Ordering::Release);
        }
        Libc::Musl => {
            STREAMS.store(find(const { Name::new(c"stdin") }), Ordering::Release);
            musl_threads::resolve();
            stop::use_signal_of_musl();
        }
    }
}

/// The name by which the program was called, as libc keeps it; null where it has none. For the constructor.
pub fn program_name(libraries: &Libraries) -> *const c_char {
    let at = libraries.find_anywhere(const { Name::new(c"__progname_full") }).cast::<*const c_char>();
    // SAFETY: libc's variable.
    if at.is_null() { ptr::null() } else { unsafe { *at } }
}

fn is_single_threaded() -> bool {
    if is_musl() {
        return musl_threads::is_alone();
    }
    let at = SINGLE.load(Ordering::Acquire).cast::<c_char>();
    // SAFETY: libc's variable, one byte, which libc itself reads without a lock.
    !at.is_null() && unsafe { at.read_volatile() } != 0
}

/// Writes out the streams, as libc does at `exit` after our handler (`_IO_cleanup`): buffers are
/// written, and the offset of a file that was read ahead is put back to where the program was. It
/// is done here because the numbers may be closed by then. It takes no locks, as libc takes none
/// there: the other threads have been stopped, perhaps while they held one.
///
/// A stopped thread may be the reader of a pipe that is written to, or may hold a lock that a
/// stream of the program's own waits for. So only what takes the text at once is written to, unless it
/// `may_wait`. False where something else was left.
fn flush_streams(may_wait: bool) -> bool {
    if is_musl() {
        return may_wait && flush_all();
    }
    let head = STREAMS.load(Ordering::Acquire).cast::<*mut FILE>();
    // SAFETY: `_IO_list_all` is the head of libc's list of streams.
    let mut stream = if head.is_null() { ptr::null_mut() } else { unsafe { *head } };
    let mut is_done = true;
    while !stream.is_null() {
        // SAFETY: a stream of libc's list, and no other thread runs.
        unsafe {
            is_done &= flush(stream, may_wait);
            stream = field(stream, CHAIN);
        }
    }
    is_done
}

/// As musl does at `exit`: it takes the locks of the streams there as well.
fn flush_all() -> bool {
    let stdin = STREAMS.load(Ordering::Acquire).cast::<*mut FILE>();
    // SAFETY: null stands for all streams that are written to; `stdin` is one.
    unsafe {
        fflush(ptr::null_mut());
        if !stdin.is_null() {
            fflush(*stdin);
        }
    }
    true
}

/// Offsets in `struct _IO_FILE` on 64-bit platforms, which are part of libc's ABI
/// (`bits/types/struct_FILE.h`).
const READ_PTR: usize = 8;
const READ_END: usize = 16;
const CHAIN: usize = 104;

/// Writes out one stream. False where that was left out because it might have to wait.
///
/// # Safety
/// `stream` is a stream of libc's, and no other thread runs.
unsafe fn flush(stream: *mut FILE, may_wait: bool) -> bool {
    // SAFETY: the caller's.
    unsafe {
        let is_read_ahead = field(stream, READ_PTR) != field(stream, READ_END);
        let pending = __fpending(stream);
        let has_work = is_read_ahead || pending != 0;
        let may = may_wait || Fd::new(fileno_unlocked(stream)).is_some_and(|fd| file::takes_at_once(fd, pending));
        if has_work && may {
            fflush_unlocked(stream);
        }
        may || !has_work
    }
}

/// One pointer in a stream.
///
/// # Safety
/// `stream` is a stream of libc's, and there is a pointer at `offset`.
unsafe fn field(stream: *mut FILE, offset: usize) -> *mut FILE {
    // SAFETY: the caller's.
    unsafe { *stream.byte_add(offset).cast::<*mut FILE>() }
}
