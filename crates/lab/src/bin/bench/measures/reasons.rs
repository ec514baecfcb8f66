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
    (
        "getpid",
        Any,
        Program,
        "whether this process owns its memory: a child of `vfork` or of a raw system call must not write to it",
    ),
    ("getsockopt SO_PROTOCOL", Any, Program, "whether a listener is TCP; the sockets that it accepts are the same"),
    ("getsockopt SO_COOKIE", Any, Program, "which connection this is: the kernel uses numbers again, but not cookies"),
    ("getsockopt TCP_INFO", Any, Program, "whether this is a TCP socket, and its state, in one call"),
    ("getsockopt SO_LINGER", Any, Program, "what the program itself has set, because that comes first"),
    (
        "getsockopt TCP_REPAIR",
        Any,
        Program,
        "whether the connection is under repair: then it must close without a packet",
    ),
    ("ioctl FIONREAD", Any, Program, "how much is unread; data that becomes less shows another reader"),
    ("ioctl TIOCOUTQ", Any, Program, "whether another thread may still be writing: then much is not acknowledged"),
    ("ppoll", Any, Program, "whether another thread may still be writing: then the send buffer is full"),
    ("waitid", Any, Program, "whether there is a child that no hook saw, because it may hold the connection too"),
    ("io_uring_enter", Any, Program, "whether this thread has a ring, because a request in it may be pending"),
    ("clock_gettime", Any, Program, "the time at which the drain must end"),
    (
        "fcntl F_DUPFD_CLOEXEC",
        Any,
        Program,
        "the drain needs a duplicate, because the program's own number must be free",
    ),
    ("fcntl F_SETOWN", Any, Program, "the program must get no `SIGIO` for a connection that it has closed"),
    (
        "fcntl F_GETSIG",
        Any,
        Program,
        "whether the private number is still softclose's epoll set: the program may have closed it",
    ),
    ("epoll_ctl", Any, Program, "hands the connection to the thread: the peer's FIN will wake it"),
    ("shutdown", Any, Program, "the FIN"),
    ("close", Any, Program, "closes a connection that needs no drain, and what was opened to look at procfs"),
    ("futex", Any, Program, "wakes the thread for something that it would notice too late"),
    ("clock_gettime", Any, Thread, "which bounds have passed, once for each batch, and when to stop resting"),
    ("close", Any, Thread, "the end of the drain"),
    ("epoll_pwait", Any, Thread, "asks once for everything that is ready"),
    ("epoll_ctl", Any, Thread, "watches the connection again, after something other than the FIN has come"),
    ("futex", Any, Thread, "rests before it asks again"),
    ("fcntl F_GETSIG", Any, Thread, "whether its number is still its epoll set"),
    ("getsockopt SO_COOKIE", Any, Thread, "whether the private number is still the connection, before each use"),
    ("getsockopt TCP_INFO", Any, Thread, "whether another reader takes data from the connection"),
    ("ioctl FIONREAD", Any, Thread, "whether another reader takes data: what is queued, compared with what has come"),
    ("ioctl TIOCOUTQ", Any, Thread, "what the peer has not acknowledged, for the counters and the log"),
    ("recvfrom", Any, Thread, "discards data, and finds the FIN"),
    ("setsockopt SO_RCVLOWAT", Any, Thread, "every byte must wake the thread, whatever the program has set"),
    ("getppid", Life, Program, "which process is the parent, for the counts of the family"),
    ("clone", Judge, Program, "the child needs a thread of its own to drain"),
    ("epoll_create1", Judge, Program, "the child's own epoll set"),
    ("epoll_pwait", Judge, Program, "rehearsal: whether this process may make the calls of a drain"),
    ("fcntl F_GETFD", Judge, Program, "rehearsal, as for `epoll_pwait`"),
    ("fcntl F_SETSIG", Judge, Program, "marks the child's epoll set as softclose's"),
    ("fstat", Judge, Program, "the inode of the socket, as procfs names it"),
    ("fstatfs", Judge, Program, "whether procfs is what is mounted there"),
    ("getdents64", Judge, Program, "procfs: which processes exist, and which numbers they have"),
    ("openat", Judge, Program, "procfs"),
    ("readlinkat", Judge, Program, "procfs: what each number of a related process is"),
    ("gettid", Judge, Program, "rehearsal, as for `epoll_pwait`"),
    ("tgkill", Judge, Program, "rehearsal, as for `epoll_pwait`"),
    ("ppoll", Judge, Program, "waits for the peer's FIN for a millisecond, before a thread is started for it"),
    ("recvfrom", Judge, Program, "discards what has come, and finds the FIN"),
    ("mmap", Judge, Program, "the stack of the child's thread, and the table of private numbers"),
    ("madvise", Judge, Program, "children do not need that stack"),
    ("prlimit64", Judge, Program, "the limit of descriptors: private numbers lie below it"),
    ("rt_sigprocmask", Judge, Program, "blocks all signals before it makes the thread"),
    ("rt_sigprocmask", Any, Program, "blocks signals, because a handler could leave a half-done close by `siglongjmp`"),
    ("fcntl F_GETFL", Any, Program, "whether a write of another thread would wait (`O_NONBLOCK`)"),
    ("getpriority", Judge, Program, "whether the new thread is as nice as the main thread, or less"),
    ("sched_getaffinity", Judge, Program, "whether the new thread may run on the processors of the program's start"),
    ("sched_getscheduler", Judge, Program, "whether the new thread has inherited a real-time priority"),
    ("read", Judge, Program, "procfs: what `stat` says of a process"),
    ("geteuid", Life, Program, "whether the stats file still belongs to the user of the process"),
    (
        "sched_getaffinity",
        Exit,
        Program,
        "on which processors the drain's thread may run, before the program pins itself",
    ),
    ("fstat", Exit, Program, "which of the low numbers are connections, at the start; and what stderr is"),
    ("clock_gettime", Exit, Program, "how long the end of the process may take"),
    ("close", Exit, Program, "closes what was opened to look, and the files of two more libraries"),
    ("brk", Exit, Program, "the first allocation of memory; `/bin/true` itself makes none"),
    ("mmap", Exit, Program, "loads softclose, and libgcc, which unwinds a cancelled thread"),
    ("mprotect", Exit, Program, "loads the same libraries"),
    ("read", Exit, Program, "loads the same libraries"),
    ("newfstatat", Exit, Program, "loads the same libraries"),
    ("openat", Exit, Program, "loads the same libraries; at the end procfs: which connections are still open"),
    ("fstat", Exit, Program, "what stderr is, because a log or a warning would go there"),
    ("fstatfs", Exit, Program, "whether procfs is what is mounted there"),
    ("getdents64", Exit, Program, "at the end: which numbers are open"),
    ("readlinkat", Exit, Program, "at the end: which of them are sockets"),
    ("prlimit64", Exit, Program, "the limit of descriptors"),
    ("getrandom", Exit, Program, "libc calls it at the first allocation of memory, which is softclose's"),
    ("madvise", Exit, Program, "marks a word that a copy of the memory does not get: it tells a child from its parent"),
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
