//! The settings of softclose: what they change, and what is said about wrong ones.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::program::{Exit, Finished};
use shim_tests::shim::{Shim, library};
use shim_tests::victim::{Victim, compiled};
use shim_tests::{here, skip};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Upload that a connected socket takes by default.
const CLIENT_UPLOAD: usize = 512 << 10;

/// Runs a program that has nothing to do with sockets.
fn plain(test: &str, settings: &[(&str, &str)]) -> Option<Finished> {
    let victim = settings.iter().fold(Victim::c("plain_exit"), |victim, (name, value)| victim.env(name, value));
    Some(victim.start(&Arena::or_skip(test)?, Shim::Preloaded).finish())
}

mod a_bad_value {
    use super::*;

    /// One line names the variable, the value, what is allowed and what is used
    /// instead; the program runs and ends as ever.
    fn is_reported(test: &str, name: &str, value: &str, words: &[&str]) {
        let Some(finished) = plain(test, &[(name, value)]) else { return };
        assert_eq!(finished.exit, Exit::Code(7), "{finished:#?}");
        assert!(finished.stdout.is_empty(), "{finished:#?}");
        let [line] = &finished.stderr[..] else { panic!("not one line: {finished:#?}") };
        for word in [name, value].iter().chain(words) {
            assert!(line.contains(word), "no {word:?} in {line:?}");
        }
    }

    #[test]
    fn of_disable_is_reported() {
        is_reported(here!(), "SOFTCLOSE_DISABLE", "maybe", &["0 or 1"]);
    }

    #[test]
    fn of_timeout_is_reported() {
        is_reported(here!(), "SOFTCLOSE_TIMEOUT", "10", &["500ms", "30s"]);
    }

    #[test]
    fn of_idle_is_reported() {
        is_reported(here!(), "SOFTCLOSE_IDLE", "fast", &["500ms", "5s"]);
    }

    #[test]
    fn of_max_bytes_is_reported() {
        is_reported(here!(), "SOFTCLOSE_MAX_BYTES", "1mb", &["1MiB", "64MiB"]);
    }

    #[test]
    fn of_connected_max_bytes_is_reported() {
        is_reported(here!(), "SOFTCLOSE_CONNECTED_MAX_BYTES", "-1", &["64KiB", "1MiB"]);
    }

    #[test]
    fn of_max_pending_is_reported() {
        is_reported(here!(), "SOFTCLOSE_MAX_PENDING", "0", &["65536", "auto"]);
    }

    #[test]
    fn of_exit_timeout_is_reported() {
        is_reported(here!(), "SOFTCLOSE_EXIT_TIMEOUT", "1d", &["500ms", "2s"]);
    }

    #[test]
    fn of_role_is_reported() {
        is_reported(here!(), "SOFTCLOSE_ROLE", "server", &["both", "accepted", "connected"]);
    }

    #[test]
    fn of_strategy_is_reported() {
        is_reported(here!(), "SOFTCLOSE_STRATEGY", "polite", &["linger, abort, peer-first", "drain"]);
    }

    #[test]
    fn of_peer_first_is_reported() {
        is_reported(here!(), "SOFTCLOSE_PEER_FIRST", "200", &["500ms", "200ms"]);
    }

    #[test]
    fn of_rules_is_reported() {
        is_reported(here!(), "SOFTCLOSE_RULES", "local:80", &["rule 1", "CONDITION", "ignored"]);
    }

    #[test]
    fn of_engine_is_reported() {
        is_reported(here!(), "SOFTCLOSE_ENGINE", "turbo", &["thread", "inline"]);
    }

    #[test]
    fn of_log_is_reported() {
        is_reported(here!(), "SOFTCLOSE_LOG", "loud", &["off", "error", "info", "debug"]);
    }

    #[test]
    fn of_log_file_is_reported() {
        is_reported(here!(), "SOFTCLOSE_LOG_FILE", "relative/path", &["absolute"]);
    }

    #[test]
    fn of_stats_is_reported() {
        is_reported(here!(), "SOFTCLOSE_STATS", "1", &["on or off"]);
    }

    #[test]
    fn of_stats_dir_is_reported() {
        is_reported(here!(), "SOFTCLOSE_STATS_DIR", "relative", &["absolute"]);
    }

    /// The log went to a file of another name.
    #[test]
    fn that_is_no_text_is_reported() {
        use std::os::unix::ffi::OsStringExt;
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let variable = std::ffi::OsString::from_vec(b"SOFTCLOSE_LOG_FILE=/tmp/\xff.log".to_vec());
        let victim = Victim::c("plain_exit").under(["env".into(), variable]);
        let finished = victim.start(&arena, Shim::Preloaded).finish();
        assert_eq!(finished.exit, Exit::Code(7), "{finished:#?}");
        let [line] = &finished.stderr[..] else { panic!("not one line: {finished:#?}") };
        assert!(line.contains("SOFTCLOSE_LOG_FILE=") && line.contains("is not text in UTF-8"), "{line}");
    }

    #[test]
    fn is_reported_once_for_each_variable() {
        let settings = [("SOFTCLOSE_IDLE", "x"), ("SOFTCLOSE_TIMEOUT", "y"), ("SOFTCLOSE_ROLE", "z")];
        if let Some(finished) = plain(here!(), &settings) {
            assert_eq!(finished.stderr.len(), 3, "{finished:#?}");
        }
    }

    #[test]
    fn leaves_the_default_in_force() {
        let victim = Victim::c("blocking").env("SOFTCLOSE_MAX_BYTES", "none at all");
        let gauntlet = Gauntlet::of(victim);
        if let Some(outcome) = gauntlet.run(here!(), Shim::Preloaded) {
            assert!(outcome.reports.all(|report| report.has_all_of(shim_tests::RESPONSE)), "{outcome:#?}");
        }
    }
}

#[test]
fn good_values_say_nothing() {
    let settings = [
        ("SOFTCLOSE_DISABLE", "0"),
        ("SOFTCLOSE_TIMEOUT", "1m"),
        ("SOFTCLOSE_IDLE", "0"),
        ("SOFTCLOSE_MAX_BYTES", "1GiB"),
        ("SOFTCLOSE_CONNECTED_MAX_BYTES", "0"),
        ("SOFTCLOSE_MAX_PENDING", "auto"),
        ("SOFTCLOSE_EXIT_TIMEOUT", "500ms"),
        ("SOFTCLOSE_ROLE", "accepted"),
        ("SOFTCLOSE_STRATEGY", "peer-first"),
        ("SOFTCLOSE_PEER_FIRST", "1s"),
        ("SOFTCLOSE_RULES", "accepted, local:80-443=drain; peer:10.0.0.0/8=abort;"),
        ("SOFTCLOSE_ENGINE", "inline"),
        ("SOFTCLOSE_LOG", "off"),
        ("SOFTCLOSE_LOG_FILE", ""),
        ("SOFTCLOSE_STATS", "on"),
        ("SOFTCLOSE_STATS_DIR", "/dev/shm"),
    ];
    if let Some(finished) = plain(here!(), &settings) {
        assert_eq!(finished, Finished { exit: Exit::Code(7), stdout: vec![], stderr: vec![] });
    }
}

#[test]
fn disabled_it_loses_as_natively() {
    let gauntlet = Gauntlet::of(Victim::c("blocking").env("SOFTCLOSE_DISABLE", "1"));
    gauntlet.loses(here!(), Shim::Preloaded);
}

#[test]
fn disabled_it_loses_at_exit_as_natively() {
    let victim = Victim::c("exit_open").arg("exit").env("SOFTCLOSE_DISABLE", "1");
    Gauntlet::of(victim).exits_with(7).loses(here!(), Shim::Preloaded);
}

mod the_role {
    use super::*;

    fn server(role: &str) -> Gauntlet {
        Gauntlet::of(Victim::c("blocking").env("SOFTCLOSE_ROLE", role))
    }

    fn client(role: &str) -> Gauntlet {
        Gauntlet::of(Victim::c("client").env("SOFTCLOSE_ROLE", role)).victim_connects().upload(CLIENT_UPLOAD)
    }

    #[test]
    fn accepted_serves_servers_only() {
        server("accepted").delivers(here!());
        client("accepted").loses(here!(), Shim::Preloaded);
    }

    #[test]
    fn connected_serves_clients_only() {
        server("connected").loses(here!(), Shim::Preloaded);
        client("connected").delivers(here!());
    }

    #[test]
    fn both_serves_both() {
        server("both").delivers(here!());
        client("both").delivers(here!());
    }
}

mod the_log {
    use super::*;

    fn run(test: &str, level: &str, file: Option<&Path>) -> Option<Finished> {
        let victim = Victim::c("blocking").env("SOFTCLOSE_LOG", level);
        let victim = match file {
            Some(path) => victim.env("SOFTCLOSE_LOG_FILE", path.to_str().expect("a plain path")),
            None => victim,
        };
        let outcome = Gauntlet::of(victim).run(test, Shim::Preloaded)?;
        assert!(outcome.reports.all(|report| report.has_all_of(shim_tests::RESPONSE)), "{outcome:#?}");
        assert_eq!(outcome.finished.exit, Exit::Code(0), "{outcome:#?}");
        assert_eq!(outcome.finished.stdout.len(), 2, "the log is on stdout: {outcome:#?}");
        Some(outcome.finished)
    }

    fn is_ours(line: &str) -> bool {
        line.contains("softclose")
    }

    #[test]
    fn is_off_by_default() {
        let Some(outcome) = Gauntlet::of(Victim::c("blocking")).run(here!(), Shim::Preloaded) else { return };
        assert!(outcome.finished.stderr.is_empty(), "{outcome:#?}");
    }

    #[test]
    fn of_errors_is_empty_where_there_are_none() {
        if let Some(finished) = run(here!(), "error", None) {
            assert!(finished.stderr.is_empty(), "{finished:#?}");
        }
    }

    #[test]
    fn for_debugging_has_a_line_for_the_close() {
        if let Some(finished) = run(here!(), "debug", None) {
            assert!(!finished.stderr.is_empty(), "{finished:#?}");
            assert!(finished.stderr.iter().all(|line| is_ours(line)), "{finished:#?}");
        }
    }

    #[test]
    fn goes_to_a_file_that_is_appended_to() {
        let directory = Scratch::new("log");
        let path = directory.0.join("softclose.log");
        std::fs::write(&path, "what was there\n").expect("a writable file");
        if let Some(finished) = run(here!(), "debug", Some(&path)) {
            let text = std::fs::read_to_string(&path).expect("the log");
            let mut lines = text.lines();
            assert_eq!(lines.next(), Some("what was there"));
            let rest: Vec<_> = lines.collect();
            assert!(!rest.is_empty() && rest.iter().all(|line| is_ours(line)), "{text}");
            assert!(finished.stderr.is_empty(), "{finished:#?}");
        }
    }

    /// A log that cannot be written is no reason to disturb the program.
    #[test]
    fn that_cannot_be_opened_disturbs_nobody() {
        run(here!(), "debug", Some(Path::new("/proc/self/no/such/directory/log")));
    }
}

/// `AT_SECURE`: the environment belongs to somebody with fewer rights than the
/// process. ld.so preloads nothing into such a process, unless root has put us in
/// a trusted place; so the library is loaded by dlopen instead.
#[test]
fn a_secure_process_ignores_the_environment() {
    let Some(scratch) = setuid_copies(here!()) else { return };
    let warnings = |program: &str| {
        let mut command = Command::new(scratch.0.join(program));
        command.arg(scratch.0.join("lib.so")).env_remove("LD_PRELOAD").env("SOFTCLOSE_IDLE", "nonsense");
        let output = command.output().expect("the victim runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(said.contains("loaded yes"), "{said}");
        (said.contains("secure 1"), String::from_utf8_lossy(&output.stderr).lines().count())
    };
    assert_eq!(warnings("ordinary"), (false, 1));
    let (secure, lines) = warnings("setuid");
    if secure {
        assert_eq!(lines, 0);
    } else {
        skip(here!(), "a setuid copy is not secure here (nosuid?)");
    }
}

/// An ordinary and a setuid copy of the victim, and the shim where both may read
/// it.
fn setuid_copies(test: &str) -> Option<Scratch> {
    const NOBODY: u32 = 65534;
    let scratch = Scratch::new("secure");
    let put = |from: &Path, name: &str| {
        std::fs::copy(from, scratch.0.join(name)).expect("a copy");
    };
    put(&compiled("load_library"), "ordinary");
    put(&compiled("load_library"), "setuid");
    put(library(), "lib.so");
    let setuid = scratch.0.join("setuid");
    if let Err(error) = std::os::unix::fs::chown(&setuid, Some(NOBODY), None) {
        skip(test, &format!("a program that is setuid to somebody else: chown: {error}"));
        return None;
    }
    std::fs::set_permissions(&setuid, std::fs::Permissions::from_mode(0o4755)).expect("our file");
    Some(scratch)
}

/// A directory that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("softclose-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary directory");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("our directory");
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
