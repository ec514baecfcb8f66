//! The `exec` family: what the kernel will close on the way is finished before,
//! and an exec that fails has cost nothing.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::peer::{End, Peer};
use shim_tests::program::Exit;
use shim_tests::scratch::Scratch;
use shim_tests::shim::Shim;
use shim_tests::twice::{Service, same_transcript, twice};
use shim_tests::victim::{Victim, compiled};
use shim_tests::{here, skip, tests};
use std::path::Path;
use std::time::{Duration, Instant};

macro_rules! all_ways {
    ($check:ident) => {
        tests!($check:
            by_execve "execve",
            by_execv "execv",
            by_execvp "execvp",
            by_execvpe "execvpe",
            by_execl "execl",
            by_execlp "execlp",
            by_execle "execle",
            by_fexecve "fexecve",
            by_execveat "execveat",
            by_syscall_execve "SYS_execve",
            by_syscall_execveat "SYS_execveat",
        );
    };
}

fn exec(way: &str, state: &str) -> Victim {
    Victim::c("exec").arg(way).arg(state)
}

mod a_connection_that_is_closed_on_exec_is_delivered {
    use super::*;

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(exec(way, "open")).prove(test);
    }

    all_ways!(delivers);

    #[test]
    fn on_both_of_its_numbers() {
        Gauntlet::of(exec("execve", "copies")).prove(here!());
    }

    #[test]
    fn when_a_thread_executes() {
        Gauntlet::of(exec("execve", "thread")).prove(here!());
    }

    #[test]
    fn with_twenty_others_and_without_an_environment() {
        Gauntlet::of(Victim::c("exec_many").arg("20")).at_once(20).prove(here!());
    }
}

mod a_drain_at_work_is_finished {
    use super::*;

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(exec(way, "pending")).prove(test);
    }

    all_ways!(delivers);

    #[test]
    fn when_a_thread_executes() {
        Gauntlet::of(exec("execve", "pending-thread")).prove(here!());
    }
}

mod before_a_script {
    use super::*;

    fn delivers(test: &str, way: &str, text: &str) {
        let scratch = Scratch::directory();
        let script = scratch.file("script", "755", text.as_bytes());
        Gauntlet::of(exec(way, "open").arg(script)).prove(test);
    }

    #[test]
    fn a_connection_is_delivered() {
        delivers(here!(), "execve", "#!/bin/sh\nexit 0\n");
    }

    #[test]
    fn whose_interpreter_is_a_script_a_connection_is_delivered() {
        let scratch = Scratch::directory();
        let interpreter = scratch.file("interpreter", "755", b"#! /bin/sh -e\nexit 0\n");
        delivers(here!(), "execv", &format!("#!{}\n", interpreter.display()));
    }

    /// libc hands it to the shell.
    #[test]
    fn that_does_not_name_its_interpreter_a_connection_is_delivered_by_execvp() {
        delivers(here!(), "execvp", "exit 0\n");
        delivers(here!(), "execlp", "exit 0\n");
    }
}

mod a_connection_that_is_kept_goes_on_in_the_new_image {
    use super::*;

    fn goes_on(test: &str, way: &str) {
        for kept in ["plain", "copy"] {
            Service::of(Victim::c("exec_kept").arg(way).arg(kept)).when_closed().prove(test);
        }
    }

    all_ways!(goes_on);
}

/// The reason is that of libc: both transcripts have it.
mod an_exec_that_fails_has_cost_nothing {
    use super::*;

    fn goes_on(test: &str, ways: &[&str], path: impl AsRef<Path>) {
        for way in ways {
            goes_on_as(test, way, path.as_ref(), "alone");
        }
    }

    fn goes_on_as(test: &str, way: &str, path: &Path, how: &str) {
        Service::of(Victim::c("exec_fails").arg(way).arg(path).arg(how)).prove(test);
    }

    fn goes_on_after_file(test: &str, mode: &str, content: &[u8]) {
        let scratch = Scratch::directory();
        let path = scratch.file("program", mode, content);
        goes_on(test, &["execve", "execl", "fexecve", "SYS_execve"], path);
    }

    fn goes_on_after_script(test: &str, text: &str) {
        goes_on_after_file(test, "755", text.as_bytes());
    }

    /// This victim's own binary, changed.
    fn goes_on_after_binary(test: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let mut content = std::fs::read(compiled("exec_fails")).expect("it was compiled");
        change(&mut content);
        goes_on_after_file(test, "755", &content);
    }

    /// The loader's path is the first text of that kind in the file.
    fn name_another_loader(content: &mut [u8], path: &str) {
        let name = content.windows(4).position(|window| window == b"/ld-").expect("a loader");
        let start = content[..name].iter().rposition(|&byte| byte == 0).expect("a text") + 1;
        let end = name + content[name..].iter().position(|&byte| byte == 0).expect("it is terminated");
        assert!(path.len() <= end - start, "no room for {path}");
        content[start..end].fill(0);
        content[start..start + path.len()].copy_from_slice(path.as_bytes());
    }

    #[test]
    fn for_want_of_the_file() {
        let every = ["execve", "execv", "execvp", "execvpe", "execl", "execlp", "execle", "SYS_execve", "fexecve"];
        goes_on(here!(), &every, "/no/such/program");
    }

    #[test]
    fn for_want_of_the_file_on_the_path() {
        goes_on(here!(), &["execvp", "execvpe", "execlp"], "no-such-program-anywhere");
    }

    #[test]
    fn for_want_of_the_directory() {
        goes_on(here!(), &["execve", "execvp"], "/etc/passwd/program");
    }

    #[test]
    fn for_want_of_a_mode_that_allows_it() {
        goes_on_after_file(here!(), "644", b"#!/bin/sh\n");
    }

    #[test]
    fn because_the_mount_does_not_allow_it() {
        goes_on(here!(), &["execve", "execvp"], "/proc/self/maps");
    }

    #[test]
    fn because_it_is_a_directory() {
        goes_on(here!(), &["execve", "execvp", "execl", "fexecve"], "/usr");
    }

    #[test]
    fn because_it_is_a_device() {
        goes_on(here!(), &["execve", "execvp"], "/dev/null");
    }

    #[test]
    fn because_the_file_is_garbage() {
        goes_on_after_script(here!(), "\x01\x02garbage");
    }

    #[test]
    fn because_the_file_is_empty() {
        goes_on_after_script(here!(), "");
    }

    #[test]
    fn because_a_script_has_an_empty_first_line() {
        goes_on_after_script(here!(), "#!\n");
    }

    #[test]
    fn for_want_of_a_script_s_interpreter() {
        goes_on_after_script(here!(), "#!/no/such/interpreter\n");
    }

    #[test]
    fn because_a_script_s_interpreter_may_not_be_executed() {
        goes_on_after_script(here!(), "#!/etc/passwd\n");
    }

    #[test]
    fn because_a_script_s_interpreter_is_garbage() {
        let scratch = Scratch::directory();
        let garbage = scratch.file("garbage", "755", b"\x01\x02garbage");
        goes_on_after_script(here!(), &format!("#!{}\n", garbage.display()));
    }

    #[test]
    fn because_a_script_is_its_own_interpreter() {
        let scratch = Scratch::directory();
        let itself = scratch.path().join("itself");
        scratch.file("itself", "755", format!("#!{}\n", itself.display()).as_bytes());
        goes_on(here!(), &["execve", "execvp"], itself);
    }

    #[test]
    fn for_want_of_a_binary_s_loader() {
        goes_on_after_binary(here!(), |content| name_another_loader(content, "/lib64/no-such-loader"));
    }

    #[test]
    fn because_a_binary_s_loader_is_garbage() {
        goes_on_after_binary(here!(), |content| name_another_loader(content, "/etc/passwd"));
    }

    #[test]
    fn because_a_binary_is_of_another_machine() {
        let mips = 8_u16.to_le_bytes();
        goes_on_after_binary(here!(), |content| content[18..20].copy_from_slice(&mips));
    }

    #[test]
    fn because_a_binary_is_a_relocatable_object() {
        let relocatable = 1_u16.to_le_bytes();
        goes_on_after_binary(here!(), |content| content[16..18].copy_from_slice(&relocatable));
    }

    #[test]
    fn because_a_binary_is_cut_off() {
        goes_on_after_binary(here!(), |content| content.truncate(64));
    }

    #[test]
    fn because_a_binary_is_cut_off_in_its_first_line() {
        goes_on_after_binary(here!(), |content| content.truncate(20));
    }

    #[test]
    fn because_it_is_a_fifo() {
        let scratch = Scratch::directory();
        let fifo = scratch.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").args(["-m", "755"]).arg(&fifo).status().unwrap().success());
        goes_on(here!(), &["execve", "execvp"], fifo);
    }

    #[test]
    fn because_an_argument_of_a_list_is_too_long() {
        goes_on(here!(), &["execl", "execlp", "execle"], "E2BIG");
    }

    #[test]
    fn because_an_argument_is_too_long() {
        goes_on(here!(), &["execve", "execv", "execvp", "execvpe", "fexecve", "execveat", "SYS_execve"], "E2BIG");
    }

    #[test]
    fn because_the_file_is_being_written() {
        let scratch = Scratch::directory();
        let path = scratch.file("program", "755", &std::fs::read(compiled("exec_fails")).expect("it was compiled"));
        for way in ["execve", "execvp", "fexecve"] {
            goes_on_as(here!(), way, &path, "busy");
        }
    }

    /// `access(2)` would answer for the real user.
    #[test]
    fn for_want_of_the_right_of_the_effective_user() {
        // SAFETY: cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return skip(here!(), "needs root");
        }
        let scratch = Scratch::directory();
        let script = scratch.file("script", "700", b"#!/bin/sh\n");
        goes_on_as(here!(), "execve", &script, "user");
    }

    #[test]
    fn because_a_link_leads_to_itself() {
        let scratch = Scratch::directory();
        let link = scratch.path().join("link");
        std::os::unix::fs::symlink(&link, &link).expect("the target directory is writable");
        goes_on(here!(), &["execve", "execlp"], link);
    }

    #[test]
    fn because_the_name_is_too_long() {
        goes_on(here!(), &["execve", "execvp"], "x".repeat(5000));
    }

    /// The descriptor is gone before the interpreter could open it.
    #[test]
    fn because_fexecve_has_a_script_on_a_close_on_exec_descriptor() {
        let scratch = Scratch::directory();
        let script = scratch.file("script", "755", b"#!/bin/sh\n");
        goes_on(here!(), &["fexecve", "execveat", "SYS_execveat"], script);
    }

    #[test]
    fn beside_a_thread_that_serves() {
        for path in ["/no/such/program", "/usr", "E2BIG"] {
            goes_on_as(here!(), "execve", Path::new(path), "beside");
        }
    }

    #[test]
    fn while_a_drain_is_at_work() {
        let victim = Victim::c("exec_fails").arg("execve").arg("/no/such/program").arg("pending");
        Gauntlet::of(victim).prove(here!());
    }

    /// It was taken for handed on to the program that there is not, for ever.
    #[test]
    fn of_a_program_that_is_not_there_with_a_connection_that_it_would_have_had() {
        for (way, path) in [("execve", "/no/such/program"), ("execvp", "no-such-program-anywhere"), ("execv", "/usr")] {
            Gauntlet::of(Victim::c("exec_fails").arg(way).arg(path).arg("kept")).prove(here!());
        }
    }

    #[test]
    fn because_its_arguments_cannot_be_read() {
        if let Some(finished) = same_transcript(here!(), &Victim::c("exec_faults")) {
            assert!(finished.stdout.iter().all(|line| line.ends_with("the connection works")), "{finished:#?}");
        }
    }
}

/// Quick as well: the victim looks at the clock. After a vfork each close of the
/// parent takes a look at every process: fewer will do.
mod in_a_child_leaves_hundreds_of_connections_of_the_parent_alone {
    use super::*;

    fn goes_on(test: &str, child: &str) {
        let count = if child == "fork" || child == "_Fork" { 500 } else { 100 };
        Service::of(Victim::c("exec_child").arg(count.to_string()).arg(child)).copies(count, 4096).prove(test);
    }

    tests!(goes_on:
        by_fork "fork",
        by_underscore_fork "_Fork",
        by_vfork "vfork",
        by_posix_spawn "posix_spawn",
    );
}

/// Natively the connection ends in the middle of the other thread's write; it may
/// end in any way, but end it must.
#[test]
fn beside_a_thread_that_writes_the_new_image_has_its_status() {
    twice(here!(), |arena, shim| {
        for round in 0..5 {
            let mut victim = Victim::c("exec_beside").start(arena, shim);
            let peer = Peer::to(victim.port()).ask(0, 0).read(1 << 20).tell("got").read_to_end();
            let mut peer = peer.start(arena);
            peer.told("got");
            victim.go();
            let (report, finished) = (peer.report(), victim.finish());
            assert!(matches!(report.end, End::Eof | End::Reset), "{shim:?}, round {round}: {report:?}");
            assert_eq!(finished.exit, Exit::Code(7), "{shim:?}, round {round}: {finished:#?}");
            assert!(finished.stderr.is_empty(), "{shim:?}, round {round}: {finished:#?}");
        }
    });
}

mod a_silent_peer {
    use super::*;

    /// Less than the default bound of 2 s, and several times what is set here.
    const WELL_BEFORE_DEFAULT: Duration = Duration::from_millis(1700);

    /// The peer reads nothing, so that there is something to wait for.
    fn delays_no_longer(test: &str, state: &str, limit: &str) {
        let victim = Victim::c("exec_lasts").arg(state).env("SOFTCLOSE_EXIT_TIMEOUT", limit);
        let Some(arena) = Arena::or_skip(test) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let peer = Peer::to(victim.port()).ask(shim_tests::RESPONSE, 0).tell("asked").wait();
        let mut peer = peer.start(&arena);
        peer.told("asked");
        victim.go();
        let start = Instant::now();
        victim.expect("begun");
        assert!(start.elapsed() < WELL_BEFORE_DEFAULT, "{:?}", start.elapsed());
        peer.leave();
        assert_eq!(victim.finish().exit, Exit::Code(0));
    }

    #[test]
    fn of_an_open_connection_delays_an_exec_within_the_bound() {
        delays_no_longer(here!(), "open", "300ms");
    }

    #[test]
    fn of_a_pending_drain_delays_an_exec_within_the_bound() {
        delays_no_longer(here!(), "pending", "300ms");
    }

    #[test]
    fn of_an_open_connection_delays_no_exec_without_patience() {
        delays_no_longer(here!(), "open", "0");
    }

    #[test]
    fn of_a_pending_drain_delays_no_exec_without_patience() {
        delays_no_longer(here!(), "pending", "0");
    }
}

#[test]
fn the_new_image_finds_what_it_finds_natively() {
    let expected = "same process: 1";
    let finished = same_transcript(here!(), &Victim::c("exec_image"));
    if let Some(last) = finished.and_then(|mut finished| finished.stdout.pop()) {
        assert_eq!(last, expected);
    }
}

#[test]
fn arguments_and_environment_are_passed_on_by_all_of_them() {
    if let Some(finished) = same_transcript(here!(), &Victim::c("exec_arguments")) {
        assert_eq!(finished.stdout.len(), 36, "{finished:#?}");
    }
}
