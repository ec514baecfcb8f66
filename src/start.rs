//! The constructor: it reads the settings, looks up libc's functions, builds the engine, and
//! registers what runs at the end of the process.
//!
//! It is the only code of the shim that allocates. It opens no descriptor (unless a log file is
//! asked for), starts no thread, and installs no signal handler. A bad setting is reported and
//! never ends the program.
//!
//! A program for musl may inherit `LD_PRELOAD` from one for glibc. It can load the library, as
//! that does not import by name what musl lacks. There every hook passes through.

use crate::hooks;
use crate::sys::guard::ENGINE;
use crate::sys::leave::{self, leave};
use crate::sys::{atfork, environment, errno, host, real, tls};
use core::ffi::{c_int, c_void};
use core::mem::MaybeUninit;
use softclose_core::context::Context;
use softclose_core::counters::Counters;
use softclose_core::counters::stats_file::Identity;
use softclose_core::discard;
use softclose_core::drain::Drain;
use softclose_core::engine::Engine;
use softclose_core::engine::exit::Exit;
use softclose_core::holders::ledger::Ledger;
use softclose_core::holders::refs::Refs;
use softclose_core::log::{self, Log};
use softclose_core::presence::Presence;
use softclose_core::settings::knobs::KNOBS;
use softclose_core::settings::{Reading, read};
use softclose_core::sys::known_directory::KnownDirectory;
use softclose_core::sys::rehearsal::Rehearsal;
use softclose_core::sys::ring::UnseenRings;
use softclose_core::sys::{clock, schedule, valgrind};
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    tls::resolve();
    real::resolve_all();
    if !real::is_glibc() {
        return;
    }
    errno::resolve();
    hooks::touch_redhook();
    let secure = is_secure();
    environment::note_stack(limit_of(libc::RLIMIT_STACK).rlim_cur);
    // The shared memory takes as much address space as in the process that made it.
    let has_space = limit_of(libc::RLIMIT_AS).rlim_cur == libc::RLIM_INFINITY;
    let ticket = environment::take_ticket().filter(|_| !secure && has_space);
    environment::note_preload(own_path().map(|path| path.as_os_str().as_bytes()));
    let reading = reading(secure);
    let Some(capacity) = capacity().filter(|_| !reading.settings.disable) else { return };
    host::resolve();
    clock::resolve();
    // It cannot have been set before.
    let engine = engine(reading, secure, capacity);
    let _ = ENGINE.set(engine);
    ticket.into_iter().for_each(|ticket| engine.ledger.rejoin(ticket));
    engine.ledger.adopt_inherited();
    atfork::register();
    // The handler that is registered first runs last. That of the loader, which runs all
    // destructors, is registered after the constructors.
    leave::register();
    // SAFETY: a plain function.
    unsafe { real::at_quick_exit(leave_quickly) };
}

fn is_secure() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

#[inline(never)]
fn reading(secure: bool) -> Reading {
    let lookup = |name: &str| if secure { None } else { std::env::var_os(name) };
    let reading = read(lookup);
    for warning in &reading.warnings {
        complain(&warning.to_string());
    }
    reading
}

/// What the stats file says of the process. A process that has more rights than its caller makes
/// no such file.
fn identity(reading: &Reading, secure: bool) -> Identity {
    let lines = KNOBS.iter().zip(&reading.shown).map(|(knob, (value, _))| format!("{}={value}\n", knob.env));
    let called = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&called).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = &reading.settings.stats_dir;
    Identity {
        is_published: reading.settings.stats && !secure,
        program,
        settings: lines.collect(),
        directory: (!directory.is_empty()).then(|| CString::new(directory.as_str()).ok()).flatten(),
    }
}

/// Everything that a process writes to, in one page: a fork child copies only that page.
#[repr(align(4096))]
struct Page {
    engine: OnceLock<Engine>,
    ledger: Ledger,
    context: OnceLock<Context>,
}

const _: () = assert!(size_of::<Page>() == 4096, "more than a page");

static PAGE: Page = Page { engine: OnceLock::new(), ledger: Ledger::new(), context: OnceLock::new() };

#[inline(never)]
fn engine(reading: Reading, secure: bool, capacity: u32) -> &'static Engine {
    let counters = Counters::new(identity(&reading, secure));
    // They are never written to: so they are not in that page.
    let settings = Box::leak(Box::new(reading.settings));
    let (log, fell_back) = Log::open(settings);
    if fell_back {
        complain(&format!("softclose: SOFTCLOSE_LOG_FILE={:?} cannot be opened; using stderr", settings.log_file));
    }
    let Page { engine, ledger, context } = &PAGE;
    discard::begin();
    valgrind::is_lock_free((&raw const PAGE).addr(), size_of::<Page>());
    let finisher = if secure { None } else { finisher() };
    let processors = processors();
    let context = context.get_or_init(|| Context { settings, counters, log, host: host::HOST, finisher, processors });
    ledger.begin(capacity);
    ledger.set_users(users());
    let drain = Drain::new(context, ledger);
    let (rehearsal, rings, refs, presence) = (Rehearsal::new(), UnseenRings::new(), Refs::new(), Presence::new());
    engine.get_or_init(|| Engine { context, ledger, drain, rehearsal, rings, refs, presence })
}

/// The directory of this library, where `softclose-drain` lies as well.
fn finisher() -> Option<&'static KnownDirectory> {
    let library = std::path::absolute(own_path()?).ok()?;
    let home = CString::new(library.parent()?.as_os_str().as_bytes()).ok()?;
    Some(Box::leak(Box::new(KnownDirectory::at(home)?)))
}

/// The path by which the loader has found this library.
fn own_path() -> Option<&'static Path> {
    let mut found = MaybeUninit::<libc::Dl_info>::zeroed();
    let here = construct as extern "C" fn();
    // SAFETY: the address of a function of ours, and room for the answer; the name lives as
    // long as the library.
    let name = unsafe {
        let is_found = libc::dladdr(here as *const c_void, found.as_mut_ptr()) != 0;
        let name = found.assume_init().dli_fname;
        (is_found && !name.is_null()).then(|| CStr::from_ptr(name))?
    };
    Some(Path::new(OsStr::from_bytes(name.to_bytes())))
}

/// The processors on which the process may run, before the program can have changed that.
fn processors() -> &'static [u8] {
    schedule::affinity(&mut [0; 256]).to_vec().leak()
}

fn complain(line: &str) {
    log::complain(&format!("{line}\n"));
}

fn limit_of(resource: libc::__rlimit_resource_t) -> libc::rlimit {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer; on failure the limit stays 0.
    unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit
}

/// The real, effective and saved user when the program was executed: the saved one is a copy of
/// the effective one.
fn users() -> [u32; 3] {
    // SAFETY: no preconditions.
    let [real, effective] = [libc::AT_UID, libc::AT_EUID].map(|kind| unsafe { libc::getauxval(kind) } as u32);
    [real, effective, effective]
}

/// How many descriptor numbers are followed: the hard limit of the process, but at least 1,024 and
/// at most 262,144.
/// The memory for them is mapped at the first connection, and its pages are touched as they are
/// used.
///
/// Where the address space is limited (`ulimit -v`), that memory may take a sixteenth of it. `None`
/// where that is not enough; then every hook passes through.
///
/// Of a limit on private memory (`ulimit -d`) only what is used counts: stacks of two threads, and a
/// piece of each table. `None` where that is more than a thirty-second of it.
fn capacity() -> Option<u32> {
    /// For held sockets, private numbers and the stack of a thread.
    const FIXED: u64 = 6 << 20;
    const EACH: u64 = 80;
    const LEAST: u64 = 1024;
    const USED: u64 = 384 << 10;
    let space = limit_of(libc::RLIMIT_AS).rlim_cur;
    let room = if space == libc::RLIM_INFINITY { space } else { (space / 16).saturating_sub(FIXED) / EACH };
    let capacity = limit_of(libc::RLIMIT_NOFILE).rlim_max.clamp(LEAST, 1 << 18).min(room);
    let has_memory = limit_of(libc::RLIMIT_DATA).rlim_cur / 32 >= USED;
    (has_memory && capacity >= LEAST).then_some(capacity as u32)
}

extern "C" fn leave_quickly(_: *mut c_void, status: c_int) {
    leave(Exit::AtOnce(status));
}
