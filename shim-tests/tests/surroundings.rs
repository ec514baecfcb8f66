//! What the kernel gives a process or denies it: namespaces, procfs, users, limits. In doubt
//! softclose leaves a close alone. Nothing breaks, hangs or is left behind. `sandboxes.rs` has
//! seccomp filters.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::inside::{can, inside};
use shim_tests::installed::is_missing;
use shim_tests::peer::{End, Peer};
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use shim_tests::twice::{alike, same_transcript, says, without_port};
use shim_tests::victim::Victim;
use shim_tests::{RESPONSE, here, skip};
use std::time::Duration;

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

    /// As most daemons do it. A process that has changed its user may not look into
    /// its own threads.
    #[test]
    fn that_gave_up_its_privileges_delivers() {
        if can(here!(), &["nobody"]) {
            Gauntlet::of(Victim::c("dropped_privileges").arg("4")).copies(4).prove(here!());
        }
    }

    /// Nobody can tell that a thread is in the middle of `send` when another closes.
    #[test]
    fn that_gave_up_its_privileges_hurts_no_writer() {
        if !can(here!(), &["nobody"]) {
            return;
        }
        let seen = alike(here!(), |arena, shim| {
            let mut victim = Victim::c("thread_sends").arg("nobody").start(arena, shim);
            let mut peer = Peer::to(victim.port()).ask(RESPONSE, 0).wait().read_to_end().start(arena);
            victim.expect("closed");
            peer.go();
            (peer.report(), without_port(victim.finish()))
        });
        if let Some((report, finished)) = seen {
            assert!(report.has_all_of(RESPONSE), "{report:?}\n{finished:#?}");
            assert_eq!(finished.stdout, ["closed".to_owned(), format!("sent {RESPONSE} errno 0")]);
        }
    }

    /// A thread that is about to be gone is root's, in procfs.
    #[test]
    fn of_an_ordinary_user_whose_threads_come_and_go_delivers() {
        let words = ["nobody"];
        if can(here!(), &words) {
            for _ in 0..5 {
                let victim = inside(&words, Victim::c("thread_per_connection").arg("200"));
                Gauntlet::of(victim).at_once(200).delivers(here!());
            }
        }
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

/// What reaches every thread of a process, or what a process with two threads may
/// not do: beside a drain that is pending, after one that has ended, and when
/// nothing is left of it. The next close is as graceful.
mod a_process_that_moves {
    use super::*;

    fn is_as_natively(test: &str, moves: &[&str]) {
        for what in moves {
            for (when, times) in [("pending", "10"), ("ended", "40"), ("forgotten", "1")] {
                same_transcript(test, &Victim::c("moves").arg(when).arg(*what).arg(times));
            }
        }
    }

    #[test]
    fn to_another_user_is_as_natively() {
        is_as_natively(
            here!(),
            &["setuid", "setresgid", "setgroups", "setuid-by-number", "capset", "capset-by-number"],
        );
    }

    #[test]
    fn to_namespaces_of_its_own_is_as_natively() {
        let moves = ["unshare-users", "unshare-mounts", "unshare-network", "unshare-processes", "unshare-by-number"];
        is_as_natively(here!(), &moves);
    }

    #[test]
    fn to_namespaces_that_exist_is_as_natively() {
        is_as_natively(
            here!(),
            &["setns-net", "setns-mnt", "setns-user", "setns-pid", "setns-uts", "setns-mnt-by-number"],
        );
    }
}

mod a_limit {
    use super::*;

    const WITH_OTHERS: &[&str] = &["closed with others: 4", "closed: 20", "left open: 0"];
    const ALONE: &[&str] = &["closed: 20", "left open: 0"];

    /// And the log says why the closes were plain.
    fn is_counted(test: &str, victim: &Victim, reasons: &[&str]) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let finished = victim.clone().env("SOFTCLOSE_LOG", "debug").start(&arena, Shim::Preloaded).finish();
        let is_one = |line: &&String| reasons.iter().any(|reason| line.ends_with(reason));
        let counted = finished.stderr.iter().filter(is_one).count();
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
        is_counted(here!(), &victim, &["reason=full", "reason=unsure"]);
    }

    #[test]
    fn of_memory_that_is_reached() {
        let victim = Victim::c("limits").arg("no-memory");
        says(here!(), &victim, ALONE);
        is_counted(here!(), &victim, &["reason=full", "reason=unsure"]);
    }

    /// `ulimit -v`: what the tables take would be missed.
    #[test]
    fn of_address_space() {
        if is_missing(here!(), "prlimit") {
            return;
        }
        for mebibytes in [24, 64, 96, 128, 256, 512] {
            let limit = format!("--as={}", mebibytes << 20);
            says(here!(), &Victim::c("limits").arg("none").under(["prlimit", &limit]), WITH_OTHERS);
        }
    }

    fn is_drained(test: &str, victim: &Victim) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let finished = victim.clone().env("SOFTCLOSE_LOG", "debug").start(&arena, Shim::Preloaded).finish();
        let drained = finished.stderr.iter().filter(|line| line.contains(" end=fin ")).count();
        assert_eq!(drained, 80, "{finished:#?}");
    }

    const TAKES_ALL: &[&str] = &["took all but 2 MiB: yes", "closed"];

    /// `ulimit -d`, `LimitDATA=`: the tables took 7 MiB of it and more, and the program missed them.
    #[test]
    fn of_private_memory() {
        if is_missing(here!(), "prlimit") {
            return;
        }
        for mebibytes in [4, 8, 12, 16, 32, 64] {
            let limit = format!("--data={}", mebibytes << 20);
            let victim = Victim::c("data_limit").arg("inherited").arg(mebibytes.to_string());
            let victim = victim.under(["prlimit", &limit]);
            says(here!(), &victim, TAKES_ALL);
            if mebibytes >= 12 {
                is_drained(here!(), &victim);
            }
        }
    }

    #[test]
    fn of_private_memory_that_the_program_sets_itself() {
        for mebibytes in [8, 32] {
            let victim = Victim::c("data_limit").arg("itself").arg(mebibytes.to_string());
            says(here!(), &victim, TAKES_ALL);
            is_drained(here!(), &victim);
        }
    }

    /// There is none for a table: closes are plain.
    #[test]
    fn of_private_memory_that_is_reached() {
        let victim = Victim::c("data_limit").arg("itself").arg("0");
        says(here!(), &victim, &["took all but 2 MiB: no", "closed"]);
        is_counted(here!(), &victim, &["reason=full", "reason=unsure", "reason=no-thread"]);
    }

    #[test]
    fn of_threads_that_is_reached() {
        let words = ["nobody", "no-processes"];
        if can(here!(), &words) {
            let victim = inside(&words, Victim::c("limits").arg("none"));
            says(here!(), &victim, WITH_OTHERS);
            is_counted(here!(), &victim, &["reason=no-thread"]);
        }
    }

    /// Right after the program has moved its limit nobody else moves it. What is below a small
    /// one was then too little for the drain's own set, and so every close was plain.
    #[test]
    fn of_few_descriptors_that_was_just_set_leaves_room_for_a_drain() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let victim = Victim::c("limits").arg("none").env("SOFTCLOSE_LOG", "debug");
        let finished = victim.start(&arena, Shim::Preloaded).finish();
        assert!(finished.stderr.iter().all(|line| !line.ends_with("reason=full")), "{finished:#?}");
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
            let peers =
                Peer::to(port).copies(4).rounds(connections / 4).ask(1024, 256).upload(256 + 1024).read_to_end();
            assert!(peers.start(&arena).tally().all(|report| report.has_all_of(1024)));
            let is_alone =
                || threads(pid) == 1 && descriptors(pid).values().filter(|kind| *kind == "socket").count() == 1;
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
