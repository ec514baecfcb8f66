//! The constructor: it reads the settings, looks up libc's functions, builds the engine, and
//! registers what runs at the end of the process.
//!
//! It is the only code of the shim that allocates. It opens no descriptor (unless a log file is
//! asked for), starts no thread, and installs no signal handler. A bad setting is reported and
//! never ends the program.
//!
//! The library imports by name only what glibc and musl have, so that either loader can load it. With
//! another libc every hook passes through.

use crate::sys::filled::Filled;
use crate::sys::guard::ENGINE;
use crate::sys::leave;
use crate::sys::libc_kind::{self, Libc};
use crate::sys::real::{Libraries, Name};
use crate::sys::{atfork, environment, errno, host, machine, real};
use core::ffi::{c_char, c_int, c_void};
use softclose_core::context::Context;
use softclose_core::counters::Counters;
use softclose_core::counters::stats_file::Identity;
use softclose_core::discard;
use softclose_core::drain::Drain;
use softclose_core::engine::Engine;
use softclose_core::holders::ledger::Ledger;
use softclose_core::holders::refs::Refs;
use softclose_core::log::{self, Log};
use softclose_core::presence::Presence;
use softclose_core::settings::knobs::KNOBS;
use softclose_core::settings::{Settings, read};
use softclose_core::sys::known_directory::KnownDirectory;
use softclose_core::sys::rehearsal::Rehearsal;
use softclose_core::sys::ring::UnseenRings;
use softclose_core::sys::{clock, schedule, valgrind};
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr};
use std::os::unix::ffi::OsStrExt;

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: Constructor = construct;

/// What glibc's loader calls: with the arguments and the environment of the program. musl's passes nothing.
type Constructor = extern "C" fn(c_int, *const *const c_char);

extern "C" fn construct(count: c_int, arguments: *const *const c_char) {
    let Some((libc, libraries)) = find_functions() else { return };
    let own_path = libraries.own_path();
    let secure = is_secure();
    environment::note_stack(limit_of(libc::RLIMIT_STACK).rlim_cur);
    let space = limit_of(libc::RLIMIT_AS).rlim_cur;
    // The shared memory takes as much address space as in the process that made it.
    let has_space = space == libc::RLIM_INFINITY;
    let ticket = environment::take_ticket();
    environment::note_preload(own_path.map(CStr::to_bytes));
    let (settings, shown) = settings(secure);
    let Some(capacity) = capacity(space).filter(|_| !settings.disable) else { return };
    let identity = identity(settings, shown, called(libc, libraries, count, arguments), secure);
    let finisher = own_path.filter(|_| !secure).and_then(finisher);
    let engine = engine(settings, identity, finisher, capacity);
    // It cannot have been set before.
    let _ = ENGINE.set(engine);
    engine.ledger.begin_program(ticket, !secure && has_space);
    atfork::register();
    // The handler that is registered first runs last. That of the loader, which runs all
    // destructors, is registered after the constructors.
    leave::register();
    leave::register_quick();
}

fn is_secure() -> bool {
    // SAFETY: no preconditions.
    unsafe { libc::getauxval(libc::AT_SECURE) != 0 }
}

/// Looks up libc's functions. Answers which libc it is, and the libraries; `None` where libc is unknown.
#[inline(never)]
fn find_functions() -> Option<(Libc, &'static Libraries)> {
    let libraries = real::resolve((construct as Constructor as *const c_void).addr());
    let libc = libc_kind::resolve(libraries)?;
    errno::resolve(libraries);
    machine::resolve(libraries);
    host::resolve(libraries, libc);
    clock::resolve(libraries.find_anywhere(const { Name::new(machine::CLOCK_GETTIME) }));
    Some((libc, libraries))
}

/// The settings, and how they are shown where a variable is set. Most programs set none.
fn settings(secure: bool) -> (&'static Settings, Option<String>) {
    static DEFAULT: Settings = Settings::DEFAULT;
    if secure || !environment::has_settings() { (&DEFAULT, None) } else { read_settings() }
}

#[inline(never)]
fn read_settings() -> (&'static Settings, Option<String>) {
    let reading = read(|name: &str| std::env::var_os(name));
    for warning in &reading.warnings {
        complain(&warning.to_string());
    }
    let lines = KNOBS.iter().zip(&reading.shown).map(|(knob, (value, _))| format!("{}={value}\n", knob.env));
    let shown = lines.collect();
    // They are never written to: so they are not in the page that is.
    (Box::leak(Box::new(reading.settings)), Some(shown))
}

/// The name by which the program was called, without its directory.
fn called(libc: Libc, libraries: &Libraries, count: c_int, arguments: *const *const c_char) -> Vec<u8> {
    let first = match libc {
        Libc::Musl => host::program_name(libraries),
        Libc::Glibc if count == 0 => core::ptr::null(),
        // SAFETY: the arguments of the program. A constructor before ours may have taken the first away.
        Libc::Glibc => unsafe { *arguments },
    };
    if first.is_null() {
        return Vec::new();
    }
    // SAFETY: it is terminated.
    let called = unsafe { CStr::from_ptr(first) }.to_bytes();
    called.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec()
}

/// What the stats file says of the process. A process that has more rights than its caller makes
/// no such file.
fn identity(settings: &Settings, shown: Option<String>, program: Vec<u8>, secure: bool) -> Identity {
    let directory = &settings.stats_dir;
    Identity {
        is_published: settings.stats && !secure,
        program,
        settings: shown,
        directory: (!directory.is_empty()).then(|| CString::new(directory.as_str()).ok()).flatten(),
    }
}

/// Everything that a process writes to, in one page: a fork child copies only that page.
#[repr(align(4096))]
struct Page {
    engine: Filled<Engine>,
    ledger: Ledger,
    context: Filled<Context>,
}

const _: () = assert!(size_of::<Page>() == 4096, "more than a page");

static PAGE: Page = Page { engine: Filled::new(), ledger: Ledger::new(), context: Filled::new() };

#[inline(never)]
fn engine(
    settings: &'static Settings,
    identity: Identity,
    finisher: Option<&'static KnownDirectory>,
    capacity: u32,
) -> &'static Engine {
    let counters = Counters::new(identity);
    let (log, fell_back) = Log::open(settings);
    if fell_back {
        complain(&format!("softclose: SOFTCLOSE_LOG_FILE={:?} cannot be opened; using stderr", settings.log_file));
    }
    let Page { engine, ledger, context } = &PAGE;
    discard::begin();
    valgrind::is_lock_free((&raw const PAGE).addr(), size_of::<Page>());
    let processors = processors();
    // SAFETY: the constructor runs once.
    let context = unsafe { context.fill(Context { settings, counters, log, host: host::HOST, finisher, processors }) };
    ledger.begin(capacity);
    ledger.set_users(users());
    let drain = Drain::new(context, ledger);
    let (rehearsal, rings, refs, presence) = (Rehearsal::new(), UnseenRings::new(), Refs::new(), Presence::new());
    // SAFETY: as above.
    unsafe { engine.fill(Engine { context, ledger, drain, rehearsal, rings, refs, presence }) }
}

/// The directory of this library, where `softclose-drain` lies as well.
fn finisher(library: &'static CStr) -> Option<&'static KnownDirectory> {
    let library = library.to_bytes();
    let end = library.iter().rposition(|&byte| byte == b'/').filter(|_| library.starts_with(b"/"));
    let home = end.map_or_else(|| home_of_relative(library), |end| library.get(..end.max(1)).map(Cow::Borrowed))?;
    let home = [&*home, &[0]].concat();
    // SAFETY: a part of a path, which has no zero byte, and one behind it.
    let home = unsafe { CStr::from_bytes_with_nul_unchecked(home.leak()) };
    Some(Box::leak(Box::new(KnownDirectory::at(home)?)))
}

#[cold]
fn home_of_relative(library: &[u8]) -> Option<Cow<'static, [u8]>> {
    let library = std::path::absolute(OsStr::from_bytes(library)).ok()?;
    Some(library.parent()?.as_os_str().as_bytes().to_vec().into())
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
/// The memory for them is mapped at the first connection, and its pages are touched as they are used.
///
/// Where the address space is limited (`ulimit -v`) to `space` bytes, that memory may take a sixteenth
/// of it. `None` where that is not enough; then every hook passes through.
///
/// Of a limit on private memory (`ulimit -d`) only what is used counts: stacks of two threads, and a
/// piece of each table. `None` where that is more than a thirty-second of it.
fn capacity(space: u64) -> Option<u32> {
    /// For held sockets, private numbers and the stack of a thread.
    const FIXED: u64 = 6 << 20;
    const EACH: u64 = 80;
    const LEAST: u64 = 1024;
    const USED: u64 = 384 << 10;
    let room = if space == libc::RLIM_INFINITY { space } else { (space / 16).saturating_sub(FIXED) / EACH };
    let capacity = limit_of(libc::RLIMIT_NOFILE).rlim_max.clamp(LEAST, 1 << 18).min(room);
    let has_memory = limit_of(libc::RLIMIT_DATA).rlim_cur / 32 >= USED;
    (has_memory && capacity >= LEAST).then_some(capacity as u32)
}
