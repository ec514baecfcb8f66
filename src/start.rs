//! The beginning and the end of the process.
//!
//! In a program for musl, which inherits `LD_PRELOAD` from one for glibc, every hook passes
//! through: all of libc that musl lacks is looked up, none of it asked for by name.
//!
//! The constructor is the only code of the shim that allocates: it reads the
//! settings, resolves every symbol and builds the engine. It opens no
//! descriptor (unless a log file is asked for), starts no thread and installs no
//! signal handler. Bad settings are reported, never fatal.

use crate::hooks;
use crate::sys::guard::ENGINE;
use crate::sys::leave::{self, leave};
use crate::sys::{atfork, host, real, tls};
use softclose_core::common::Common;
use softclose_core::counters::Counters;
use softclose_core::counters::founding::Identity;
use softclose_core::drain::Drain;
use softclose_core::engine::Engine;
use softclose_core::engine::exit::Exit;
use softclose_core::ledger::Ledger;
use softclose_core::log::{self, Log};
use softclose_core::settings::knobs::KNOBS;
use softclose_core::settings::{Reading, read};
use softclose_core::sip;
use softclose_core::sys::rehearsal::Rehearsal;
use softclose_core::sys::{clock, valgrind};
use std::ffi::CString;
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
    hooks::touch_redhook();
    let secure = is_secure();
    let reading = reading(secure);
    let Some(capacity) = capacity().filter(|_| !reading.settings.disable) else { return };
    host::resolve();
    clock::resolve();
    // Nobody else can have set it.
    let _ = ENGINE.set(engine(reading, secure, capacity));
    atfork::register();
    // What is registered first runs last: the loader's own handler, which runs all
    // destructors, comes after the constructors.
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
    let lookup = |name: &str| {
        if secure { None } else { std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()) }
    };
    let reading = read(lookup);
    for warning in &reading.warnings {
        complain(&warning.to_string());
    }
    reading
}

/// What others may read of the process. Of one with more rights than its caller has,
/// nothing.
fn identity(reading: &Reading, secure: bool) -> Identity {
    let lines = KNOBS.iter().zip(&reading.shown).map(|(knob, (value, _))| format!("{}={value}\n", knob.env));
    let called = std::env::args_os().next().unwrap_or_default();
    let program = Path::new(&called).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let directory = &reading.settings.stats_dir;
    Identity {
        is_shown: reading.settings.stats && !secure,
        program,
        settings: lines.collect(),
        directory: (!directory.is_empty()).then(|| CString::new(directory.as_str()).ok()).flatten(),
    }
}

/// Everything that a process writes to, in one page: a fork child copies one.
#[repr(align(4096))]
struct Home {
    engine: OnceLock<Engine>,
    ledger: Ledger,
    common: OnceLock<Common>,
}

const _: () = assert!(size_of::<Home>() == 4096, "more than a page");

static HOME: Home = Home { engine: OnceLock::new(), ledger: Ledger::new(), common: OnceLock::new() };

#[inline(never)]
fn engine(reading: Reading, secure: bool, capacity: u32) -> &'static Engine {
    let counters = Counters::new(identity(&reading, secure));
    // Nobody writes to them: they are not in that page.
    let settings = Box::leak(Box::new(reading.settings));
    let (log, fell_back) = Log::open(settings);
    if fell_back {
        complain(&format!("softclose: SOFTCLOSE_LOG_FILE={:?} cannot be opened; using stderr", settings.log_file));
    }
    let Home { engine, ledger, common } = &HOME;
    sip::begin();
    valgrind::is_lock_free((&raw const HOME).addr(), size_of::<Home>());
    let common = common.get_or_init(|| Common { settings, counters, log, host: host::HOST });
    ledger.begin(capacity);
    let drain = Drain::new(common, ledger);
    engine.get_or_init(|| Engine { common, ledger, drain, rehearsal: Rehearsal::new() })
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

/// How many descriptor numbers are kept track of: as many as there can be, within
/// reason. The memory is mapped at the first connection, and touched as used.
///
/// The program must not miss what that takes of its address space (`ulimit -v`): of a
/// sixteenth. `None` where that is too little; then every hook passes through.
fn capacity() -> Option<u32> {
    /// Held sockets, private numbers and a thread's stack.
    const FIXED: u64 = 6 << 20;
    const EACH: u64 = 80;
    const LEAST: u64 = 1024;
    let space = limit_of(libc::RLIMIT_AS).rlim_cur;
    let room = if space == libc::RLIM_INFINITY { space } else { (space / 16).saturating_sub(FIXED) / EACH };
    let capacity = limit_of(libc::RLIMIT_NOFILE).rlim_max.clamp(LEAST, 1 << 18).min(room);
    (capacity >= LEAST).then_some(capacity as u32)
}

extern "C" fn leave_quickly() {
    leave(Exit::AtOnce);
}
