//! What the kernel gives a process, or denies it: namespaces, procfs, users, seccomp
//! filters, limits. In doubt a close is the program's own; nothing breaks, hangs,
//! spins or is left behind.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::peer::{End, Peer, Running, Tally};
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::program::{Exit, Finished, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{same_transcript, twice, without_port};
use shim_tests::victim::{Victim, compiled};
use shim_tests::{here, skip};
use std::time::{Duration, Instant};

/// Processor time of a process so far, in ticks of 10 ms: `utime` and `stime`, fields
/// 14 and 15 of `/proc/PID/stat`.
fn ticks(pid: u32) -> u64 {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
    let (_, fields) = line.rsplit_once(") ").expect("a name");
    fields.split(' ').skip(11).take(2).map(|field| field.parse::<u64>().expect("a number")).sum()
}

/// `victim` in other surroundings; `words` are those of `victims/inside.c`.
fn inside(words: &[&str], victim: Victim) -> Victim {
    let program = compiled("inside").into_os_string();
    victim.under([program].into_iter().chain(words.iter().chain(&["--"]).map(Into::into)))
}

/// Whether such surroundings can be had here; else says why not.
fn can(test: &str, words: &[&str]) -> bool {
    let Some(arena) = Arena::or_skip(test) else { return false };
    let finished = inside(words, Victim::c("plain_exit")).start(&arena, Shim::Native).finish();
    let refusal = finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: "));
    refusal.map(|reason| skip(test, reason)).is_none()
}

/// The victim says exactly this, natively and shimmed; or why it cannot run here.
#[track_caller]
fn says(test: &str, victim: &Victim, expected: &[&str]) {
    let Some(finished) = same_transcript(test, victim) else { return };
    match finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: ")) {
        Some(reason) => skip(test, reason),
        None => assert_eq!(finished.stdout, expected, "{finished:#?}"),
    }
}

/// A server in other surroundings, with and without children.
mod a_server {
    use super::*;

    const VICTIMS: [&[&str]; 4] = [&["blocking"], &["fork_server", "3", "exit"], &["prefork"], &["exit_open", "_exit"]];

    fn gauntlets(words: &[&str]) -> impl Iterator<Item = Gauntlet> {
        VICTIMS.iter().map(move |victim| {
            let (name, arguments) = victim.split_first().expect("a name");
            let victim = arguments.iter().fold(Victim::c(name), |victim, argument| victim.arg(argument));
            let gauntlet = Gauntlet::of(inside(words, victim));
            match *name {
                "fork_server" => gauntlet.copies(3),
                "prefork" => gauntlet.copies(2),
                "exit_open" => gauntlet.exits_with(7),
                _ => gauntlet,
            }
        })
    }

    fn delivers(test: &str, words: &[&str]) {
        if can(test, words) {
            gauntlets(words).for_each(|gauntlet| gauntlet.prove(test));
        }
    }

    #[test]
    fn of_an_ordinary_user_delivers() {
        delivers(here!(), &["nobody"]);
    }

    #[test]
    fn of_an_ordinary_user_with_hidden_processes_delivers() {
        delivers(here!(), &["hidden-proc", "nobody"]);
    }

    #[test]
    fn with_a_read_only_procfs_delivers() {
        delivers(here!(), &["read-only-proc"]);
    }

    #[test]
    fn in_a_pid_namespace_as_pid_1_delivers() {
        delivers(here!(), &["pid-1", "own-proc"]);
    }

    #[test]
    fn as_pid_1_with_the_procfs_of_others_delivers() {
        delivers(here!(), &["pid-1"]);
    }

    #[test]
    fn in_a_user_namespace_delivers() {
        delivers(here!(), &["own-users"]);
    }

    #[test]
    fn under_the_filter_of_a_container_delivers() {
        delivers(here!(), &["docker"]);
    }

    #[test]
    fn in_a_container_delivers() {
        delivers(here!(), &["pid-1", "own-proc", "nobody", "docker"]);
    }

    /// Without procfs nobody can tell which epoll sets watch the connection, nor which
    /// threads there are: a plain close, with a reset, and nothing worse than that.
    fn is_no_worse_off(test: &str, gauntlet: &Gauntlet) {
        if let Some(outcome) = gauntlet.run(test, Shim::Preloaded) {
            assert!(outcome.reports.all(|report| report.intact && report.end != End::TimedOut), "{outcome:#?}");
            assert!(matches!(outcome.finished.exit, Exit::Code(0 | 7)), "{outcome:#?}");
            assert!(outcome.finished.stderr.is_empty(), "{outcome:#?}");
        }
    }

    #[test]
    fn without_a_procfs_is_no_worse_off() {
        let words = ["empty-proc"];
        if can(here!(), &words) {
            gauntlets(&words).for_each(|gauntlet| is_no_worse_off(here!(), &gauntlet));
        }
    }

    #[test]
    fn in_an_empty_root_is_no_worse_off() {
        // SAFETY: geteuid cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return skip(here!(), "needs chroot");
        }
        for when in ["first", "later"] {
            is_no_worse_off(here!(), &Gauntlet::of(Victim::c("chrooted").arg(when)));
        }
    }
}

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

    /// Many libraries ask what the kernel could do, and install nothing.
    #[test]
    fn that_is_only_asked_about_changes_nothing() {
        Gauntlet::of(Victim::c("sandbox_asked")).prove(here!());
    }
}

/// What reaches every thread of a process, or what a process with two threads may
/// not do: beside a drain that is pending, after one that has ended, and when
/// nothing is left of it. The next close is as graceful.
mod a_process_that_moves {
    use super::*;

    fn is_as_natively(test: &str, moves: &[&str]) {
        for what in moves {
            for when in ["pending", "ended", "forgotten"] {
                same_transcript(test, &Victim::c("moves").arg(when).arg(*what));
            }
        }
    }

    #[test]
    fn to_another_user_is_as_natively() {
        is_as_natively(here!(), &["setuid", "setresgid", "setgroups", "setuid-by-number"]);
    }

    #[test]
    fn to_namespaces_of_its_own_is_as_natively() {
        let moves = ["unshare-users", "unshare-mounts", "unshare-network", "unshare-processes", "unshare-by-number"];
        is_as_natively(here!(), &moves);
    }

    #[test]
    fn to_namespaces_that_exist_is_as_natively() {
        is_as_natively(here!(), &["setns-net", "setns-mnt", "setns-user", "setns-pid", "setns-uts", "setns-mnt-by-number"]);
    }
}

mod a_limit {
    use super::*;

    const WITH_OTHERS: &[&str] = &["closed with others: 4", "closed: 20", "left open: 0"];
    const ALONE: &[&str] = &["closed: 20", "left open: 0"];

    /// And the log says why the closes were plain.
    fn is_counted(test: &str, victim: &Victim, reason: &str) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let finished = victim.clone().env("SOFTCLOSE_LOG", "debug").start(&arena, Shim::Preloaded).finish();
        let counted = finished.stderr.iter().filter(|line| line.ends_with(reason)).count();
        assert!(counted >= 19, "{finished:#?}");
    }

    #[test]
    fn of_descriptors_that_is_raised_while_drains_are_pending() {
        says(here!(), &Victim::c("limits").arg("raised"), WITH_OTHERS);
    }

    #[test]
    fn of_descriptors_that_is_lowered_below_what_is_open() {
        says(here!(), &Victim::c("limits").arg("lowered"), WITH_OTHERS);
    }

    #[test]
    fn of_descriptors_that_is_reached() {
        let victim = Victim::c("limits").arg("no-number");
        says(here!(), &victim, WITH_OTHERS);
        is_counted(here!(), &victim, "reason=full");
    }

    #[test]
    fn of_memory_that_is_reached() {
        let victim = Victim::c("limits").arg("no-memory");
        says(here!(), &victim, ALONE);
        is_counted(here!(), &victim, "reason=full");
    }

    #[test]
    fn of_threads_that_is_reached() {
        let words = ["nobody", "no-processes"];
        if can(here!(), &words) {
            let victim = inside(&words, Victim::c("limits").arg("none"));
            says(here!(), &victim, WITH_OTHERS);
            is_counted(here!(), &victim, "reason=no-thread");
        }
    }
}

/// Thousands of connections leave no descriptor, no thread and no memory behind.
mod nothing_is_left {
    use super::*;

    const WARM_UP: usize = 400;
    const MORE: usize = 2000;

    /// `VmSize` and `VmRSS`, in KiB.
    fn memory(pid: u32) -> [u64; 2] {
        let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
        ["VmSize:", "VmRSS:"].map(|name| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a line of that name");
            line.trim().trim_end_matches(" kB").parse().expect("a number")
        })
    }

    fn of(test: &str, engine: &str) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let victim = Victim::c("serve").arg((2 * WARM_UP + MORE).to_string()).env("SOFTCLOSE_ENGINE", engine);
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let (port, pid) = (victim.port(), victim.pid());
        let serve = |connections: usize| {
            let peers = Peer::to(port).copies(4).rounds(connections / 4).ask(1024, 256).upload(256 + 1024).read_to_end();
            assert!(peers.start(&arena).tally().all(|report| report.has_all_of(1024)));
            let is_alone = || threads(pid) == 1 && descriptors(pid).values().filter(|kind| *kind == "socket").count() == 1;
            assert!(becomes_true(Duration::from_secs(3), is_alone), "{:?}", descriptors(pid));
            (memory(pid), descriptors(pid))
        };
        // Twice: a second thread has another stack.
        serve(WARM_UP);
        let (before, open_before) = serve(WARM_UP);
        let (after, open_after) = serve(MORE);
        victim.expect("closed");
        assert_eq!(open_before, open_after);
        let grown: Vec<_> = after.iter().zip(before).map(|(after, before)| after.saturating_sub(before)).collect();
        assert!(grown.iter().all(|&kib| kib <= 64), "{before:?} {after:?}");
    }

    #[test]
    fn of_two_thousand_connections_by_the_thread() {
        of(here!(), "thread");
    }

    #[test]
    fn of_two_thousand_connections_by_the_inline_engine() {
        of(here!(), "inline");
    }
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
