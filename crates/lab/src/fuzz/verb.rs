//! The table of everything that an actor or the peer can do.
//!
//! A verb has the same name in `victims/interpreter.c`.

/// What an argument stands for. It decides where its value comes from, and its letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arg {
    /// A variable, most often of a connection.
    Any,
    /// A variable that gets a connection.
    Target,
    /// A variable for what is no connection.
    Other,
    /// The variable of the epoll set, most often.
    Set,
    /// The variable of the listener, most often.
    Listener,
    /// A stream.
    Stream,
    /// An actor that is to be born.
    Actor,
    /// A connection, as the peer counts them.
    Link,
    /// A choice among so many.
    Below(i32),
    /// Bytes that an actor writes.
    Much,
    /// Bytes that the peer sends, or that are read.
    Little,
}

impl Arg {
    /// The letter before the number in the text of a program.
    pub fn letter(self) -> &'static str {
        match self {
            Self::Any | Self::Target | Self::Other | Self::Set | Self::Listener => "v",
            Self::Stream => "s",
            Self::Actor => "a",
            Self::Link => "k",
            Self::Below(_) | Self::Much | Self::Little => "",
        }
    }
}

/// Which process does what a verb says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// An actor.
    Actor,
    /// The director, as the peer.
    Peer,
}

/// One row of the table.
#[derive(Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its name.
    pub name: &'static str,
    /// Whether an actor or the peer does it.
    pub doer: Doer,
    /// How often it is chosen, in proportion to the others.
    pub weight: u32,
    /// Its arguments.
    pub args: &'static [Arg],
}

/// Variables of an actor; `victims/stage.h` has the same.
pub const VARS: usize = 10;
/// Actors; `victims/stage.h` has the same.
pub const ACTORS: usize = 8;
/// Streams of an actor; `victims/acts_processes.h` has the same.
pub const STREAMS: usize = 3;
/// How an actor ends, in the order of `end` in `victims/interpreter.c`.
pub const ENDINGS: [&str; 8] = ["exit", "_exit", "quick_exit", "pthread_exit", "exit_group", "kill", "abort", "return"];

const fn act(name: &'static str, weight: u32, args: &'static [Arg]) -> Verb {
    Verb { name, doer: Doer::Actor, weight, args }
}

const fn peer(name: &'static str, weight: u32, args: &'static [Arg]) -> Verb {
    Verb { name, doer: Doer::Peer, weight, args }
}

use Arg::{Actor, Any, Below, Link, Listener, Little, Much, Other, Set, Stream, Target};

/// Every verb.
pub static VERBS: &[Verb] = &[
    act("listen", 1, &[Listener]),
    act("accept", 10, &[Target, Listener, Below(2)]),
    act("connect", 5, &[Target, Below(2)]),
    act("socket", 1, &[Other, Below(3)]),
    act("pair", 2, &[Other, Other]),
    act("unix", 1, &[Other, Other, Below(4)]),
    act("pipe", 1, &[Other, Other]),
    act("open", 1, &[Other, Below(2)]),
    act("eventfd", 1, &[Other]),
    act("epoll", 2, &[Set, Below(2)]),
    act("dup", 6, &[Any, Any]),
    act("dup2", 5, &[Any, Any]),
    act("dup3", 2, &[Any, Any, Below(2)]),
    act("sysdup", 1, &[Any, Any]),
    act("sysdup2", 1, &[Any, Any]),
    act("dupfd", 2, &[Any, Any, Below(2)]),
    act("close", 14, &[Any]),
    act("sysclose", 3, &[Any]),
    act("rawclose", 1, &[Any]),
    act("closerange", 3, &[Any, Any, Below(2), Below(4)]),
    act("sysrange", 1, &[Any, Any, Below(2), Below(4)]),
    act("closefrom", 1, &[Any]),
    act("shutdown", 3, &[Any, Below(3)]),
    act("linger", 2, &[Any, Below(2), Below(2)]),
    act("nonblock", 1, &[Any, Below(2)]),
    act("cloexec", 2, &[Any, Below(2)]),
    act("write", 10, &[Any, Much]),
    act("recv", 4, &[Any, Little]),
    act("read", 1, &[Any, Little]),
    act("poll", 2, &[Any]),
    act("ctl", 5, &[Set, Below(3), Any, Below(6)]),
    act("wait", 4, &[Set]),
    act("fdopen", 3, &[Stream, Any]),
    act("fwrite", 4, &[Stream, Little]),
    act("fflush", 1, &[Stream]),
    act("fclose", 3, &[Stream]),
    act("freopen", 1, &[Stream]),
    act("popen", 1, &[Stream]),
    act("pclose", 1, &[Stream]),
    act("scmsend", 2, &[Other, Any]),
    act("scmtwo", 1, &[Other, Any, Any]),
    act("scmrecv", 2, &[Any, Other, Below(6)]),
    act("fork", 5, &[Actor, Below(2)]),
    act("thread", 3, &[Actor]),
    act("spawn", 1, &[Actor, Below(2)]),
    act("vspawn", 1, &[Actor, Below(2)]),
    act("forkexec", 1, &[Actor, Below(2)]),
    act("system", 1, &[]),
    act("vfork", 1, &[Below(3), Any]),
    act("spawnon", 1, &[Any, Below(2)]),
    act("exec", 1, &[Below(6)]),
    act("reap", 2, &[]),
    act("rawepoll", 1, &[Set]),
    act("rawctl", 1, &[Set, Below(3), Any]),
    act("addclose", 1, &[Set, Below(16)]),
    act("jumpclose", 1, &[Any, Below(6)]),
    act("ring", 1, &[Other, Below(2)]),
    act("submit", 2, &[Any, Below(4), Much, Below(2)]),
    act("ringctl", 1, &[Set, Below(3), Any, Below(2)]),
    act("map", 1, &[Any]),
    act("leave", 1, &[Below(3), Below(3)]),
    act("end", 4, &[Below(ENDINGS.len() as i32), Below(3)]),
    peer("inetd", 0, &[Below(2)]),
    peer("psend", 8, &[Link, Little]),
    peer("pread", 1, &[Link, Little]),
    peer("pfin", 1, &[Link]),
    peer("pgone", 1, &[Link, Below(2)]),
    peer("check", 2, &[Link]),
    peer("probe", 1, &[]),
];

impl Verb {
    /// The row of that name.
    pub fn named(name: &str) -> Option<&'static Self> {
        VERBS.iter().find(|verb| verb.name == name)
    }

    /// Whether it makes another actor, which is its first argument.
    pub fn bears(&self) -> bool {
        self.args.first() == Some(&Arg::Actor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the text of a program the word is all there is.
    #[test]
    fn no_two_verbs_have_the_same_name() {
        for verb in VERBS {
            assert_eq!(Verb::named(verb.name), Some(verb));
        }
    }

    #[test]
    fn the_interpreter_knows_every_verb() {
        let source = std::fs::read_to_string(shim_tests::victim::source("interpreter.c")).unwrap();
        for verb in VERBS.iter().filter(|verb| verb.doer == Doer::Actor) {
            assert!(source.contains(&format!("\"{}\"", verb.name)), "{}", verb.name);
        }
    }
}
