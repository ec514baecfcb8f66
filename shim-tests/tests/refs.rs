//! The kernel's own count of references (`softclosectl refs`) decides where nothing else can, and
//! harms nobody. Each test has a mount namespace of its own, in which the count is installed.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::wait_until;
use shim_tests::program::{Exit, Finished};
use shim_tests::shim::{Shim, ctl, launcher, library};
use shim_tests::stats::Memory;
use shim_tests::twice::{Service, says_counted};
use shim_tests::victim::Victim;
use std::process::Command;

mod it_decides {
    use super::*;

    /// Another holder could not be seen from there, and no hook has seen one.
    fn inside(test: &str, how: &str) {
        let library = library().to_str().expect("a plain path");
        let victim = Victim::c("served_inside").arg(how);
        let shimmed = Gauntlet::of(victim.clone().env("PRELOAD_CHILD", library));
        Gauntlet::of(victim.env("PRELOAD_CHILD", "")).loses(test, Shim::Native);
        shimmed.loses(test, Shim::Native);
        let shimmed = shimmed.counted();
        if let Some(outcome) = shimmed.run(test, Shim::Native) {
            shimmed.assert_delivered(&outcome);
        }
    }

    #[test]
    fn for_a_server_that_got_its_connection_by_exec_in_a_container() {
        inside(here!(), "exit");
    }

    #[test]
    fn for_one_that_closes_all_three_of_its_numbers() {
        inside(here!(), "close");
    }

    #[test]
    fn for_a_receiver_whose_sender_has_closed_its_own() {
        Gauntlet::of(Victim::c("passed_on")).counted().prove(here!());
    }

    #[test]
    fn for_a_receiver_that_is_an_ordinary_user() {
        Gauntlet::of(Victim::c("passed_on").arg("nobody")).counted().prove(here!());
    }

    #[test]
    fn for_a_program_with_a_ring_that_has_nothing_in_it() {
        Gauntlet::of(Victim::c("counted_ring").arg("idle")).counted().prove(here!());
    }
}

/// Each of them goes on with a connection that another one has closed.
mod it_leaves_alone {
    use super::*;

    fn when_closed(test: &str, victim: Victim) {
        Service::of(victim).counted().when_closed().prove(test);
    }

    #[test]
    fn what_is_in_a_message_that_nobody_has_received() {
        when_closed(here!(), Victim::c("passed_in_flight").arg("sendmsg").arg("recvmsg"));
    }

    #[test]
    fn what_a_spawned_program_without_softclose_holds() {
        when_closed(here!(), Victim::c("spawn_holder").arg("posix_spawn").arg("action"));
        when_closed(here!(), Victim::c("system_holder"));
        when_closed(here!(), Victim::c("vfork_holder"));
    }

    #[test]
    fn what_another_program_has_handed_on() {
        for when in ["taken", "in-flight"] {
            when_closed(here!(), Victim::c("handed_on").arg("fork").arg(when));
        }
        when_closed(here!(), Victim::c("handed_on").arg("fork").arg("in-flight").arg("after-exec"));
    }

    #[test]
    fn what_another_number_of_the_process_is() {
        Service::of(Victim::c("dup_kept").arg("syscall")).counted().prove(here!());
        Service::of(Victim::c("passed_to_itself")).counted().prove(here!());
    }

    #[test]
    fn what_a_process_holds_that_no_hook_has_seen() {
        says_counted(here!(), &Victim::c("hidden_holder"), &["the holder's answer: comes"]);
        says_counted(here!(), &Victim::c("clone3_files"), &["copy: works"]);
        says_counted(here!(), &Victim::c("pidns_inherited"), &["parent: works"]);
    }

    #[test]
    fn what_is_taken_out_of_the_process() {
        says_counted(here!(), &Victim::c("taken_by_child").arg("libc").arg("fork"), &["the child's answer: comes"]);
    }

    #[test]
    fn what_a_request_of_a_ring_still_writes_to() {
        Service::of(Victim::c("counted_ring").arg("pending")).counted().prove(here!());
    }

    #[test]
    fn what_a_ring_has_registered() {
        Service::of(Victim::c("counted_ring").arg("registered")).counted().prove(here!());
    }
}

/// No hook has seen it being put there.
#[test]
fn what_a_ring_has_put_into_an_epoll_set_makes_no_ghost() {
    says_counted(here!(), &Victim::c("counted_ring").arg("watched"), &["events after the close: 0"]);
}

mod the_command {
    use super::*;

    /// Root alone can enter an arena.
    const NOBODY: &[&str] = &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const ROOT: &[&str] = &["env"];

    fn run(arena: &Arena, user: &[&str], words: &[&str]) -> Finished {
        let (program, options) = user.split_first().expect("a program");
        let mut command = Command::new(program);
        command.args(options).args(words);
        arena.start(command).finish()
    }

    fn refs(arena: &Arena, word: &str, user: &[&str]) -> Finished {
        run(arena, user, &[ctl().to_str().expect("a plain path"), "refs", word])
    }

    #[test]
    fn installs_says_so_to_everybody_and_takes_it_away() {
        let Some(arena) = Arena::counted_or_skip(here!()) else { return };
        for user in [ROOT, NOBODY] {
            let status = refs(&arena, "status", user);
            assert!(status.stdout.concat().starts_with("installed, and works: a question takes "), "{status:#?}");
        }
        assert_eq!(refs(&arena, "install", ROOT).exit, Exit::Code(0), "done again");
        assert_eq!(refs(&arena, "remove", NOBODY).exit, Exit::Code(1));
        assert_eq!(refs(&arena, "remove", ROOT).stdout, ["removed"]);
        assert_eq!(refs(&arena, "remove", ROOT).stdout, ["not installed"]);
        let status = refs(&arena, "status", ROOT);
        assert_eq!((status.exit, status.stdout.len()), (Exit::Code(1), 0), "{status:#?}");
        assert!(
            !run(&arena, ROOT, &["ls", "-A", "/sys/fs/bpf"]).stdout.iter().any(|name| name.starts_with("softclose"))
        );
        assert_eq!(refs(&arena, "install", ROOT).exit, Exit::Code(0));
    }

    #[test]
    fn says_what_is_missing() {
        let Some(arena) = Arena::counted_or_skip(here!()) else { return };
        let refused = refs(&arena, "install", NOBODY);
        assert_eq!(refused.stderr, ["softclosectl: only root can install it"]);
        assert_eq!(run(&arena, ROOT, &["umount", "/sys/fs/bpf"]).exit, Exit::Code(0));
        let refused = refs(&arena, "install", ROOT);
        assert_eq!(refused.exit, Exit::Code(1));
        assert!(refused.stderr.concat().contains("there is no BPF file system at /sys/fs/bpf"), "{refused:#?}");
    }

    /// As a container has it: a `/sys` of its own, and the directory bound elsewhere.
    #[test]
    fn works_where_its_directory_is_mounted_for_a_container() {
        let Some(arena) = Arena::counted_or_skip(here!()) else { return };
        let steps = [
            "mount -t tmpfs tmpfs /run && mkdir /run/softclose-refs",
            "mount --bind /sys/fs/bpf/softclose /run/softclose-refs",
            "mount -o remount,bind,ro /run/softclose-refs && umount /sys/fs/bpf",
        ];
        assert_eq!(run(&arena, ROOT, &["sh", "-c", &steps.join(" && ")]).exit, Exit::Code(0));
        for user in [ROOT, NOBODY] {
            let status = refs(&arena, "status", user);
            assert_eq!(status.exit, Exit::Code(0), "{status:#?}");
        }
    }

    /// Anybody may make a directory there.
    #[test]
    fn does_not_use_a_directory_of_another_user_s() {
        let Some(arena) = Arena::counted_or_skip(here!()) else { return };
        assert_eq!(refs(&arena, "remove", ROOT).exit, Exit::Code(0));
        let make = "mkdir /sys/fs/bpf/softclose && chown 65534 /sys/fs/bpf/softclose";
        assert_eq!(run(&arena, ROOT, &["sh", "-c", make]).exit, Exit::Code(0));
        let refused = refs(&arena, "install", ROOT);
        assert!(refused.stderr.concat().contains("is not a directory of root's"), "{refused:#?}");
    }
}

/// `--show-config`, `ps`, `explain` and `stat`.
#[test]
fn what_is_in_use_is_shown() {
    let Some(arena) = Arena::counted_or_skip(here!()) else { return };
    let memory = Memory::directory();
    let mut command = Command::new(launcher());
    command.arg("--show-config").env_remove("LD_PRELOAD");
    assert!(arena.start(command).finish().stdout.concat().contains("the kernel's own count of references"));

    let mut victim = memory.shows(Victim::c("passed_on")).start(&arena, Shim::Preloaded);
    let mut peer = Peer::to(victim.port()).ask(64, 0).read(64).tell("got").wait().start(&arena);
    peer.told("got");
    let pid = victim.pid();
    wait_until("it is closed", || memory.stat(pid).number("drains_begun_total") == 1);
    let shown = memory.says(&["ps"]);
    let row = shown.lines().find(|line| line.starts_with(&format!("{pid} "))).expect("a row");
    assert!(row.contains(" kernel "), "{shown}");
    let said = memory.says(&["explain", &pid.to_string()]);
    assert!(said.contains("Closes that the kernel's own count has decided so far: 1."), "{said}");
    assert_eq!(memory.stat(pid).number("counted_by_kernel_total"), 1);
    peer.leave();
    victim.release();
    assert_eq!(victim.finish().exit, Exit::Code(0));
}
