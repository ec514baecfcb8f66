//! Where the files are, who can read them, and when they are not made at all.

use super::served;
use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::program::{Exit, Finished};
use shim_tests::scratch::Scratch;
use shim_tests::shim::{Shim, ctl, library};
use shim_tests::skip;
use shim_tests::stats::{Memory, text};
use shim_tests::victim::Victim;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Serves one connection with its counters in `directory`, and ends well.
fn serves(arena: &Arena, directory: &Path) -> (Vec<PathBuf>, Finished) {
    let victim = Victim::c("serve").arg("1").env("SOFTCLOSE_STATS_DIR", directory.to_str().expect("a plain path"));
    serve_once(arena, victim, directory)
}

/// What was there when a connection had been served.
fn serve_once(arena: &Arena, victim: Victim, directory: &Path) -> (Vec<PathBuf>, Finished) {
    let mut victim = victim.start(arena, Shim::Preloaded);
    let mut peer = Peer::to(victim.port()).ask(64, 0).read_to_end().start(arena);
    assert!(peer.tally().all(|report| report.has_all_of(64)));
    victim.expect("closed");
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    (entries, victim.finish())
}

#[track_caller]
fn makes_nothing(arena: &Arena, directory: &Path) {
    let (entries, finished) = serves(arena, directory);
    assert_eq!(entries, [""; 0].map(PathBuf::from), "{finished:#?}");
    assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    assert!(finished.stderr.is_empty(), "{finished:#?}");
}

#[test]
fn a_file_is_ours_alone_while_we_live_and_then_gone() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let (entries, finished) = serves(&arena, memory.path());
    assert_eq!(entries.len(), 1, "{finished:#?}");
    assert_eq!(memory.files(), [""; 0]);
    let victim = served(&arena, &memory, 1);
    let file = fs::metadata(memory.path().join(&memory.files()[0])).expect("the file");
    assert_eq!(file.mode() & 0o7777, 0o600);
    assert!(memory.files()[0].starts_with(&format!("{}-", victim.pid())), "{:?}", memory.files());
}

/// A worker that has given up root could take the page's memory away (`MADV_REMOVE`) and fill
/// `/dev/shm`: the next close of its master was a `SIGBUS`.
#[test]
fn of_root_is_where_no_other_user_can_fill_the_file_system() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let mut victim = Victim::c("serve").arg("1").start(&arena, Shim::Preloaded);
    let owner = fs::metadata(format!("/proc/{}", victim.pid())).expect("it lives").uid();
    if owner != 0 {
        return skip(here!(), "not root");
    }
    Peer::to(victim.port()).ask(64, 0).read_to_end().start(&arena).tally();
    victim.expect("closed");
    let maps = fs::read_to_string(format!("/proc/{}/maps", victim.pid())).expect("it lives");
    let page = maps.lines().find(|line| line.ends_with(".softclose")).expect("a page");
    let parent = ["/run/softclose/", "/dev/softclose/"].into_iter().find(|parent| page.contains(parent));
    let parent = Path::new(parent.unwrap_or_else(|| panic!("{page}"))).parent().expect("a directory of the system's");
    let parent = fs::metadata(parent).expect("a directory of the system's");
    assert_eq!((parent.uid(), parent.mode() & 0o022), (0, 0));
}

/// What a program did that was killed can still be read, until it is cleaned away.
#[test]
fn counters_survive_sigkill() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let mut victim = served(&arena, &memory, 3);
    let pid = victim.pid();
    victim.signal(libc::SIGKILL);
    assert_eq!(victim.exit(), Exit::Signal(libc::SIGKILL));
    // Its memory goes a moment after its end is seen.
    let stat = memory.stat(pid);
    assert_eq!(stat.number("drains_begun_total"), 3, "{:#}", stat.0);
    drop(victim);
    assert_eq!(memory.stat(pid).state(), "ended");
    let has_row = |said: &str| said.lines().any(|line| line.starts_with(&format!("{pid} ")) && line.contains("ended"));
    let (said, all) = (memory.says(&["ps"]), memory.says(&["ps", "--all"]));
    assert!(has_row(&all) && !has_row(&said) && said.contains("files not listed without --all: "), "{said}{all}");
    assert_eq!(memory.files().len(), 1, "to look at it removes nothing");
    assert!(memory.says(&["clean", "--list"]).contains(&format!("{pid}-")));
    assert_eq!(memory.files(), [""; 0]);
}

#[test]
fn clean_leaves_what_is_in_use() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = served(&arena, &memory, 1);
    memory.says(&["clean"]);
    assert_eq!(memory.stat(victim.pid()).state(), "live");
}

/// Each copy of the library has a file of its own. The second one was removed while it was in use.
#[test]
fn clean_leaves_both_files_of_a_process_with_two_copies_of_the_library() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let (memory, scratch) = (Memory::directory(), Scratch::directory());
    let copy = scratch.path().join("libsoftclose.so");
    fs::copy(library(), &copy).expect("a copy");
    let victim = memory.shows(Victim::c("serve").arg("1")).behind(copy);
    let mut victim = victim.start(&arena, Shim::Preloaded);
    Peer::to(victim.port()).ask(64, 0).read_to_end().start(&arena).leave();
    victim.expect("closed");
    let files = memory.files();
    assert_eq!(files.len(), 2, "{files:?}");
    memory.says(&["clean"]);
    assert_eq!(memory.files().len(), 2);
    assert!(memory.says(&["ps"]).contains(&format!("of {}", victim.pid())));
}

#[test]
fn switched_off_nothing_is_made() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = memory.shows(Victim::c("serve").arg("1")).env("SOFTCLOSE_STATS", "off");
    assert!(serve_once(&arena, victim, memory.path()).0.is_empty());
}

#[test]
fn a_program_without_connections_makes_nothing_and_is_listed_all_the_same() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = memory.shows(Victim::program("cat".into())).start(&arena, Shim::Preloaded);
    let pid = victim.pid();
    shim_tests::proc::wait_until("it is loaded", || {
        memory.says(&["ps", "--json"]).contains(&format!("\"pid\": {pid},"))
    });
    assert!(memory.files().is_empty());
    let refused = memory.ctl(&["stat", &pid.to_string()]).output().expect("softclosectl runs");
    assert!(!refused.status.success() && text(&refused).contains("no TCP connection yet"), "{}", text(&refused));
}

/// Beyond `RLIMIT_FSIZE` a write is a signal, which kills.
#[test]
fn a_limit_on_file_sizes_kills_nobody() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = memory.shows(Victim::c("serve").arg("1")).under(["prlimit", "--fsize=0"]);
    let (entries, finished) = serve_once(&arena, victim, memory.path());
    assert!(entries.is_empty());
    assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
}

/// A worker without rights maps the page of a parent that has them.
#[test]
fn whatever_is_written_into_it_the_program_is_as_before() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    for garbage in [0xff, 0x00, 0x41] {
        let (victim, peer) = super::holding(&arena, memory.shows(Victim::c("serve")));
        let file = memory.path().join(&memory.files()[0]);
        let len = fs::metadata(&file).expect("the file").len() as usize;
        fs::OpenOptions::new()
            .write(true)
            .open(&file)
            .and_then(|mut file| file.write_all(&vec![garbage; len]))
            .expect("ours");
        memory.says(&["ps"]);
        memory.says(&["prometheus"]);
        peer.leave();
        assert_eq!(victim.finish().exit, Exit::Code(0));
        let _ = fs::remove_file(file);
    }
}

mod a_directory {
    use super::*;

    #[test]
    fn behind_a_link_is_not_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let (memory, scratch) = (Memory::directory(), Scratch::directory());
        let link = scratch.path().join("link");
        symlink(memory.path(), &link).expect("a link");
        makes_nothing(&arena, &link);
    }

    #[test]
    fn that_others_may_write_to_is_not_used_unless_it_is_sticky() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let allow = |mode| fs::set_permissions(memory.path(), fs::Permissions::from_mode(mode)).expect("our directory");
        for mode in [0o777, 0o775, 0o757] {
            allow(mode);
            makes_nothing(&arena, memory.path());
        }
        allow(0o1777);
        assert_eq!(serves(&arena, memory.path()).0.len(), 1);
    }

    #[test]
    fn of_another_user_is_not_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        if let Err(error) = chown(memory.path(), Some(65534), None) {
            return skip(here!(), &format!("chown: {error}"));
        }
        makes_nothing(&arena, memory.path());
    }

    /// A store to a file on a disk may wait for the disk.
    #[test]
    fn on_a_disk_is_not_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let scratch = Scratch::directory();
        let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(scratch.path()).output().expect("coreutils");
        if kind.stdout.starts_with(b"tmpfs") {
            return skip(here!(), "the target directory is in memory");
        }
        makes_nothing(&arena, scratch.path());
    }

    /// A program that crashes again and again must not fill the memory.
    #[test]
    fn with_thousands_of_files_is_not_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        for at in 0..4100 {
            fs::write(memory.path().join(at.to_string()), "").expect("our directory");
        }
        let (entries, finished) = serves(&arena, memory.path());
        assert_eq!(entries.len(), 4100, "{finished:#?}");
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }

    #[test]
    fn that_is_not_there_is_not_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        makes_nothing(&arena, Path::new("/dev/shm/softclose-test-no-such-directory"));
    }
}

/// Users of this test's own.
mod another_user {
    use super::*;

    /// A user whom nobody has, `None` where we cannot become it.
    fn user(test: &str) -> Option<u32> {
        let user = 1_000_000 + std::process::id();
        let id = user.to_string();
        let can = Command::new("setpriv").args(["--reuid", &id, "--clear-groups", "true"]).status();
        if !can.is_ok_and(|status| status.success()) {
            skip(test, "setpriv cannot change the user");
            return None;
        }
        Some(user)
    }

    fn become_user(victim: Victim, user: u32) -> Victim {
        victim.under(["setpriv", "--reuid", &user.to_string(), "--clear-groups"])
    }

    fn home(user: u32) -> PathBuf {
        PathBuf::from(format!("/dev/shm/softclose-{user}"))
    }

    #[test]
    fn has_a_directory_of_its_own_which_root_can_read_and_a_third_cannot() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let Some(user) = user(here!()) else { return };
        let mut victim = become_user(Victim::c("serve").arg("1"), user).start(&arena, Shim::Preloaded);
        Peer::to(victim.port()).ask(64, 0).read_to_end().start(&arena).tally();
        victim.expect("closed");
        let directory = fs::metadata(home(user)).expect("its directory");
        assert_eq!((directory.uid(), directory.mode() & 0o7777), (user, 0o700));
        let memory = Memory::directory();
        assert_eq!(memory.stat(victim.pid()).number("drains_begun_total"), 1);
        let as_user = |user: u32| {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &user.to_string(), "--clear-groups"]).arg(ctl());
            command.args(["stat", &victim.pid().to_string()]).env_remove("LD_PRELOAD").output().expect("setpriv runs")
        };
        assert!(as_user(user).status.success(), "{}", text(&as_user(user)));
        let third = as_user(user + 1);
        assert!(!third.status.success() && text(&third).contains("you may not look at process"), "{}", text(&third));
        drop(victim.finish());
        assert_eq!(fs::read_dir(home(user)).expect("its directory").count(), 0);
        fs::remove_dir(home(user)).expect("an empty directory");
    }

    #[track_caller]
    fn is_not_used(test: &str, prepare: impl Fn(&Path), clean: impl Fn(&Path)) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let Some(user) = user(test) else { return };
        let home = home(user);
        prepare(&home);
        let (entries, finished) = serve_once(&arena, become_user(Victim::c("serve").arg("1"), user), &home);
        clean(&home);
        assert_eq!(entries, [""; 0].map(PathBuf::from), "{finished:#?}");
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }

    #[test]
    fn whose_directory_somebody_else_has_made_uses_none() {
        let make = |home: &Path| {
            fs::create_dir(home).expect("/dev/shm is writable");
            fs::set_permissions(home, fs::Permissions::from_mode(0o777)).expect("our directory");
        };
        is_not_used(here!(), make, |home| fs::remove_dir(home).expect("an empty directory"));
    }

    #[test]
    fn whose_directory_is_a_link_uses_none() {
        let target = Memory::directory();
        fs::set_permissions(target.path(), fs::Permissions::from_mode(0o777)).expect("our directory");
        let link = |home: &Path| symlink(target.path(), home).expect("a link");
        is_not_used(here!(), link, |home| fs::remove_file(home).expect("the link"));
        assert!(target.files().is_empty());
    }
}
