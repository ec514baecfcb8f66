//! What hostile users can do to `softclosectl`: names, pages and directories of theirs.
//!
//! Each test shows something that went wrong once.

use super::{holding, served};
use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::proc::wait_until;
use shim_tests::program::Program;
use shim_tests::shim::library;
use shim_tests::skip;
use shim_tests::stats::{Memory, text};
use shim_tests::victim::{Victim, compiled};
use softclose_core::counters::page::{CELLS, LAYOUT, MAGIC, Page, SIZE};
use std::ffi::OsStr;
use std::fs;
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// The content of a stats file.
struct Forged(Vec<u8>);

impl Forged {
    /// Of process `pid` in this pid namespace, all of whose values are `value`.
    fn page(pid: u32, value: u64) -> Self {
        let namespace = fs::metadata("/proc/self/ns/pid").map_or(0, |data| std::os::unix::fs::MetadataExt::ino(&data));
        let mut page = Self(vec![0; SIZE]);
        for at in (offset_of!(Page, values)..SIZE).step_by(8) {
            page.put(at, &value.to_ne_bytes());
        }
        for at in 0..CELLS {
            page.put(offset_of!(Page, cells) + 8 * at, &(u64::from(pid) << 32 | value & 0xffff_ffff).to_ne_bytes());
        }
        page.put(0, &MAGIC.to_ne_bytes());
        page.put(offset_of!(Page, layout), &LAYOUT.to_ne_bytes());
        page.put(offset_of!(Page, version), b"0.2.0");
        page.put(offset_of!(Page, creator), &pid.to_ne_bytes());
        page.put(offset_of!(Page, namespace), &namespace.to_ne_bytes());
        page.put(offset_of!(Page, program), b"forged");
        page
    }

    fn put(&mut self, at: usize, what: &[u8]) {
        self.0[at..at + what.len()].copy_from_slice(what);
    }
}

/// A process without softclose that maps these files, as a program with softclose maps its own.
fn maps(words: &[&OsStr]) -> Program {
    let mut command = Command::new(compiled("maps_files"));
    command.args(words).env_remove("LD_PRELOAD");
    let mut program = Program::start(command);
    program.expect("ready");
    program
}

/// A file with this content in a directory, and a process that maps it.
fn mapped(memory: &Memory, page: Forged) -> Program {
    let path = memory.path().join("1-1-0.softclose");
    fs::write(&path, page.0).expect("our file");
    maps(&[path.as_os_str()])
}

/// The lines of metrics, without those about what is missing.
fn series(said: &str) -> Vec<&str> {
    let samples = said.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

fn is_unique(said: &str) {
    let mut all = series(said);
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "a series is there twice");
}

/// `maps` of such a process was no text: it was taken for one without softclose, its counters for those
/// of one that has ended, and `clean` removed them.
#[test]
fn a_program_whose_path_is_no_text_is_seen_and_keeps_its_counters() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let odd = memory.path().join(OsStr::from_bytes(b"\xff\xfe\n\x1b"));
    fs::copy(compiled("serve"), &odd).expect("a copy");
    let (victim, peer) = holding(&arena, memory.shows(Victim::program(odd.into())));
    assert_eq!(memory.stat(victim.pid()).state(), "live");
    memory.says(&["clean"]);
    assert_eq!(memory.stat(victim.pid()).state(), "live");
    peer.leave();
}

/// It has no `maps` of its own any more; the other threads have.
#[test]
fn a_program_whose_first_thread_has_ended_is_seen() {
    let memory = Memory::directory();
    let path = memory.path().join("1-1-0.softclose");
    fs::write(&path, Forged::page(1, 1).0).expect("our file");
    let program = maps(&["--main-ends".as_ref(), path.as_os_str()]);
    wait_until("its first thread has ended", || {
        fs::read_to_string(format!("/proc/{}/stat", program.pid())).is_ok_and(|stat| stat.contains(") Z "))
    });
    assert_eq!(memory.stat(program.pid()).state(), "live");
}

/// Root's commands panicked as long as any process had mapped such a file. A user can make one: in a
/// mount namespace of his own, on a file system that was unmounted since.
#[test]
fn a_mapped_file_whose_name_looks_like_the_kernel_s_panics_nobody() {
    let memory = Memory::directory();
    let at = memory.path().join("mount");
    fs::create_dir(&at).expect("our directory");
    let script = "import mmap, os, subprocess, sys\n\
        at = sys.argv[1]\n\
        subprocess.run(['mount', '-t', 'tmpfs', 'none', at], check=True)\n\
        maps = []\n\
        for name in ['SYSV', 'SYSV\\xe9', '[stack:', 'a b.softclose']:\n\
        \x20   with open(at + '/' + name, 'w+b') as file:\n\
        \x20       file.write(bytes(9000)); file.flush(); maps.append(mmap.mmap(file.fileno(), 9000))\n\
        subprocess.run(['umount', '-l', at], check=True)\n\
        print('ready', flush=True)\n\
        sys.stdin.read()\n";
    let mut command = Command::new("unshare");
    command.args(["--mount", "python3", "-c", script]).arg(&at).env_remove("LD_PRELOAD");
    let Ok(mut child) = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
        return skip(here!(), "there is no unshare");
    };
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).expect("a pipe");
    if line == "ready\n" {
        let maps = fs::read(format!("/proc/{}/maps", child.id())).expect("it lives");
        assert!(maps.windows(6).any(|part| part == b" /SYSV"), "{}", String::from_utf8_lossy(&maps));
        for words in [&["ps"][..], &["stat"], &["prometheus"], &["clean"]] {
            memory.says(words);
        }
    } else {
        skip(here!(), "no mount namespace, or no python3");
    }
    drop(child.stdin.take());
    child.wait().expect("our child");
}

/// Sums of such values were an overflow, in a debug build a panic.
#[test]
fn the_largest_values_are_shown_by_every_command() {
    let memory = Memory::directory();
    let program = mapped(&memory, Forged::page(0, u64::MAX));
    let (me, pid) = (program.pid(), program.pid().to_string());
    fs::write(memory.path().join("1-1-0.softclose"), Forged::page(me, u64::MAX).0).expect("our file");
    for words in
        [&["ps"][..], &["ps", "--json"], &["stat", &pid], &["stat", "--json"], &["explain", &pid], &["prometheus"]]
    {
        memory.says(words);
    }
    let stat = memory.stat(me);
    assert_eq!(stat.number("closes_total"), u64::MAX);
    assert_eq!(stat.number("drains_held"), u64::from(u32::MAX) * CELLS as u64);
}

/// `stat 1` answered about an ended program of a container, and a file of any user about any process.
#[test]
fn a_file_that_nobody_maps_does_not_answer_for_a_process() {
    let memory = Memory::directory();
    for pid in [1, std::process::id()] {
        fs::write(memory.path().join(format!("{pid}-1-0.softclose")), Forged::page(pid, 7).0).expect("our file");
        for word in ["stat", "explain"] {
            let output = memory.ctl(&[word, &pid.to_string()]).output().expect("softclosectl runs");
            let is_no_answer =
                ["does not have softclose", "may not look at"].iter().any(|no| text(&output).contains(no));
            assert!(!output.status.success() && is_no_answer, "{}", text(&output));
        }
    }
    let said = memory.says(&["prometheus"]);
    assert!(!said.contains("forged"), "what nobody maps is not exported: {said}");
    is_unique(&said);
}

/// Under `hidepid` an ended program answered for a process that could not be seen.
#[test]
fn a_process_that_proc_hides_is_not_taken_for_ended() {
    let memory = Memory::directory();
    let program = maps(&[]);
    let pid = program.pid().to_string();
    fs::set_permissions(memory.path(), fs::Permissions::from_mode(0o777)).expect("our directory");
    let path = memory.path().join("1-1-0.softclose");
    fs::write(&path, Forged::page(program.pid(), 7).0).expect("our file");
    let user = "setpriv --reuid 65534 --clear-groups";
    let script = format!(
        "mount -t proc -o hidepid=2 proc /proc && {user} true || exit 77; {user} '{}' --dir '{}' stat {pid}; test $? = 1",
        shim_tests::shim::ctl().display(),
        memory.path().display()
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &script]).env_remove("LD_PRELOAD");
    match command.output() {
        Ok(output) if output.status.code() == Some(77) => skip(here!(), &text(&output)),
        Ok(output) if text(&output).contains("Permission denied") => skip(here!(), "another user cannot execute it"),
        Ok(output) => assert!(text(&output).contains("you may not look at process"), "{}", text(&output)),
        Err(error) => skip(here!(), &format!("unshare: {error}")),
    }
}

/// A living program stays the one that its pid names.
#[test]
fn a_forged_page_does_not_shadow_a_program_that_runs() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = served(&arena, &memory, 2);
    for at in 0..3 {
        let name = format!("{}-{at}-0.softclose", victim.pid());
        fs::write(memory.path().join(name), Forged::page(victim.pid(), 7).0).expect("our file");
    }
    let stat = memory.stat(victim.pid());
    assert_eq!((stat.state(), stat.number("drains_begun_total")), ("live", 2));
    let row = format!("{} ", victim.pid());
    assert_eq!(memory.says(&["ps"]).lines().filter(|line| line.starts_with(&row)).count(), 1);
}

/// A process may map any number of files. Prometheus refuses all numbers if one series is there twice.
#[test]
fn a_process_with_several_files_is_exported_once() {
    let memory = Memory::directory();
    let paths = [1, 2, 3].map(|at| {
        let path = memory.path().join(format!("{at}-1-0.softclose"));
        fs::write(&path, Forged::page(1, at).0).expect("our file");
        path
    });
    let program = maps(&paths.each_ref().map(|path| path.as_os_str()));
    let me = program.pid();
    let said = memory.says(&["prometheus"]);
    is_unique(&said);
    assert!(said.contains(&format!("softclose_closes_total{{pid=\"{me}\",uid=\"")), "{said}");
    let another = format!("process {me} has another file as well");
    assert_eq!(said.lines().filter(|line| line.contains(&another)).count(), 2, "{said}");
    // Other tests may have files of that kind meanwhile.
    assert!(!said.contains("softclose_files_left_out{why=\"second\"} 0\n"), "{said}");
}

/// A process of root's that maps a file of another user's shows what that user has written.
#[test]
fn a_file_of_another_user_s_than_the_process_is_not_exported() {
    let memory = Memory::directory();
    let program = mapped(&memory, Forged::page(1, 1));
    let me = program.pid();
    if let Err(error) = chown(memory.path().join("1-1-0.softclose"), Some(65534), None) {
        return skip(here!(), &format!("chown: {error}"));
    }
    let said = memory.says(&["prometheus"]);
    assert!(!said.contains(&format!("pid=\"{me}\"")), "{said}");
    assert!(
        said.contains("# missing: ") && said.contains(&format!("belongs to user 65534: others than process {me} may")),
        "{said}"
    );
    assert!(!said.contains("softclose_files_left_out{why=\"owner\"} 0\n"), "{said}");
    let pid = me.to_string();
    for word in ["stat", "explain"] {
        let said = memory.says(&[word, &pid]);
        assert!(said.lines().next().is_some_and(|head| head.ends_with(", file of user 65534")), "{said}");
    }
    let shown = memory.says(&["ps"]);
    assert!(shown.lines().any(|line| line.starts_with(&format!("{me} ")) && line.contains("of user 65534")), "{shown}");
}

/// Kept, though it is as it should be: nobody could forge a row, or reach the terminal.
#[test]
fn what_softclosectl_prints_of_a_page_is_one_line_without_escapes() {
    let memory = Memory::directory();
    let mut page = Forged::page(1, 1);
    for (at, most) in
        [(offset_of!(Page, version), 24), (offset_of!(Page, program), 64), (offset_of!(Page, settings), 3072)]
    {
        let evil = "\n1 0 root\r\x1b]0;x\x07\u{202e}\u{2028}=\u{9b}\"} 1\n";
        page.put(at, &evil.as_bytes()[..most.min(evil.len())]);
    }
    let program = mapped(&memory, page);
    let pid = program.pid().to_string();
    for words in [&["ps"][..], &["stat", &pid], &["stat", &pid, "--json"], &["explain", &pid], &["prometheus"]] {
        let said = memory.says(words);
        let is_evil = |one: char| (one.is_control() && one != '\n') || matches!(one, '\u{202e}' | '\u{2028}');
        assert!(!said.contains(is_evil), "{words:?}: {said:?}");
        assert!(!said.lines().any(|line| line.trim_start().starts_with("1 0 root")), "{words:?}: {said}");
    }
    is_unique(&memory.says(&["prometheus"]));
}

/// Root read all files that a user had made, and a page with many short settings took 70 KiB each.
#[test]
fn of_a_directory_no_more_is_read_than_softclose_makes() {
    let memory = Memory::directory();
    for at in 0..5000 {
        fs::write(memory.path().join(format!("{at}-1-0.softclose")), "").expect("our directory");
    }
    let said = memory.says(&["ps"]);
    assert!(said.contains("only 4096 of its files were looked at"), "{said}");
    assert!(said.lines().count() < 100, "one line for the rest: {}", said.lines().count());
}

/// Programs of that user have no counters, and nothing said why.
#[test]
fn a_directory_with_the_name_of_another_user_s_is_reported() {
    let user = 2_000_000 + std::process::id();
    let directory = PathBuf::from(format!("/dev/shm/softclose-{user}"));
    fs::create_dir(&directory).expect("/dev/shm is writable");
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o700)).expect("our directory");
    fs::write(directory.join("1-1-0.softclose"), Forged::page(1, 1).0).expect("our directory");
    let memory = Memory::directory();
    let output = memory.ctl(&["ps", "--all"]).output().expect("softclosectl runs");
    fs::remove_dir_all(&directory).expect("our directory");
    let said = text(&output);
    let why = format!("{}: programs of user {user} publish no counters there: it belongs to user", directory.display());
    assert!(said.contains(&why), "{said}");
    assert!(!said.contains("forged"), "{said}");
}

/// A user's process kept each of root's commands waiting, for as long as it liked: ps(1) hangs there, too.
#[test]
fn a_process_that_keeps_whoever_looks_at_it_waiting_is_left_out() {
    let memory = Memory::directory();
    let at = memory.path().join("mount");
    fs::create_dir(&at).expect("our directory");
    let mut command = Command::new(compiled("keeps_waiting"));
    command.arg(&at).arg(library()).env_remove("LD_PRELOAD");
    let mut program = Program::start(command);
    let said = program.expect("");
    if let Some(reason) = said.strip_prefix("unsupported: ") {
        return skip(here!(), reason);
    }
    let left_out = format!("process {said} was left out: it keeps whoever looks at its memory waiting\n");
    assert!(memory.says(&["ps"]).contains(&left_out));
    memory.says(&["prometheus"]);
    let refused = memory.ctl(&["explain", &said]).output().expect("softclosectl runs");
    assert!(!refused.status.success() && text(&refused).contains("keeps whoever looks"), "{}", text(&refused));
}

mod clean {
    use super::*;

    /// Its owner kept it for ever by a time to come.
    #[test]
    fn removes_a_file_without_counters_that_is_from_the_future() {
        let memory = Memory::directory();
        for (name, date) in [("1-1-0.softclose", "2100-01-01"), ("2-1-0.softclose", "now")] {
            fs::write(memory.path().join(name), "").expect("our directory");
            let touched = Command::new("touch").args(["-d", date]).arg(memory.path().join(name)).status();
            assert!(touched.is_ok_and(|status| status.success()));
        }
        memory.says(&["clean"]);
        assert_eq!(memory.files(), ["2-1-0.softclose"]);
    }

    /// Counters of a program that was started while the command looked around were removed: it was
    /// not yet there when the processes were listed, and its file was when the files were.
    #[test]
    fn removes_nothing_of_programs_that_start_and_fork_meanwhile() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let cleaner = scope.spawn(|| {
                while !is_over.load(SeqCst) {
                    memory.says(&["clean"]);
                }
            });
            for _ in 0..30 {
                let victim = served(&arena, &memory, 1);
                assert_eq!(memory.files().len(), 1, "its file is there");
                drop(victim.finish());
            }
            is_over.store(true, SeqCst);
            cleaner.join().expect("clean succeeds");
        });
    }

    /// Where a worker may not be looked at, and in another pid namespace, the kernel knows that it
    /// still has the file.
    #[test]
    fn leaves_the_file_of_a_process_that_cannot_be_seen() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let victim = served(&arena, &memory, 1);
        let mut command = Command::new("unshare");
        let script = format!(
            "mount -t proc proc /proc || exit 77; '{}' clean --dir '{}'",
            shim_tests::shim::ctl().display(),
            memory.path().display()
        );
        command.args(["--mount", "--pid", "--fork", "sh", "-c", &script]).env_remove("LD_PRELOAD");
        let output = command.output().expect("util-linux");
        if !output.status.success() {
            return skip(here!(), &text(&output));
        }
        assert!(text(&output).contains("left ") && memory.files().len() == 1, "{}", text(&output));
        assert_eq!(memory.stat(victim.pid()).state(), "live");
    }

    /// Hundreds of lines said which, and none how many.
    #[test]
    fn says_how_many_and_names_them_only_where_that_is_asked_for() {
        let memory = Memory::directory();
        for at in 0..50 {
            fs::write(memory.path().join(format!("{at}-1-0.softclose")), Forged::page(at, 1).0).expect("our directory");
        }
        let said = memory.says(&["clean", "--dry-run"]);
        assert!(said.lines().count() <= 5 && said.contains(": counters of programs that have ended\n"), "{said}");
        assert_eq!(memory.files().len(), 50);
    }

    /// The second one failed at the first file that the other had removed.
    #[test]
    fn twice_at_once_is_no_error() {
        let memory = Memory::directory();
        for at in 0..200 {
            fs::write(memory.path().join(format!("{at}-1-0.softclose")), Forged::page(at, 1).0).expect("our directory");
        }
        let run =
            || memory.ctl(&["clean", "--list"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
        let both = [run(), run()].map(|child| child.wait_with_output().expect("it ends"));
        for output in &both {
            assert!(output.status.success(), "{}", text(output));
        }
        let removed = both.iter().flat_map(|output| text(output).lines().map(str::to_owned).collect::<Vec<_>>());
        let mut removed: Vec<_> =
            removed.filter(|line| line.contains(memory.path().to_str().expect("plain"))).collect();
        removed.sort();
        removed.dedup();
        assert_eq!((removed.len(), memory.files().len()), (200, 0), "each is said once");
    }

    #[test]
    fn can_only_say_what_it_would_do_and_says_what_it_leaves() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let _victim = served(&arena, &memory, 1);
        let path = memory.path().join("1-1-0.softclose");
        fs::write(&path, Forged::page(1, 1).0).expect("our directory");
        let said = memory.says(&["clean", "--dry-run", "--list"]);
        assert!(said.contains(&format!("would remove {}\n", path.display())) && said.contains(": in use\n"), "{said}");
        assert!(path.exists());
        assert!(memory.says(&["clean", "--list"]).contains(&format!("removed {}\n", path.display())));
        assert!(!path.exists());
        assert_eq!(memory.files().len(), 1);
    }
}
