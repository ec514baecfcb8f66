//! What `docs/not-loaded.md` says of the loader: where the library is loaded, where it is not, and
//! what ld.so(8) says then. Real programs look at their own `/proc/self/maps`.

use shim_tests::installed::{find, is_missing};
use shim_tests::scratch::Scratch;
use shim_tests::shim::{Shim, launcher, library};
use shim_tests::{here, skip};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const NOBODY: &str = "65534";

/// `words`, which are a command, with the library in `LD_PRELOAD`.
fn preloaded(words: &[&str]) -> Command {
    let (program, arguments) = words.split_first().expect("a command");
    let mut command = Command::new(program);
    command.args(arguments);
    Shim::Preloaded.dress(&mut command);
    command
}

/// What the command says on both of its streams.
fn said(command: &mut Command) -> String {
    let Output { stdout, stderr, .. } = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned()
}

/// Whether the `grep` at the end of the command finds the library in its own memory.
fn is_loaded(command: &mut Command) -> bool {
    let said = said(command.args(["-c", "libsoftclose", "/proc/self/maps"]));
    let count = said.lines().find_map(|line| line.parse::<usize>().ok());
    count.unwrap_or_else(|| panic!("{command:?} counts nothing: {said}")) > 0
}

/// Whether only root could do what `test` does, and it is not root. Then it is said that it is skipped.
fn needs_root(test: &str) -> bool {
    // SAFETY: no memory is passed.
    let is_other = unsafe { libc::geteuid() } != 0;
    if is_other {
        skip(test, "needs root");
    }
    is_other
}

/// A copy of grep(1) with this mode.
fn grep_in(scratch: &Scratch, mode: &str) -> PathBuf {
    let original = std::fs::read(find("grep").expect("grep")).expect("a program");
    scratch.file("grep", mode, &original)
}

/// `program`, executed as nobody.
fn as_nobody(program: &Path) -> Command {
    let mut command = preloaded(&["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
    command.arg(program);
    command
}

/// Whether nobody can execute the program, and read the library.
fn nobody_can(test: &str, program: &Path) -> bool {
    let words = |words: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).args(words);
        command.output().is_ok_and(|output| output.status.success())
    };
    let can = words(&["test", "-r", &library().to_string_lossy(), "-a", "-x", &program.to_string_lossy()]);
    if !can {
        skip(test, "another user cannot reach the target directory");
    }
    can
}

#[test]
fn the_library_is_in_the_maps_of_the_program() {
    assert!(is_loaded(&mut preloaded(&["grep"])));
    assert!(is_loaded(Command::new(launcher()).args(["--", "grep"])));
}

#[test]
fn a_wrapper_that_clears_the_environment_takes_it_away() {
    assert!(!is_loaded(&mut preloaded(&["env", "-i", "grep"])));
    assert!(!is_loaded(&mut preloaded(&["env", "-u", "LD_PRELOAD", "grep"])));
    let launcher = launcher().to_string_lossy().into_owned();
    assert!(is_loaded(&mut preloaded(&["env", "-i", "PATH=/usr/bin:/bin", &launcher, "--", "grep"])));
}

/// The shell has it all the same: what it executes has not.
#[test]
fn a_shell_that_unsets_the_variable_keeps_it_itself() {
    let script = "unset LD_PRELOAD; grep -c libsoftclose /proc/$$/maps /proc/self/maps";
    let said = said(&mut preloaded(&["sh", "-c", script]));
    let counts: Vec<_> = said.lines().filter_map(|line| line.rsplit_once(':')).map(|(_, count)| count != "0").collect();
    assert_eq!(counts, [true, false], "{said}");
}

#[test]
fn the_loader_names_what_it_cannot_preload() {
    let scratch = Scratch::directory();
    let text = scratch.file(
        "text",
        "644",
        b"no library, but longer than the head of one is: it has more than sixty-four bytes",
    );
    let empty = scratch.file("empty", "644", b"");
    let cases = [
        (Path::new("/nowhere/libsoftclose.so"), "cannot open shared object file"),
        (Path::new("nosuchsoftclose.so"), "cannot open shared object file"),
        (scratch.path(), "cannot read file data"),
        (&text, "invalid ELF header"),
        (&empty, "file too short"),
    ];
    for (path, reason) in cases {
        let line = format!(
            "ERROR: ld.so: object '{}' from LD_PRELOAD cannot be preloaded ({reason}): ignored.",
            path.display()
        );
        let said = said(Command::new("ls").args(["-d", "/"]).env("LD_PRELOAD", path));
        assert_eq!(said.lines().collect::<Vec<_>>(), ["/", &line]);
    }
}

/// The loader of musl reads the variable, and is silent about what it does not find.
#[test]
fn the_loader_of_musl_expands_no_lib_and_says_nothing() {
    let Some(program) = shim_tests::victim::Victim::musl_path("plain_exit") else {
        return skip(here!(), "no musl-gcc");
    };
    let silent = said(Command::new(&program).env_remove("LD_PRELOAD"));
    for path in ["/usr/$LIB/libsoftclose.so", "/nowhere/libsoftclose.so"] {
        assert_eq!(said(Command::new(&program).env("LD_PRELOAD", path)), silent, "{path}");
    }
}

#[test]
fn a_set_user_id_program_ignores_it_without_a_word() {
    if needs_root(here!()) || is_missing(here!(), "setpriv") {
        return;
    }
    let scratch = Scratch::directory();
    let other = Scratch::directory();
    let (plain, special) = (grep_in(&scratch, "755"), grep_in(&other, "4755"));
    if nobody_can(here!(), &plain) {
        assert!(is_loaded(&mut as_nobody(&plain)));
        assert!(!is_loaded(&mut as_nobody(&special)));
        assert!(is_loaded(&mut preloaded(&[&special.to_string_lossy()])), "it gives root no rights");
    }
}

#[test]
fn a_program_with_file_capabilities_ignores_it() {
    if needs_root(here!()) || is_missing(here!(), "setpriv") || is_missing(here!(), "setcap") {
        return;
    }
    let scratch = Scratch::directory();
    let program = grep_in(&scratch, "755");
    let setcap = find("setcap").expect("it is there");
    if !Command::new(setcap).arg("cap_net_bind_service+ep").arg(&program).status().is_ok_and(|status| status.success())
    {
        return skip(here!(), "setcap sets nothing here");
    }
    if nobody_can(here!(), &program) {
        assert!(!is_loaded(&mut as_nobody(&program)));
        assert!(is_loaded(&mut preloaded(&[&program.to_string_lossy()])), "they give root no rights");
    }
}

#[test]
fn ambient_capabilities_take_nothing_away() {
    if needs_root(here!()) || is_missing(here!(), "setpriv") {
        return;
    }
    let scratch = Scratch::directory();
    let program = grep_in(&scratch, "755");
    if nobody_can(here!(), &program) {
        let raised = ["--inh-caps=+net_bind_service", "--ambient-caps=+net_bind_service"];
        let mut command = preloaded(&["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]);
        assert!(is_loaded(command.args(raised).arg(&program)));
    }
}

/// `/etc/ld.so.preload`, in a mount namespace with an `/etc` of its own.
mod system_wide {
    use super::*;

    /// What a shell says that runs `script` where `/etc/ld.so.preload` has this content. `None` where there can be no
    /// such place.
    fn said_with(test: &str, content: &str, script: &str) -> Option<String> {
        if needs_root(test) || is_missing(test, "unshare") {
            return None;
        }
        let scratch = Scratch::directory();
        let etc = scratch.path().join("etc");
        let prepare = format!(
            "set -e; mount -t tmpfs tmpfs {0}; mkdir {1}; cp -a /etc/. {1}; printf '%s\\n' '{content}' > {1}/ld.so.preload
            mount --bind {1} /etc; set +e; exec env -u LD_PRELOAD sh -c \"$SCRIPT\"",
            scratch.path().display(),
            etc.display(),
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &prepare]).env("SCRIPT", script);
        Shim::Native.dress(&mut command);
        let output = command.output().expect("unshare");
        if !output.status.success() {
            skip(test, &format!("no mount namespace: {}", String::from_utf8_lossy(&output.stderr).trim()));
            return None;
        }
        assert!(!Path::new("/etc/ld.so.preload").exists(), "it was written for the whole system");
        Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    #[test]
    fn every_program_has_it_whatever_its_environment() {
        let path = library().to_string_lossy();
        let said = said_with(here!(), &path, "env -i grep -o libsoftclose /proc/self/maps | sort -u");
        assert!(said.is_none_or(|said| said == "libsoftclose\n"));
    }

    #[test]
    fn a_missing_file_is_a_line_from_each_program() {
        let line = "ERROR: ld.so: object '/nowhere/libsoftclose.so' from /etc/ld.so.preload cannot be preloaded \
                    (cannot open shared object file): ignored.";
        let said = said_with(here!(), "/nowhere/libsoftclose.so", "ls -d / && ls -d /");
        // `env`, the shell, and twice `ls`.
        assert!(said.is_none_or(|said| said.matches(line).count() == 4 && said.matches("/\n").count() == 2));
    }
}

/// The upgrade of nginx to another binary, by SIGUSR2: the new master gets the variables that the
/// configuration names, and no others.
mod nginx_upgraded {
    use super::*;
    use shim_tests::DEADLINE;
    use shim_tests::arena::Arena;
    use shim_tests::proc::becomes_true;
    use std::fs;

    fn has_library(pid: &str) -> bool {
        fs::read_to_string(format!("/proc/{pid}/maps")).is_ok_and(|maps| maps.contains("libsoftclose"))
    }

    fn is_parent(process: u32, child: &str) -> bool {
        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("PPid:").is_some_and(|pid| pid.trim() == process.to_string()))
    }

    /// Whether the old master and the new one have the library. `None` where it cannot be tried.
    fn masters(test: &str, line: &str) -> Option<[bool; 2]> {
        if needs_root(test) || is_missing(test, "nginx") {
            return None;
        }
        let nginx = find("nginx").expect("it is there");
        let arena = Arena::or_skip(test)?;
        let scratch = Scratch::directory();
        let place = scratch.path().display();
        let text = format!(
            "{line} user root; worker_processes 1; pid {place}/pid; error_log {place}/error; events {{}}
            http {{ access_log off; server {{ listen 127.0.0.1:18099; }} }}"
        );
        let file = scratch.file("nginx.conf", "644", text.as_bytes());
        let master = || fs::read_to_string(scratch.path().join("pid")).unwrap_or_default().trim().to_owned();
        let mut command = preloaded(&[&nginx.to_string_lossy(), "-c", &file.to_string_lossy()]);
        command.current_dir(scratch.path());
        let _starter = arena.start(command);
        assert!(becomes_true(DEADLINE, || !master().is_empty()), "nginx does not start");
        let old = master();
        let pid: i32 = old.parse().expect("a number");
        // It ignores the signal where its parent is still the process that started it.
        assert!(becomes_true(DEADLINE, || !arena.processes().iter().any(|&other| is_parent(other, &old))));
        // A signal that comes before the master waits for one is lost. With its worker it waits.
        let is_worker = |other: u32| is_parent(pid.unsigned_abs(), &other.to_string());
        assert!(becomes_true(DEADLINE, || arena.processes().into_iter().any(is_worker)), "no worker");
        // SAFETY: no memory is passed.
        unsafe { libc::kill(pid, libc::SIGUSR2) };
        assert!(becomes_true(DEADLINE, || !matches!(&*master(), new if new.is_empty() || new == old)), "no new master");
        let loaded = [has_library(&old), has_library(&master())];
        arena.end_all();
        Some(loaded)
    }

    #[test]
    fn loses_the_library() {
        assert!(masters(here!(), "").is_none_or(|loaded| loaded == [true, false]));
    }

    #[test]
    fn keeps_it_if_the_configuration_names_the_variable() {
        assert!(masters(here!(), "env LD_PRELOAD;").is_none_or(|loaded| loaded == [true, true]));
    }
}
