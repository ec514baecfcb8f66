//! seccomp filters: those that a program installs itself, as sshd and vsftpd do, and those that it
//! is started under, as containers do. Behind the first softclose is passive. Behind the others
//! nothing breaks, hangs, spins or is left behind, whatever is denied.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::peer::{Peer, RunningPeer, Tally};
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::program::{Exit, Finished, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{says, twice, without_port};
use shim_tests::victim::Victim;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A filter that the program installs itself, as sshd and vsftpd do.
mod a_sandbox {
    use super::*;

    fn is_as_natively(test: &str, like: &str) {
        for failure in ["kill", "error"] {
            for by in ["prctl", "seccomp", "library"] {
                for when in ["first", "pending"] {
                    let victim = [like, failure, by, when].into_iter().fold(Victim::c("real_sandbox"), Victim::arg);
                    says(test, &victim, &["the peer reads 6", "process: status 0"]);
                }
            }
        }
    }

    #[test]
    fn like_that_of_sshd_is_as_natively() {
        is_as_natively(here!(), "sshd");
    }

    #[test]
    fn like_that_of_vsftpd_is_as_natively() {
        is_as_natively(here!(), "vsftpd");
    }

    #[test]
    fn of_four_calls_is_as_natively() {
        for when in ["first", "pending"] {
            let victim = ["strict", "kill", "prctl", when].into_iter().fold(Victim::c("real_sandbox"), Victim::arg);
            says(here!(), &victim, &["the peer reads 6", "process: status 0"]);
        }
    }

    /// A hook that another thread was in made its next call under the filter; in a fork child
    /// one more thread than there was had left its hook.
    #[test]
    fn beside_threads_that_close_meets_none_of_our_calls() {
        says(here!(), &Victim::c("sandboxed_beside"), &["process: status 0"; 5]);
    }

    /// It was taken for installed, and every hook passed through from then on.
    #[test]
    fn that_is_refused_changes_nothing() {
        Gauntlet::of(Victim::c("filter_refused")).prove(here!());
    }

    /// Many libraries ask what the kernel could do, and install nothing.
    #[test]
    fn that_is_only_asked_about_changes_nothing() {
        Gauntlet::of(Victim::c("sandbox_asked")).prove(here!());
    }
}

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
        ("geteuid", libc::SYS_geteuid),
        ("getdents64", libc::SYS_getdents64),
        ("getpid", libc::SYS_getpid),
        ("getpriority", libc::SYS_getpriority),
        ("getppid", libc::SYS_getppid),
        ("getsockopt", libc::SYS_getsockopt),
        ("gettid", libc::SYS_gettid),
        ("io_uring_enter", libc::SYS_io_uring_enter),
        ("ioctl", libc::SYS_ioctl),
        ("kill", libc::SYS_kill),
        ("madvise", libc::SYS_madvise),
        ("mkdirat", libc::SYS_mkdirat),
        ("mmap", libc::SYS_mmap),
        ("munmap", libc::SYS_munmap),
        ("newfstatat", libc::SYS_newfstatat),
        ("openat", libc::SYS_openat),
        #[cfg(target_arch = "x86_64")]
        ("poll", libc::SYS_poll),
        ("ppoll", libc::SYS_ppoll),
        ("pread64", libc::SYS_pread64),
        ("prlimit64", libc::SYS_prlimit64),
        ("readlinkat", libc::SYS_readlinkat),
        ("recvfrom", libc::SYS_recvfrom),
        ("rt_sigaction", libc::SYS_rt_sigaction),
        ("rt_sigprocmask", libc::SYS_rt_sigprocmask),
        ("sched_getaffinity", libc::SYS_sched_getaffinity),
        ("sched_getscheduler", libc::SYS_sched_getscheduler),
        ("sched_yield", libc::SYS_sched_yield),
        ("setsockopt", libc::SYS_setsockopt),
        ("shutdown", libc::SYS_shutdown),
        ("tgkill", libc::SYS_tgkill),
        ("unlinkat", libc::SYS_unlinkat),
        ("waitid", libc::SYS_waitid),
    ];

    /// What the victim does with its connections, and who waits for their end.
    #[derive(Clone, Copy)]
    struct Way {
        end: &'static str,
        engine: &'static str,
    }

    struct Run {
        name: String,
        victim: Program,
        peers: RunningPeer,
    }

    impl Run {
        fn begin(arena: &Arena, shim: Shim, &(name, number): &(&str, i64), errno: i32, way: Way) -> Self {
            let words = [number.to_string(), errno.to_string(), CONNECTIONS.to_string(), way.end.to_owned()];
            let victim = words.into_iter().fold(Victim::c("denied"), Victim::arg);
            let victim = victim.env("SOFTCLOSE_ENGINE", way.engine);
            // A thread that waits in `close` waits for each of the peers.
            let victim = if way.engine == "inline" { victim.env("SOFTCLOSE_IDLE", "300ms") } else { victim };
            let mut victim = victim.start(arena, shim);
            let script = Peer::to(victim.port()).copies(CONNECTIONS).ask(64, 0);
            let script = if way.end == "exit" { script.read(64) } else { script.read_to_end() };
            let peers = script.tell("got").wait().start(arena);
            Self { name: format!("{name} with {errno}"), victim, peers }
        }

        /// The peers get all, and the end of it, at once. Idle beside silent ones the
        /// victim needs no processor; a little later it is as it was; and it ends.
        fn outcome(mut self, way: Way) -> Seen {
            let pid = self.victim.pid();
            let before = ticks(pid);
            let is_at_once = self.get();
            becomes_true(WATCHED, || ticks(pid) > before + BUSY);
            if way.end != "exit" {
                self.peers.program().release();
            }
            let is_alone = becomes_true(SOON, || threads(pid) == 1);
            let open = descriptors(pid);
            self.victim.release();
            let ends = self.victim.ended_within(SOON);
            let spins = ticks(pid) > before + BUSY;
            self.peers.program().release();
            let (tally, finished) = (self.peers.tally(), without_port(self.victim.finish()));
            Seen { name: self.name, is_at_once, spins, is_alone, ends, open, tally, finished }
        }

        /// Whether it took no longer than it should.
        fn get(&mut self) -> bool {
            let start = Instant::now();
            self.victim.expect("closed");
            self.peers.told("got");
            start.elapsed() < SOON
        }
    }

    #[derive(Debug, PartialEq, Eq)]
    struct Seen {
        name: String,
        is_at_once: bool,
        spins: bool,
        is_alone: bool,
        ends: bool,
        open: BTreeMap<i32, String>,
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
    fn runs(calls: &[(&str, i64)], arena: &Arena, shim: Shim, errno: i32, way: Way) -> Vec<Option<Seen>> {
        let begun: Vec<_> = calls.iter().map(|call| Run::begin(arena, shim, call, errno, way)).collect();
        let watched: Vec<_> = begun.into_iter().map(|run| std::thread::spawn(move || run.outcome(way))).collect();
        watched.into_iter().map(|thread| thread.join().ok()).collect()
    }

    /// One call at a time, each that the shim makes by itself.
    fn is_no_harm(test: &str, errno: i32, way: Way) {
        let Some((native, shimmed)) = twice(test, |arena, shim| runs(CALLS, arena, shim, errno, way)) else { return };
        let differ: Vec<_> = native.iter().zip(&shimmed).filter(|(native, shimmed)| native != shimmed).collect();
        let names: Vec<_> = differ.iter().filter_map(|(native, _)| Some(&native.as_ref()?.name)).collect();
        assert!(differ.is_empty(), "under {names:?}\nnative first: {differ:#?}");
        let is_good = |seen: &Seen| seen.is_at_once && !seen.spins && seen.finished.exit == Exit::Code(0);
        assert!(native.iter().flatten().all(is_good) && native.iter().all(Option::is_some), "{native:#?}");
    }

    const CLOSES: Way = Way { end: "close", engine: "thread" };

    #[test]
    fn any_call_of_the_shim_s_own_with_eperm_is_no_harm() {
        is_no_harm(here!(), libc::EPERM, CLOSES);
    }

    /// The drainer ended the program by SIGILL. It cannot leave; it sleeps, and is the last one.
    #[test]
    fn the_end_of_a_thread_leaves_it_asleep() {
        let calls = &[("exit", libc::SYS_exit)];
        let Some((native, shimmed)) = twice(here!(), |arena, shim| runs(calls, arena, shim, libc::EPERM, CLOSES))
        else {
            return;
        };
        let besides_threads = |seen: Vec<Option<Seen>>| {
            seen.into_iter().map(|seen| Seen { is_alone: true, ..seen.expect("it went on") }).collect::<Vec<_>>()
        };
        assert_eq!(besides_threads(native), besides_threads(shimmed));
    }

    #[test]
    fn any_call_of_the_shim_s_own_with_enosys_is_no_harm() {
        is_no_harm(here!(), libc::ENOSYS, CLOSES);
    }

    #[test]
    fn any_call_of_a_shutdown_of_both_halves_is_no_harm() {
        is_no_harm(here!(), libc::EPERM, Way { end: "shut", ..CLOSES });
    }

    #[test]
    fn any_call_of_the_inline_engine_s_own_is_no_harm() {
        is_no_harm(here!(), libc::EPERM, Way { engine: "inline", ..CLOSES });
    }

    #[test]
    fn any_call_of_the_end_of_the_process_is_no_harm() {
        is_no_harm(here!(), libc::EPERM, Way { end: "exit", ..CLOSES });
    }
}
