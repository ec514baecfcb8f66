//! A victim in other surroundings: namespaces, another procfs, another user, a filter.

use crate::arena::Arena;
use crate::shim::Shim;
use crate::skip;
use crate::victim::{Victim, compiled};

/// `victim`, run by `victims/inside.c` in the surroundings that `words` name.
pub fn inside(words: &[&str], victim: Victim) -> Victim {
    let program = compiled("inside").into_os_string();
    victim.under([program].into_iter().chain(words.iter().chain(&["--"]).map(Into::into)))
}

/// Whether this machine can make such surroundings. If not, it is said that `test` is skipped.
pub fn can(test: &str, words: &[&str]) -> bool {
    let Some(arena) = Arena::or_skip(test) else { return false };
    let finished = inside(words, Victim::c("plain_exit")).start(&arena, Shim::Native).finish();
    let refusal = finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: "));
    refusal.map(|reason| skip(test, reason)).is_none()
}
