//! The beginning and the end of the process.
//!
//! The constructor is the only code of the shim that allocates: it reads the
//! settings, resolves every symbol and builds the engine. It opens no
//! descriptor (unless a log file is asked for), starts no thread and installs no
//! signal handler. Bad settings are reported, never fatal.

use crate::hooks;
use crate::sys::guard::ENGINE;
use crate::sys::leave::{self, leave};
use crate::sys::{atfork, host, real};
use core::ffi::c_int;
use softclose_core::common::Common;
use softclose_core::counters::Counters;
use softclose_core::counters::founding::Identity;
use softclose_core::drain::Drain;
use softclose_core::engine::Engine;
use softclose_core::engine::exit::Exit;
use softclose_core::ledger::Ledger;
use softclose_core::log::Log;
use softclose_core::settings::knobs::KNOBS;
use softclose_core::settings::{Reading, read};
use softclose_core::sys::clock;
use softclose_core::sys::rehearsal::Rehearsal;
use softclose_core::sys::ring::Rings;
use std::ffi::CString;
use std::path::Path;
use std::sync::OnceLock;

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = construct;

extern "C" fn construct() {
    hooks::touch_redhook();
    real::resolve_all();
    let secure = is_secure();
    let reading = reading(secure);
    if reading.settings.disable {
        return;
    }
    host::resolve();
    clock::resolve();
    // Nobody else can have set it.
    let _ = ENGINE.set(engine(reading, secure));
    atfork::register();
    // What is registered first runs last: the loader's own handler, which runs all
    // destructors, comes after the constructors.
    leave::register();
    // SAFETY: a plain function.
    unsafe { at_quick_exit(leave_quickly) };
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
fn engine(reading: Reading, secure: bool) -> &'static Engine {
    let counters = Counters::new(identity(&reading, secure));
    // Nobody writes to them: they are not in that page.
    let settings = Box::leak(Box::new(reading.settings));
    let (log, fell_back) = Log::open(settings);
    if fell_back {
        complain(&format!("softclose: SOFTCLOSE_LOG_FILE={:?} cannot be opened; using stderr", settings.log_file));
    }
    let Home { engine, ledger, common } = &HOME;
    let common = common.get_or_init(|| Common { settings, counters, log, host: host::HOST });
    ledger.begin(capacity());
    let drain = Drain::new(common, ledger);
    engine.get_or_init(|| Engine { common, ledger, drain, rehearsal: Rehearsal::new(), rings: Rings::new() })
}

fn complain(line: &str) {
    let line = format!("{line}\n");
    // SAFETY: a valid buffer. Where stderr is closed there is nobody to tell.
    unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
}

/// How many descriptor numbers are kept track of: as many as there can be, within
/// reason. The memory is mapped at the first connection, and touched as used.
fn capacity() -> u32 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid pointer; on failure the limit stays 0.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit.rlim_max.clamp(1024, 1 << 18) as u32
}

unsafe extern "C" {
    fn at_quick_exit(handler: extern "C" fn()) -> c_int;
}

extern "C" fn leave_quickly() {
    leave(Exit::AtOnce);
}
