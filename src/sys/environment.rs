//! The variable that tells a new program of its ticket: what is counted for it in shared memory.
//! The hooks of `exec` and `posix_spawn` add it to the environment of the new program. The
//! constructor takes it out again there, before the code of that program runs.
//!
//! A program without the shim must not find it. So it is added only where the loader will load the
//! shim again, as far as that can be told.

use core::ffi::c_char;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use softclose_core::holders::ledger::Ticket;
use softclose_core::image::Loader;
use softclose_core::settings::knobs::KNOBS;
use softclose_core::sys::probe;

type Text = *const c_char;
/// A list of strings, as `execve(2)` takes it.
pub type List = *const Text;

unsafe extern "C" {
    static mut environ: *mut *mut c_char;
}

/// The program's own environment.
pub fn own() -> List {
    // SAFETY: libc's variable, read as libc's own functions read it.
    unsafe { environ }.cast_const().cast()
}

/// The file name of the shim, if `LD_PRELOAD` had it loaded. `None` if something else had it loaded
/// (such as `/etc/ld.so.preload`), which will do so in the next program too.
static PRELOADED_AS: (AtomicPtr<u8>, AtomicUsize) = (AtomicPtr::new(core::ptr::null_mut()), AtomicUsize::new(0));

fn preloaded_as() -> Option<&'static [u8]> {
    let (at, len) = (PRELOADED_AS.0.load(Ordering::Relaxed), PRELOADED_AS.1.load(Ordering::Relaxed));
    // SAFETY: null, or a part of the path of this library, which is never unloaded.
    (!at.is_null()).then(|| unsafe { core::slice::from_raw_parts(at, len) })
}

/// In the constructor: notes how the shim, the file `library`, came to be loaded.
pub fn note_preload(library: Option<&'static [u8]>) {
    let name = library.and_then(|path| path.rsplit(|&byte| byte == b'/').next());
    // SAFETY: the program's own environment, before its code runs.
    let value = unsafe { find(own(), PRELOAD) };
    let is_it = |name: &&[u8]| value.is_some_and(|value| value.windows(name.len()).any(|part| part == *name));
    if let Some(name) = name.filter(is_it) {
        PRELOADED_AS.1.store(name.len(), Ordering::Relaxed);
        PRELOADED_AS.0.store(name.as_ptr().cast_mut(), Ordering::Relaxed);
    }
}

/// In the constructor: takes the ticket out of the environment. The variables before it move up by
/// one place, and the environment begins one place later: its end stays where it was, as programs
/// look for the auxiliary vector behind it.
pub fn take_ticket() -> Option<Ticket> {
    // SAFETY: the program's own environment, before its code runs, which is the constructor's
    // to change; a string lies in memory that the program may write to.
    unsafe {
        let all = (0..).map(|at| environ.add(at)).take_while(|place| !environ.is_null() && !(**place).is_null());
        let (at, place) = { all }.enumerate().find(|&(_, place)| starts_with(*place, Ticket::NAME))?;
        let value = (*place).add(Ticket::NAME.len());
        let len = libc::strlen(value);
        let ticket = Ticket::read(core::slice::from_raw_parts(value.cast(), len));
        // It must not show in /proc/PID/environ either.
        core::ptr::write_bytes(*place, 0, Ticket::NAME.len() + len);
        core::ptr::copy(environ, environ.add(1), at);
        environ = environ.add(1);
        ticket
    }
}

/// In the constructor: whether any setting is in the environment.
pub fn has_settings() -> bool {
    // SAFETY: the program's own environment, before its code runs; each text is terminated.
    unsafe {
        let mut all = texts(own()).filter(|&text| starts_with(text, b"SOFTCLOSE_"));
        all.any(|text| KNOBS.iter().any(|knob| is_set(text, knob.env.as_bytes())))
    }
}

/// Whether `text` sets the variable of this name.
///
/// # Safety
/// As [`starts_with`].
unsafe fn is_set(text: Text, name: &[u8]) -> bool {
    // SAFETY: the caller's; there is another byte behind the name, as it is there.
    unsafe { starts_with(text, name) && *text.add(name.len()) as u8 == b'=' }
}

/// Whether the stack has room for [`Extended`] and a look at a file. It has on the stack of the
/// first thread, except in a signal handler with a stack of its own. The stack of a coroutine or of
/// a child of `clone` may be small.
#[inline(never)]
pub fn is_stack_deep() -> bool {
    /// How deep the program's frames may lie already. No first thread has a smaller stack.
    const DEPTH: usize = 1 << 20;
    let mut stack = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: nothing is set, and what is asked for is written to memory of that type; all
    // zeroes is such a value, too.
    let flags = unsafe {
        libc::sigaltstack(core::ptr::null(), stack.as_mut_ptr());
        stack.assume_init().ss_flags
    };
    let here = (&raw const stack).addr();
    let end = STACK_END.load(Ordering::Relaxed);
    flags & libc::SS_ONSTACK == 0 && end.checked_sub(here).is_some_and(|depth| depth < DEPTH)
}

/// The highest address of the stack of the first thread; 0 where that stack is small.
static STACK_END: AtomicUsize = AtomicUsize::new(0);

/// In the constructor, which runs on the stack of the first thread: notes where that stack is.
pub fn note_stack(limit: u64) {
    const ENOUGH: u64 = 2 << 20;
    // SAFETY: libc's variable.
    let end = unsafe { environ }.addr();
    STACK_END.store(if limit >= ENOUGH { end } else { 0 }, Ordering::Relaxed);
}

const PRELOAD: &[u8] = b"LD_PRELOAD=";

/// An environment with one variable more.
pub struct Extended {
    list: [MaybeUninit<Text>; Self::ROOM],
    text: [u8; Ticket::LEN],
}

impl Extended {
    /// The most variables of an environment that is copied.
    const ROOM: usize = 512;

    /// An empty list.
    pub const fn new() -> Self {
        Self { list: [MaybeUninit::uninit(); Self::ROOM], text: [0; Ticket::LEN] }
    }

    /// `environment` with the ticket, valid as long as `self` is. `None` where the shim will not be
    /// in the new program, which has this `loader`, or where that cannot be told.
    #[inline(never)]
    pub fn with(&mut self, environment: List, ticket: Ticket, loader: Loader) -> Option<List> {
        self.text = ticket.text();
        let (mut len, mut is_preloaded) = (0, false);
        let wanted = preloaded_as();
        self.list.first_mut()?.write(self.text.as_ptr().cast());
        loop {
            // SAFETY: any bytes are a pointer.
            let text = unsafe { probe::read(environment.wrapping_add(len)) }?;
            len += 1;
            self.list.get_mut(len)?.write(text);
            if text.is_null() {
                break;
            }
            // SAFETY: it is read as far as it can be.
            is_preloaded |= unsafe { is_preload(text, wanted, loader) };
        }
        (is_preloaded || wanted.is_none() && loader == Loader::Glibc).then_some(self.list.as_ptr().cast())
    }
}

/// Whether `text` is an `LD_PRELOAD` that has the loader load the file of this name.
///
/// # Safety
/// Any address; what can be read there does not change meanwhile.
unsafe fn is_preload(text: Text, name: Option<&[u8]>, loader: Loader) -> bool {
    const LONGEST: usize = 4096;
    let is_there = |len| probe::is_readable(text as usize, len);
    let Some(name) = name.filter(|_| is_there(PRELOAD.len())) else { return false };
    // SAFETY: so much of it can be read; of the rest no byte is read before it was asked for.
    unsafe {
        if !starts_with(text, PRELOAD) {
            return false;
        }
        let bytes = text.cast::<u8>();
        let end = (0..LONGEST).find(|&at| !is_there(at + 1) || *bytes.add(at) == 0);
        end.is_some_and(|end| {
            has(core::slice::from_raw_parts(bytes.add(PRELOAD.len()), end - PRELOAD.len()), name, loader)
        })
    }
}

/// Whether a list of libraries, separated by colons or blanks, has one with this file name and an
/// absolute path, which is found in every working directory, and which this loader understands.
fn has(value: &[u8], name: &[u8], loader: Loader) -> bool {
    let is_understood = |path: &[u8]| loader == Loader::Glibc || !path.contains(&b'$');
    let is_it = |path: &[u8]| path.starts_with(b"/") && path.rsplit(|&byte| byte == b'/').next() == Some(name);
    let is_it = |path: &[u8]| is_it(path) && is_understood(path);
    value.split(|&byte| byte == b':' || byte == b' ').any(is_it)
}

/// The value of a variable in `list`; `name` ends with `=`.
///
/// # Safety
/// A list as `execve` takes it, for as long as the answer is used.
unsafe fn find<'a>(list: List, name: &[u8]) -> Option<&'a [u8]> {
    // SAFETY: the caller's.
    unsafe {
        let text = texts(list).find(|&text| starts_with(text, name))?;
        Some(core::slice::from_raw_parts(text.add(name.len()).cast(), libc::strlen(text) - name.len()))
    }
}

/// The texts in `list`. `clearenv` of another constructor leaves no list.
///
/// # Safety
/// As [`find`].
unsafe fn texts(list: List) -> impl Iterator<Item = Text> {
    // SAFETY: the caller's: it stops at the end.
    (0..).map_while(move |at| (!list.is_null()).then(|| unsafe { *list.add(at) })).take_while(|text| !text.is_null())
}

/// Whether `text` begins with `start`.
///
/// # Safety
/// `text` is terminated, or longer than `start`.
unsafe fn starts_with(text: Text, start: &[u8]) -> bool {
    // SAFETY: the caller's: it stops at the end.
    start.iter().enumerate().all(|(at, &byte)| unsafe { *text.add(at) } as u8 == byte)
}
