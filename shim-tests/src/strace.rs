//! System calls of a program, counted one by one, and by who made them.

use crate::arena::Arena;
use crate::program::Program;
use crate::scratch::Scratch;
use crate::shim::Shim;
use crate::victim::Victim;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Caller {
    /// A thread of the program, or a child of it.
    Program,
    /// softclose's thread.
    Thread,
}

/// How often each call was made; of some, with each option.
pub type Calls = BTreeMap<(Caller, String), u64>;

/// A victim under strace.
pub struct Traced {
    victim: Victim,
    list: PathBuf,
    _directory: Scratch,
}

impl Traced {
    /// Not started yet.
    pub fn of(victim: &Victim) -> Self {
        let directory = Scratch::directory();
        let list = directory.path().join("calls");
        let words = ["strace", "-f", "-qq", "-e", "signal=none", "-o", list.to_str().expect("a plain path")];
        Self { victim: victim.clone().under(words), list, _directory: directory }
    }

    /// Starts it.
    pub fn start(&self, arena: &Arena, shim: Shim) -> Program {
        self.victim.start(arena, shim)
    }

    /// What it called, from its start to its end.
    pub fn calls(&self) -> Calls {
        read(&self.text())
    }

    /// How often it looked at what another process has open.
    pub fn looks(&self) -> usize {
        self.text().lines().filter(|line| is_look(line)).count()
    }

    /// The same, where the program could see it: on one of its own threads.
    pub fn looks_of_program(&self) -> usize {
        let text = self.text();
        let threads = bare_threads(&text);
        let is_program = |line: &str| line.split_once(' ').is_some_and(|(pid, _)| !threads.contains(pid));
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
    for (pid, call) in text.lines().filter_map(|line| line.split_once(' ')) {
        if let Some((name, arguments)) = call.trim_start().split_once('(').filter(|(name, _)| is_name(name)) {
            let caller = if threads.contains(pid) { Caller::Thread } else { Caller::Program };
            *calls.entry((caller, with_option(name, arguments))).or_default() += 1;
        }
    }
    calls
}

/// The ids of softclose's threads: one may be heard of before the call that makes it returns.
fn bare_threads(text: &str) -> HashSet<&str> {
    let (mut threads, mut begun) = (HashSet::new(), HashMap::new());
    for (pid, call) in text.lines().filter_map(|line| line.split_once(' ')) {
        let call = call.trim_start();
        if call.starts_with("clone") {
            begun.insert(pid, is_bare_thread(call));
        }
        if call.contains("clone")
            && begun.get(pid) == Some(&true)
            && let Some(thread) = call.rsplit("= ").next().filter(|word| word.chars().all(|c| c.is_ascii_digit()))
        {
            threads.insert(thread);
        }
    }
    threads
}

/// glibc makes its threads by `clone3` (2.34 and later), softclose its own by `clone`.
fn is_bare_thread(call: &str) -> bool {
    call.starts_with("clone(") && call.contains("CLONE_THREAD")
}

/// These do something else with each option: `getsockopt SO_COOKIE`.
fn with_option(name: &str, arguments: &str) -> String {
    let place = match name {
        "getsockopt" | "setsockopt" => 2,
        "fcntl" | "ioctl" => 1,
        _ => return name.to_owned(),
    };
    let option = arguments.split([',', ' ', ')']).filter(|word| !word.is_empty()).nth(place).unwrap_or_default();
    format!("{name} {option}")
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
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
