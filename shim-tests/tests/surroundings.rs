//! What the kernel gives a process, or denies it: namespaces, procfs, users, seccomp
//! filters, limits. In doubt a close is the program's own; nothing breaks, hangs,
//! spins or is left behind.

use shim_tests::arena::Arena;
use shim_tests::peer::{Peer, Running, Tally};
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::program::{Exit, Finished, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{twice, without_port};
use shim_tests::victim::Victim;
use shim_tests::here;
use std::time::{Duration, Instant};

/// Processor time of a process so far, in ticks of 10 ms: `utime` and `stime`, fields
/// 14 and 15 of `/proc/PID/stat`.
fn ticks(pid: u32) -> u64 {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let (_, fields) = line.rsplit_once(") ").expect("a name");
    fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

mod a_filter_that_denies {
    use super::*;

    const CONNECTIONS: usize = 4;

    /// Those that the shim makes by itself. The rest a program makes as well.
    const CALLS: &[(&str, i64)] = &[
        ("clock_gettime", libc::SYS_clock_gettime),
        ("clone", libc::SYS_clone),
        ("epoll_create1", libc::SYS_epoll_create1),
        ("epoll_ctl", libc::SYS_epoll_ctl),
        ("epoll_pwait", libc::SYS_epoll_pwait),
        ("fcntl", libc::SYS_fcntl),
        ("fstat", libc::SYS_fstat),
        ("fstatfs", libc::SYS_fstatfs),
        ("futex", libc::SYS_futex),
        ("getdents64", libc::SYS_getdents64),
        ("getpid", libc::SYS_getpid),
        ("getppid", libc::SYS_getppid),
        ("getsockopt", libc::SYS_getsockopt),
        ("gettid", libc::SYS_gettid),
        ("ioctl", libc::SYS_ioctl),
        ("kill", libc::SYS_kill),
        ("madvise", libc::SYS_madvise),
        ("mmap", libc::SYS_mmap),
        ("munmap", libc::SYS_munmap),
        ("openat", libc::SYS_openat),
        ("poll", libc::SYS_poll),
        ("ppoll", libc::SYS_ppoll),
        ("prlimit64", libc::SYS_prlimit64),
        ("readlinkat", libc::SYS_readlinkat),
        ("recvfrom", libc::SYS_recvfrom),
        ("rt_sigaction", libc::SYS_rt_sigaction),
        ("rt_sigprocmask", libc::SYS_rt_sigprocmask),
        ("sched_yield", libc::SYS_sched_yield),
        ("setsockopt", libc::SYS_setsockopt),
        ("shutdown", libc::SYS_shutdown),
        ("tgkill", libc::SYS_tgkill),
        ("waitid", libc::SYS_waitid),
    ];

    struct Run {
        name: String,
        victim: Program,
        peers: Running,
    }

    impl Run {
        fn begin(arena: &Arena, shim: Shim, &(name, number): &(&str, i64), errno: i32) -> Self {
            let words = [number.to_string(), errno.to_string(), CONNECTIONS.to_string()];
            let mut victim = words.into_iter().fold(Victim::c("denied"), Victim::arg).start(arena, shim);
            let script = Peer::to(victim.port()).copies(CONNECTIONS).ask(64, 0).read_to_end().tell("ended").wait();
            let peers = script.start(arena);
            Self { name: format!("{name} with {errno}"), victim, peers }
        }

        /// Ends its connections at once; idle beside silent peers it needs no
        /// processor; and a little later it is as it was.
        fn outcome(mut self) -> Seen {
            let pid = self.victim.pid();
            self.victim.expect("closed");
            let start = Instant::now();
            self.peers.told("ended");
            let ended = if start.elapsed() < SOON { "at once" } else { "late" };
            let before = ticks(pid);
            becomes_true(WATCHED, || ticks(pid) > before + BUSY);
            self.peers.program().release();
            let is_alone = becomes_true(SOON, || threads(pid) == 1);
            let spins = ticks(pid) > before + BUSY;
            let tally = self.peers.tally();
            let open = descriptors(pid).into_iter().map(|(number, kind)| format!("{number} {kind}")).collect();
            let finished = without_port(self.victim.finish());
            Seen { name: self.name, ended, spins, is_alone, open, tally, finished }
        }
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Seen {
        name: String,
        ended: &'static str,
        spins: bool,
        is_alone: bool,
        open: Vec<String>,
        tally: Tally,
        finished: Finished,
    }

    /// Far less than a bound of the drain.
    const SOON: Duration = Duration::from_secs(3);
    const WATCHED: Duration = Duration::from_millis(700);
    /// Ticks from then on.
    const BUSY: u64 = 10;

    /// All at the same time, each a process of its own. `None`: it said why it could
    /// not go on.
    fn runs(arena: &Arena, shim: Shim, errno: i32) -> Vec<Option<Seen>> {
        let begun: Vec<_> = CALLS.iter().map(|call| Run::begin(arena, shim, call, errno)).collect();
        let watched: Vec<_> = begun.into_iter().map(|run| std::thread::spawn(|| run.outcome())).collect();
        watched.into_iter().map(|thread| thread.join().ok()).collect()
    }

    /// One call at a time, each that the shim makes by itself.
    fn is_no_harm(test: &str, errno: i32) {
        let Some((native, shimmed)) = twice(test, |arena, shim| runs(arena, shim, errno)) else { return };
        let differ: Vec<_> = native.iter().zip(&shimmed).filter(|(native, shimmed)| native != shimmed).collect();
        assert!(differ.is_empty(), "native first: {differ:#?}");
        let is_good = |seen: &Seen| seen.ended == "at once" && !seen.spins && seen.finished.exit == Exit::Code(0);
        assert!(native.iter().flatten().all(is_good) && native.iter().all(Option::is_some), "{native:#?}");
    }

    #[test]
    fn any_call_of_the_shim_s_own_with_eperm_is_no_harm() {
        is_no_harm(here!(), libc::EPERM);
    }

    #[test]
    fn any_call_of_the_shim_s_own_with_enosys_is_no_harm() {
        is_no_harm(here!(), libc::ENOSYS);
    }
}
