//! Why softclose makes each system call that it makes.

use crate::measures::reasons::Paths::{Any, Exit, Judge, Life};
use shim_tests::strace::Caller;

/// Which paths a reason is good for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Paths {
    /// All paths.
    Any,
    /// Paths on which procfs is asked who holds a connection.
    Judge,
    /// Paths on which a process is made.
    Life,
    /// The start and the end of a program.
    Exit,
}

/// A call, the paths, who makes it, and why.
type Explanation = (&'static str, Paths, Caller, &'static str);

use Caller::{Program, Thread};

const REASONS: &[Explanation] = &[
    ("getpid", Any, Program, "whose memory this is: a `vfork` child, or one made by instruction, must not write to it"),
    ("getsockopt SO_PROTOCOL", Any, Program, "whether it is TCP: an accepted socket is what its listener was"),
    ("getsockopt SO_COOKIE", Any, Program, "which connection it is: numbers are used again, cookies are not"),
    (
        "getsockopt TCP_INFO",
        Any,
        Program,
        "one call that fails for what is no TCP socket, and says the state of one that is",
    ),
    ("getsockopt SO_LINGER", Any, Program, "what the program itself asked for, which goes first"),
    ("getsockopt TCP_REPAIR", Any, Program, "a connection that is being moved elsewhere must close silently"),
    ("ioctl FIONREAD", Any, Program, "how much is unread: to be discarded, or proof of a reader"),
    ("ioctl TIOCOUTQ", Any, Program, "whether a thread may still be writing: much that is unacknowledged"),
    ("ppoll", Any, Program, "the same: a full send buffer"),
    ("waitid", Any, Program, "whether there is a child that no hook saw, and that holds the connection too"),
    ("io_uring_enter", Any, Program, "whether this thread has a ring, in which a request may be pending"),
    ("clock_gettime", Any, Program, "when the drain is to end at the latest"),
    (
        "fcntl F_DUPFD_CLOEXEC",
        Any,
        Program,
        "the duplicate that the drain keeps, as the program's own number must be free",
    ),
    ("fcntl F_SETOWN", Any, Program, "the program gets no `SIGIO` for a connection that it has closed"),
    (
        "fcntl F_GETSIG",
        Any,
        Program,
        "whether the private number is still our epoll set: the program may have closed it",
    ),
    ("epoll_ctl", Any, Program, "the hand-over: the peer's FIN wakes the thread, and nobody else has to"),
    ("shutdown", Any, Program, "the FIN"),
    ("close", Any, Program, "what is discarded and closed at once, and what was opened to look"),
    ("futex", Any, Program, "the thread is told what it would oversleep"),
    ("clock_gettime", Any, Thread, "which bounds are over, once a harvest, and when it ends to rest"),
    ("close", Any, Thread, "the end of the drain"),
    ("epoll_pwait", Any, Thread, "the harvest: one for all that is ready"),
    ("epoll_ctl", Any, Thread, "watched again, after something but the FIN has come"),
    ("futex", Any, Thread, "the rest between two harvests"),
    ("fcntl F_GETSIG", Any, Thread, "whether its number is still its epoll set"),
    ("getsockopt SO_COOKIE", Any, Thread, "before each use, whether the private number is still the connection"),
    ("getsockopt TCP_INFO", Any, Thread, "whether somebody else reads the connection"),
    ("ioctl FIONREAD", Any, Thread, "the same: what is queued and what has come"),
    ("ioctl TIOCOUTQ", Any, Thread, "what the peer has not acknowledged, for the counters and the log"),
    ("recvfrom", Any, Thread, "discards, and finds the FIN"),
    ("setsockopt SO_RCVLOWAT", Any, Thread, "every byte must wake it, whatever the program has set"),
    ("getppid", Life, Program, "who the child's parent is, for the counts of the family"),
    ("clone", Judge, Program, "the child drains by itself: its own thread"),
    ("epoll_create1", Judge, Program, "the child's own epoll set"),
    ("epoll_pwait", Judge, Program, "the rehearsal: whether a drain's calls are allowed here"),
    ("recvfrom", Judge, Program, "the rehearsal"),
    ("fcntl F_GETFD", Judge, Program, "the rehearsal"),
    ("fcntl F_SETSIG", Judge, Program, "the signature of the child's epoll set"),
    ("fstat", Judge, Program, "the inode of the socket, as procfs names it"),
    ("fstatfs", Judge, Program, "that it is procfs what is mounted there"),
    ("getdents64", Judge, Program, "procfs: which processes there are, and which numbers they have"),
    ("openat", Judge, Program, "procfs"),
    ("readlinkat", Judge, Program, "procfs: what each number of a relative is"),
    ("gettid", Judge, Program, "the rehearsal"),
    ("tgkill", Judge, Program, "the rehearsal"),
    ("mmap", Judge, Program, "the stack of the child's thread, and the table of private numbers"),
    ("madvise", Judge, Program, "no child needs that stack"),
    ("prlimit64", Judge, Program, "where private numbers begin: below the limit of descriptors"),
    ("rt_sigprocmask", Judge, Program, "the thread is made with all signals blocked"),
    (
        "rt_sigprocmask",
        Any,
        Program,
        "a handler may leave what it interrupts by `siglongjmp`: not a close that is half done",
    ),
    ("geteuid", Life, Program, "whether the counts are still its own user's"),
    (
        "sched_getaffinity",
        Exit,
        Program,
        "on which processors the drain's thread may run, before the program pins itself",
    ),
    ("fstat", Exit, Program, "which of the low numbers are connections: what it was started with, and what stderr is"),
    ("clock_gettime", Exit, Program, "how long the end may take at most"),
    ("close", Exit, Program, "of what was opened to look, and the loader's of two files more"),
    ("brk", Exit, Program, "the first allocation: a program like this one makes none"),
    ("mmap", Exit, Program, "the library itself, and libgcc, which unwinds a cancellation"),
    ("mprotect", Exit, Program, "the same libraries"),
    ("read", Exit, Program, "the same libraries"),
    ("newfstatat", Exit, Program, "the same libraries"),
    ("openat", Exit, Program, "the same libraries; at the end procfs: which connections are still open"),
    ("fstat", Exit, Program, "what stderr is, where a log or a warning would go"),
    ("fstatfs", Exit, Program, "that it is procfs what is mounted there"),
    ("getdents64", Exit, Program, "at the end: which numbers are open"),
    ("readlinkat", Exit, Program, "at the end: which of them are sockets"),
    ("prlimit64", Exit, Program, "the limit of descriptors"),
    ("getrandom", Exit, Program, "libc's own, at the first allocation, which is ours"),
    ("madvise", Exit, Program, "a word that every copy of the memory loses: tells a child from its parent"),
];

/// The reason for a call on a path, where somebody has given one.
pub fn reason(path: &str, call: &str, caller: Caller) -> Option<&'static str> {
    let is_here = |paths| match paths {
        Any => true,
        Judge => path == "shared",
        Life => matches!(path, "fork" | "shared"),
        Exit => path == "program",
    };
    let fits = REASONS.iter().filter(|(name, paths, who, _)| *name == call && *who == caller && is_here(*paths));
    // What is said of this path goes before what is said of all.
    fits.max_by_key(|(_, paths, ..)| *paths != Any).map(|(.., why)| *why)
}
