//! Directs runs of random programs, and plays their peer: see `softclose_lab::fuzz`.
//!
//!     fuzz_peer INTERPRETER
//!
//! For each line `native CASE` or `shimmed CASE` it answers `outcome OUTCOME`.

use shim_tests::shim::Shim;
use softclose_lab::fuzz::direct::run;
use softclose_lab::fuzz::mailboxes::Mailboxes;
use softclose_lab::fuzz::process::Processes;
use std::io::{BufRead, Write};
use std::path::PathBuf;

fn main() {
    let interpreter = PathBuf::from(std::env::args_os().nth(1).expect("an interpreter"));
    let mailboxes = Mailboxes::new();
    Processes::adopt_orphans();
    inherit_nothing();
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let (word, case) = line.split_once(' ').expect("how to run it");
        let shim = if word == "native" { Shim::Native } else { Shim::Preloaded };
        let outcome = run(&mailboxes, &interpreter, &case.parse().expect("a case"), shim);
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "outcome {outcome}").and_then(|()| out.flush());
    }
}

/// Closes what the caller of this process has left open: a program must not inherit it.
fn inherit_nothing() {
    // SAFETY: no memory is passed.
    unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
}
