//! What softclose costs, as far as it can be counted. Times are measured by `make
//! bench`, and never asserted.

use shim_tests::arena::Arena;
use shim_tests::compat::install::find;
use shim_tests::shim::Shim;
use shim_tests::strace::Traced;
use shim_tests::victim::Victim;
use shim_tests::{here, skip};

/// Pairs of `open` and `close` in the shorter of two runs.
const PAIRS: u64 = 100;

/// All calls of a run.
fn calls(arena: &Arena, pairs: u64, shim: Shim) -> u64 {
    let traced = Traced::of(&Victim::c("bench_files").arg(pairs.to_string()).arg("alone"));
    traced.start(arena, shim).finish();
    traced.calls().values().sum()
}

/// Two runs, so that what the start of the program takes is not among them.
#[test]
fn the_close_of_a_file_is_at_most_one_system_call_more() {
    if find("strace").is_none() {
        return skip(here!(), "no strace");
    }
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let [native, shimmed] = Shim::BOTH.map(|shim| calls(&arena, 2 * PAIRS, shim) - calls(&arena, PAIRS, shim));
    assert_eq!(native, 2 * PAIRS, "an open and a close each, natively");
    assert!(shimmed <= native + PAIRS, "{shimmed} calls for {PAIRS} files, {native} natively");
}
