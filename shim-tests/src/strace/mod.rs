//! The system calls of a program, as strace(1) lists them: counted one by one, and by the
//! thread that made them.

mod line;

pub use line::{Event, StraceLine};

use crate::arena::Arena;
use crate::installed::is_missing;
use crate::program::Program;
use crate::scratch::Scratch;
use crate::shim::Shim;
use crate::victim::Victim;
use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// A thread of the program, or a child of it.
    Program,
    /// softclose's thread.
    Thread,
}

/// How often each call was made. Some calls are counted for each of their options: `getsockopt
/// SO_COOKIE`.
pub type Calls = BTreeMap<(Caller, String), u64>;

/// An arena for a run under strace. `None` where there is no strace or no arena: then it is said
/// that `test` is skipped.
pub fn arena_or_skip(test: &str) -> Option<Arena> {
    if is_missing(test, "strace") { None } else { Arena::or_skip(test) }
}

/// Runs `victim` to its end and answers what it called.
pub fn calls_of(victim: &Victim, arena: &Arena, shim: Shim) -> Calls {
    let traced = Traced::of(victim);
    traced.start(arena, shim).finish();
    traced.calls()
}

/// A victim under strace.
pub struct Traced {
    victim: Victim,
    list: PathBuf,
    _directory: Scratch,
}

impl Traced {
    /// A victim that is to be run under strace.
    pub fn of(victim: &Victim) -> Self {
        let directory = Scratch::directory();
        let list = directory.path().join("calls");
        let words = ["strace", "-f", "-qq", "-e", "signal=none", "-o", list.to_str().expect("a plain path")];
        Self { victim: victim.clone().under(words), list, _directory: directory }
    }

    /// Starts it in `arena`.
    pub fn start(&self, arena: &Arena, shim: Shim) -> Program {
        self.victim.start(arena, shim)
    }

    /// What it called, from its start to its end.
    pub fn calls(&self) -> Calls {
        read(&self.text())
    }

    /// How often the program looked at the open descriptors of a process, in `/proc/PID/fd`.
    pub fn looks(&self) -> usize {
        self.text().lines().filter(|line| is_look(line)).count()
    }

    /// As [`Traced::looks`], but only the looks on the program's own threads, where the descriptor
    /// that they take is visible to it.
    pub fn looks_of_program(&self) -> usize {
        let text = self.text();
        let threads = bare_threads(&text);
        let is_program = |line: &str| StraceLine::parse(line).is_some_and(|line| !threads.contains(&line.thread));
        text.lines().filter(|line| is_look(line) && is_program(line)).count()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.list).expect("strace wrote it")
    }
}

fn is_look(line: &str) -> bool {
    let name = line.split_once("openat(").and_then(|(_, rest)| rest.split('"').nth(1)).unwrap_or_default();
    name.strip_suffix("/fd").is_some_and(|pid| pid.ends_with(|end: char| end.is_ascii_digit()))
}

fn read(text: &str) -> Calls {
    let (mut calls, threads) = (Calls::new(), bare_threads(text));
    for line in text.lines().filter_map(StraceLine::parse) {
        if let Event::Call { name, arguments, .. } = line.event {
            let caller = if threads.contains(&line.thread) { Caller::Thread } else { Caller::Program };
            *calls.entry((caller, with_option(name, arguments))).or_default() += 1;
        }
    }
    calls
}

/// The ids of softclose's threads. A line of such a thread may come before the call that
/// makes it has returned.
fn bare_threads(text: &str) -> HashSet<u32> {
    let (mut threads, mut begun) = (HashSet::new(), HashSet::new());
    for line in text.lines().filter_map(StraceLine::parse) {
        let result = match line.event {
            Event::Call { name, arguments, result } if is_bare_thread(name, arguments) => {
                begun.insert(line.thread);
                result
            }
            Event::Resumed { name: "clone", result } if begun.contains(&line.thread) => Some(result),
            _ => None,
        };
        if let Some(result) = result {
            begun.remove(&line.thread);
            threads.extend(result.parse::<u32>());
        }
    }
    threads
}

/// glibc makes its threads by `clone3` (2.34 and later), softclose its own by `clone`.
fn is_bare_thread(name: &str, arguments: &str) -> bool {
    name == "clone" && arguments.contains("CLONE_THREAD")
}

/// The name of a call, with its option if it does something else with each option.
fn with_option(name: &str, arguments: &str) -> String {
    let place = match name {
        "getsockopt" | "setsockopt" => 2,
        "fcntl" | "ioctl" => 1,
        _ => return name.to_owned(),
    };
    let option = arguments.split([',', ' ', ')']).filter(|word| !word.is_empty()).nth(place).unwrap_or_default();
    format!("{name} {option}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_by_the_thread_that_made_them() {
        let text = "\
10 clone(child_stack=0x7f, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD <unfinished ...>
10 <... clone resumed>)              = 11
11 epoll_wait(9,  <unfinished ...>
10 clone3({flags=CLONE_VM|CLONE_THREAD|CLONE_SETTLS, ...} => {parent_tid=[12]}, 88) = 12
12 close(4) = 0
12 fcntl(4, F_GETSIG) = 0
12 getsockopt(4, SOL_SOCKET, SO_COOKIE, [1], [8]) = 0
11 <... epoll_wait resumed>[], 5, 1) = 0
11 close(3) = 0
";
        let calls = read(text);
        let count = |caller, name: &str| calls.get(&(caller, name.to_owned())).copied().unwrap_or(0);
        assert_eq!(count(Caller::Program, "close"), 1);
        assert_eq!(count(Caller::Thread, "close"), 1);
        assert_eq!(count(Caller::Thread, "epoll_wait"), 1);
        assert_eq!(count(Caller::Program, "fcntl F_GETSIG"), 1);
        assert_eq!(count(Caller::Program, "getsockopt SO_COOKIE"), 1);
        assert_eq!(count(Caller::Program, "clone") + count(Caller::Program, "clone3"), 2);
    }
}
