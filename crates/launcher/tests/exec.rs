//! The command takes the launcher's place: pid, signals, status, files.

mod common;

use common::{Installation, clean, outcome};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Stdio;

const SIGTERM: i32 = 15;

#[test]
fn the_pid_is_the_commands() {
    let installation = Installation::new();
    let child = installation.softclose().args(["sh", "-c", "echo $$"]).stdout(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    assert_eq!(child.wait_with_output().unwrap().stdout, format!("{pid}\n").as_bytes());
}

#[test]
fn the_exit_status_is_the_commands() {
    let installation = Installation::new();
    for status in [0, 1, 42, 125, 126, 127, 255] {
        assert_eq!(installation.run(["sh", "-c", &format!("exit {status}")]).status, Some(status));
    }
}

#[test]
fn a_signal_ends_it_as_it_ends_the_command() {
    let installation = Installation::new();
    let status = installation.softclose().args(["--", "sh", "-c", "kill -TERM $$"]).status().unwrap();
    assert_eq!(status.signal(), Some(SIGTERM));
}

/// systemd ignores SIGPIPE for its services, and there are servers that need it.
#[test]
fn dispositions_are_inherited() {
    let installation = Installation::new();
    let launcher = installation.path("bin/softclose");
    for prefix in ["", "trap '' PIPE;", "trap '' PIPE HUP INT;"] {
        let ignored = |program: &str| {
            let script = format!("{prefix} exec {program} grep Sig[IB] /proc/self/status");
            outcome(clean(Path::new("/bin/sh")).args(["-c", &script])).stdout
        };
        assert_eq!(ignored(launcher.to_str().unwrap()), ignored(""), "{prefix}");
    }
}

#[test]
fn arguments_arrive_byte_for_byte() {
    let installation = Installation::new();
    let words = [b"".as_slice(), b" a  b ", b"'\"$x`\\", b"\xff\xfe", b"\n", b"*"];
    let mut command = installation.softclose();
    command.args(["printf", "[%s]"]).args(words.map(OsStr::from_bytes));
    let expected: Vec<u8> = words.iter().flat_map(|word| [b"[", *word, b"]"].concat()).collect();
    assert_eq!(command.output().unwrap().stdout, expected);
}

#[test]
fn no_file_is_left_open() {
    let installation = Installation::new();
    let words = ["-c", "for fd in /proc/$$/fd/*; do echo ${fd##*/}; done"];
    let native = outcome(clean(Path::new("/bin/sh")).args(words));
    for options in [&[][..], &["--strict"]] {
        let shimmed = outcome(installation.softclose().args(options).arg("/bin/sh").args(words));
        assert_eq!(shimmed.stdout, native.stdout, "{shimmed:?}");
    }
}

#[test]
fn a_command_that_does_not_exist_is_127() {
    let installation = Installation::new();
    for name in ["softclose-no-such-command", "/no/such/command", "./no-such-command", ""] {
        let outcome = installation.run(["--", name]);
        assert_eq!(outcome.status, Some(127), "{outcome:?}");
        assert!(outcome.stderr.contains("command not found"), "{outcome:?}");
    }
}

#[test]
fn a_command_in_the_current_directory_is_named() {
    let installation = Installation::new();
    installation.plant("tool", "exit 0\n", 0o755);
    let outcome = outcome(installation.softclose().arg("tool").current_dir(installation.path("")));
    assert_eq!(outcome.status, Some(127), "{outcome:?}");
    assert!(outcome.stderr.contains("tool: command not found in PATH (there is ./tool)"), "{outcome:?}");
}

#[test]
fn a_command_that_cannot_be_executed_is_126() {
    let installation = Installation::new();
    let plain = installation.plant("plain", "echo ran\n", 0o644);
    let orphan = installation.plant("orphan", "#!/no/such/interpreter\n", 0o755);
    for path in [plain.as_path(), &orphan, Path::new("/etc/"), Path::new("/")] {
        let outcome = installation.run([path]);
        assert_eq!(outcome.status, Some(126), "{outcome:?}");
        assert!(outcome.stderr.contains(path.to_str().unwrap()), "{outcome:?}");
    }
}

#[test]
fn a_command_is_looked_for_as_execvp_does() {
    let installation = Installation::new();
    installation.plant("first/tool", "echo first\n", 0o644);
    installation.plant("second/tool", "echo second\n", 0o755);
    let path = [installation.path("first"), installation.path("second"), "/bin".into()];
    let found = outcome(installation.softclose().arg("tool").env("PATH", std::env::join_paths(&path).unwrap()));
    // Not executable in the first place, and no #! line in the second.
    assert_eq!(found.stdout, "second\n", "{found:?}");
    let refused = outcome(installation.softclose().arg("tool").env("PATH", &path[0]));
    assert_eq!(refused.status, Some(126), "{refused:?}");
}

#[test]
fn the_library_is_mapped_into_the_command() {
    let installation = Installation::new();
    let outcome = installation.run(["cat", "/proc/self/maps"]);
    assert!(outcome.stdout.contains(installation.path("bin/libsoftclose.so").to_str().unwrap()), "{outcome:?}");
    assert_eq!(outcome.stderr, "");
}
