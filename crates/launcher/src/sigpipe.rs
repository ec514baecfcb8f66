//! An ignored SIGPIPE stays ignored in the command.
//!
//! systemd starts services with SIGPIPE ignored (`IgnoreSIGPIPE=yes` is its default). Some servers
//! need that: with the default action, their first write to a peer that is gone kills them. Rust's
//! start-up code overwrites the inherited disposition before `main`, and `Command::exec` sets the
//! default action. So a constructor reads the disposition before the first, and a closure puts it
//! back after the second.
//!
//! # Safety
//!
//! [`look`] runs before Rust's runtime is set up: it makes one system call and
//! stores one bool. The closure of [`hand_on`] runs in this very process just
//! before the exec, as `exec` forks nothing, and only calls `signal(2)`.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Relaxed: written before there is a second thread, read by the first one.
static IGNORED: AtomicBool = AtomicBool::new(false);

// SAFETY: the C library calls the functions listed there once, in this
// signature (its three arguments can be left unread).
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

extern "C" fn look() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null pointer for the new action changes nothing; all zeroes are
    // a valid sigaction, in case that the call fails.
    let action = unsafe {
        libc::sigaction(libc::SIGPIPE, ptr::null(), action.as_mut_ptr());
        action.assume_init()
    };
    IGNORED.store(action.sa_sigaction == libc::SIG_IGN, Ordering::Relaxed);
}

/// Has the command ignore SIGPIPE if our parent had us ignore it.
pub fn hand_on(command: &mut Command) -> &mut Command {
    if !IGNORED.load(Ordering::Relaxed) {
        return command;
    }
    let ignore = || {
        // SAFETY: signal(2) is async-signal-safe, and SIG_IGN is no handler.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
        Ok(())
    };
    // SAFETY: see above; the closure neither allocates nor takes a lock.
    unsafe { command.pre_exec(ignore) }
}
