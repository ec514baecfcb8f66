//! `--check` and `--strict`: what the shim cannot be loaded into.

mod common;

use common::{Installation, Outcome, clean, outcome, skipped};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

const EI_CLASS: usize = 4;
const E_MACHINE: usize = 18;
const ELFCLASS32: u8 = 1;
const EM_386: u16 = 3;
const EM_PPC64: u16 = 21;
const ELF32_HEADER: usize = 52;

fn check(installation: &Installation, command: impl AsRef<Path>) -> Outcome {
    installation.run([Path::new("--check"), command.as_ref()])
}

#[track_caller]
fn assert_warned(installation: &Installation, command: &Path, reason: &str) {
    let outcome = check(installation, command);
    assert_eq!(outcome.status, Some(1), "{outcome:?}");
    let is_it = |line: &str| line.starts_with("warning: ") && line.contains(reason);
    assert!(outcome.stdout.lines().any(is_it), "{reason} is not in {outcome:?}");
    assert!(!outcome.stdout.contains("ok: "), "{outcome:?}");
    let strict = installation.run([Path::new("--strict"), command]);
    assert_eq!((strict.status, strict.stdout.as_str()), (Some(125), ""), "{strict:?}");
    assert!(strict.stderr.contains(reason), "{strict:?}");
}

#[track_caller]
fn assert_ok(installation: &Installation, command: &Path) -> Outcome {
    let outcome = check(installation, command);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
    assert!(outcome.stdout.lines().last().is_some_and(|line| line.starts_with("ok: ")), "{outcome:?}");
    outcome
}

/// A copy of a dynamic program, with its bytes changed.
fn patched(installation: &Installation, patch: impl Fn(&mut [u8])) -> PathBuf {
    let mut bytes = fs::read(installation.program()).unwrap();
    patch(&mut bytes);
    installation.plant("patched", bytes, 0o755)
}

/// A program for another machine.
fn foreign(installation: &Installation) -> PathBuf {
    patched(installation, |bytes| bytes[E_MACHINE..E_MACHINE + 2].copy_from_slice(&machine(EM_PPC64)))
}

fn machine(machine: u16) -> [u8; 2] {
    machine.to_ne_bytes()
}

#[test]
fn a_dynamic_program_is_fine() {
    let installation = Installation::new();
    let outcome = assert_ok(&installation, &installation.program());
    assert_eq!(outcome.stdout.lines().count(), 1, "{outcome:?}");
    assert_eq!(installation.run([Path::new("--strict"), &installation.program()]).status, Some(0));
}

#[test]
fn a_name_is_looked_for_in_path() {
    let outcome = Installation::new().run(["--check", "env", "--", "ignored"]);
    assert_eq!(outcome.status, Some(0));
    assert!(
        outcome.stdout.contains("/env: /") && outcome.stdout.ends_with("/libsoftclose.so will be loaded\n"),
        "{outcome:?}"
    );
}

#[test]
fn a_static_program_is_warned_about() {
    let installation = Installation::new();
    for (name, flag) in [("static program", "-static"), ("static-pie program", "-static-pie")] {
        match installation.compile("static", "int main(void) { return 0; }", &[flag]) {
            Some(program) => assert_warned(&installation, &program, "no PT_INTERP"),
            None => skipped(name, "cc cannot link one here"),
        }
    }
}

/// `ld.so ./program`: the loader has no loader, and reads `LD_PRELOAD` itself.
#[test]
fn a_dynamic_loader_is_no_static_program() {
    let loader = Path::new("/lib64/ld-linux-x86-64.so.2");
    if loader.exists() {
        assert_ok(&Installation::new(), loader);
    } else {
        skipped("ld.so", "it is not there");
    }
}

/// It ends a program that another library is loaded ahead of.
#[test]
fn a_program_that_needs_address_sanitizer_is_told_what_to_do() {
    let installation = Installation::new();
    match installation.compile("sanitized", "int main(void) { return 0; }", &["-fsanitize=address"]) {
        Some(program) => assert_warned(&installation, &program, "ASAN_OPTIONS=verify_asan_link_order=0"),
        None => skipped("AddressSanitizer", "cc cannot link it here"),
    }
}

/// A program that prints whether the kernel has set `AT_SECURE` for it, in a directory that every user
/// may search.
fn says_secure(installation: &Installation) -> Vec<u8> {
    fs::set_permissions(installation.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    let source = "#include <stdio.h>\n#include <sys/auxv.h>\nint main(void) { printf(\"%lu\", getauxval(AT_SECURE)); }";
    fs::read(installation.compile("secure", source, &[]).unwrap()).unwrap()
}

/// Files that give rights to some callers. `None` where this user cannot make one.
fn files(installation: &Installation) -> Option<Vec<PathBuf>> {
    let program = says_secure(installation);
    let mut files = Vec::new();
    let modes = [(0, 0o755), (0, 0o4755), (65534, 0o4755), (0, 0o2755), (65534, 0o2755), (65534, 0o2745)];
    for (owner, mode) in modes {
        let file = installation.plant(&format!("mode-{owner}-{mode:o}"), &program, 0o755);
        chown(&file, Some(owner), Some(owner)).ok()?;
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        files.push(file);
    }
    for flags in ["ep", "p", "i", "ei", "eip"] {
        let file = installation.plant(&format!("capabilities-{flags}"), &program, 0o755);
        let made = Command::new("setcap").arg(format!("cap_net_bind_service+{flags}")).arg(&file).status();
        if made.is_ok_and(|status| status.success()) {
            files.push(file);
        } else {
            skipped("file capabilities", "setcap cannot give them");
        }
    }
    Some(files)
}

/// What the check said depended on the file alone: root's own set-user-ID programs were warned about,
/// and `--strict` refused to run them.
#[test]
fn rights_are_warned_about_where_the_kernel_says_that_the_caller_gets_them() {
    let installation = Installation::new();
    let Some(files) = files(&installation) else { return skipped("rights", "this user cannot give files away") };
    let user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    let more = [&[][..], &["--no-new-privs"], &["--inh-caps=+net_bind_service"]];
    for caller in [&[][..], &user].into_iter().flat_map(|who| more.map(|more| [who, more].concat())) {
        // setpriv(1) itself has more rights: env(1) executes the program without them, as the launcher would.
        let run = |words: &[&Path]| outcome(clean("setpriv".as_ref()).args(&caller).arg("env").args(words));
        for file in &files {
            let secure = run(&[file]);
            let checked = run(&[&installation.path("bin/softclose"), Path::new("--check"), file]);
            match (secure.status, secure.stdout.as_str()) {
                (Some(0), "1") => assert_eq!(checked.status, Some(1), "{caller:?} {file:?}: {checked:?}"),
                (Some(0), "0") => assert_eq!(checked.status, Some(0), "{caller:?} {file:?}: {checked:?}"),
                _ => skipped("rights", &format!("{caller:?} {file:?}: {secure:?}")),
            }
        }
    }
}

#[test]
fn set_group_id_without_group_execute_gives_no_rights() {
    let installation = Installation::new();
    let bytes = fs::read(installation.program()).unwrap();
    assert_ok(&installation, &installation.plant("locks", &bytes, 0o2745));
}

#[test]
fn another_machine_is_warned_about() {
    let installation = Installation::new();
    assert_warned(&installation, &foreign(&installation), "PPC64");
}

#[test]
fn another_class_is_warned_about() {
    if cfg!(target_pointer_width = "32") {
        return skipped("another class", "this machine is of 32 bits itself");
    }
    let installation = Installation::new();
    let mut header = fs::read(installation.program()).unwrap();
    header.truncate(ELF32_HEADER);
    header[EI_CLASS] = ELFCLASS32;
    header[E_MACHINE..E_MACHINE + 2].copy_from_slice(&machine(EM_386));
    // No program headers and no sections: where they are and how many.
    header[28..36].fill(0);
    header[44..].fill(0);
    assert_warned(&installation, &installation.plant("thirty-two", header, 0o755), "386 (32-bit, little-endian)");
}

#[test]
fn a_missing_loader_is_warned_about() {
    let installation = Installation::new();
    let orphan = patched(&installation, |bytes| {
        let at = bytes.windows(8).position(|part| part == b"ld-linux").expect("a glibc loader");
        bytes[at..at + 8].copy_from_slice(b"ld-nowhe");
    });
    assert_warned(&installation, &orphan, "does not exist");
    assert_eq!(installation.run([&orphan]).status, Some(126));
}

/// The loader that a file names, and the path of an interpreter, went to the terminal as they were: lines could be forged.
#[test]
fn what_a_file_says_of_itself_reaches_no_terminal_and_ends_no_line() {
    let installation = Installation::new();
    let named = |name: &str| installation.plant(name, fs::read(installation.program()).unwrap(), 0o755);
    let (command, interpreter) = (named("evil\x1b[2J\nok: all is well"), named("evil\x1b[2J"));
    let script = installation.plant("script", format!("#!{}\n", interpreter.display()), 0o755);
    let loader = patched(&installation, |bytes| {
        let at = bytes.windows(8).position(|part| part == b"ld-linux").expect("a glibc loader");
        bytes[at..at + 8].copy_from_slice(b"\x1b[2J\nok:");
    });
    let missing = installation.path("missing\x1b\nok: all is well");
    for file in [command, script, loader, missing] {
        for option in ["--check", "--strict"] {
            let Outcome { stdout, stderr, .. } = installation.run([Path::new(option), &file]);
            let said = stdout + &stderr;
            assert!(!said.contains('\x1b') && !said.contains("\nok: all") && !said.contains("\nok:-"), "{said:?}");
        }
    }
}

#[test]
fn a_go_program_gets_a_note() {
    let installation = Installation::new();
    for section in [".go.buildinfo", ".note.go.buildid"] {
        let source = format!("__attribute__((section({section:?}))) int mark = 1; int main(void) {{ return 0; }}");
        let program = installation.compile("go", &source, &[]).unwrap();
        let outcome = assert_ok(&installation, &program);
        assert!(outcome.stdout.contains("note: ") && outcome.stdout.contains("Go"), "{outcome:?}");
    }
}

#[test]
fn a_script_is_followed_to_its_interpreter() {
    let installation = Installation::new();
    let script = installation.plant("script", "#! /bin/sh -eu\n", 0o755);
    let outcome = assert_ok(&installation, &script);
    assert!(outcome.stdout.contains("script: this script is run by /bin/sh\n"), "{outcome:?}");
    let plain = installation.plant("plain", "exit 0\n", 0o755);
    assert!(assert_ok(&installation, &plain).stdout.contains("this script is run by /bin/sh\n"));
}

#[test]
fn an_env_script_is_followed_through_path() {
    let installation = Installation::new();
    for line in ["#!/usr/bin/env sh", "#!/usr/bin/env -S A=1 sh -eu"] {
        let outcome = assert_ok(&installation, &installation.plant("env-script", format!("{line}\n"), 0o755));
        assert!(outcome.stdout.contains("/sh\n"), "{outcome:?}");
    }
    let clears = installation.plant("env-clears", "#!/usr/bin/env -S -i sh\n", 0o755);
    assert_warned(&installation, &clears, "clear the environment");
    let nobody = installation.plant("env-nobody", "#!/usr/bin/env softclose-no-such-command\n", 0o755);
    assert_warned(&installation, &nobody, "softclose-no-such-command");
}

#[test]
fn what_is_wrong_with_the_interpreter_is_wrong_with_the_script() {
    let installation = Installation::new();
    let interpreter = foreign(&installation);
    let script = installation.plant("script", format!("#!{}\n", interpreter.display()), 0o755);
    assert_warned(&installation, &script, "PPC64");
    let orphan = installation.plant("orphan", "#!/no/such/interpreter\n", 0o755);
    assert_warned(&installation, &orphan, "/no/such/interpreter");
}

/// The kernel takes the name of the interpreter literally, and does not search PATH.
#[test]
fn a_line_that_the_kernel_cannot_follow_is_warned_about() {
    let installation = Installation::new();
    for (line, reason) in [("#!/bin/sh\r", "carriage return"), ("#!sh", "\"sh\", and there is no such file")] {
        let script = installation.plant("script", format!("{line}\nexit 0\n"), 0o755);
        assert_warned(&installation, &script, reason);
        assert_eq!(installation.run([&script]).status, Some(126), "{line:?}");
    }
    let from_dos = installation.plant("script", "#!/usr/bin/env sh\r\nexit 0\r\n", 0o755);
    assert_warned(&installation, &from_dos, "sh?: command not found");
}

#[test]
fn a_set_id_script_has_no_rights_from_it() {
    let installation = Installation::new();
    assert_ok(&installation, &installation.plant("script", "#!/bin/sh\n", 0o4755));
}

#[test]
fn scripts_in_a_circle_come_to_an_end() {
    let installation = Installation::new();
    let path = installation.path("circle");
    installation.plant("circle", format!("#!{}\n", path.display()), 0o755);
    assert_warned(&installation, &path, "more than 5 interpreters");
}

#[test]
fn a_broken_elf_file_is_warned_about() {
    let installation = Installation::new();
    assert_warned(&installation, &installation.plant("broken", b"\x7fELF", 0o755), "ELF file");
    assert_warned(
        &installation,
        &installation.plant("cut", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0", 0o755),
        "ELF file",
    );
}

#[test]
fn no_command_is_127_and_no_executable_126() {
    let installation = Installation::new();
    let plain = installation.plant("plain", "", 0o644);
    for options in [&["--check"][..], &["--strict"], &["--check", "--strict"]] {
        let missing = installation.run(options.iter().chain(&["softclose-no-such-command"]));
        assert_eq!(missing.status, Some(127), "{missing:?}");
        let refused = installation.run(options.iter().chain(&[plain.to_str().unwrap()]));
        assert_eq!(refused.status, Some(126), "{refused:?}");
    }
}

#[test]
fn an_unreadable_program_is_warned_about() {
    let installation = Installation::new();
    let program = installation.program();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o111)).unwrap();
    if fs::File::open(&program).is_ok() {
        return skipped("unreadable program", "this user can read everything");
    }
    assert_warned(&installation, &program, "cannot be read");
}

#[test]
fn strict_makes_a_warning_of_check_125_too() {
    let installation = Installation::new();
    let outcome = installation.run([Path::new("--check"), Path::new("--strict"), &foreign(&installation)]);
    assert_eq!(outcome.status, Some(125), "{outcome:?}");
    assert!(outcome.stdout.contains("warning: "), "{outcome:?}");
}

#[test]
fn a_library_that_is_none_cannot_be_compared_with() {
    let installation = Installation::bare();
    installation.plant("bin/libsoftclose.so", "not an ELF file", 0o644);
    let outcome = check(&installation, "sh");
    assert_eq!(outcome.status, Some(125), "{outcome:?}");
}

const E_PHOFF: usize = 32;
const E_SHOFF: usize = 40;
const PHDR: usize = 56;
const P_FILESZ: usize = 32;
const PT_INTERP: u32 = 3;

/// A file with holes, which takes no room on the disk, was read into memory as its headers said.
#[test]
fn a_file_that_says_its_tables_are_huge_is_not_read() {
    const HUGE: u64 = 2 << 30;
    const LITTLE_KIB: i64 = 500 << 10;
    if cfg!(target_pointer_width = "32") {
        return skipped("a huge table", "this machine is of 32 bits itself");
    }
    let installation = Installation::new();
    let number = |bytes: &[u8], at: usize| u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap());
    let hugely = |patch: &dyn Fn(&mut [u8])| {
        let file = patched(&installation, patch);
        fs::File::options().write(true).open(&file).and_then(|file| file.set_len(HUGE + (1 << 20))).unwrap();
        check(&installation, &file)
    };
    let interpreter = hugely(&|bytes| {
        let first = number(bytes, E_PHOFF) as usize;
        let kind = PT_INTERP.to_ne_bytes();
        let at = (first..).step_by(PHDR).find(|&at| bytes[at..at + 4] == kind).unwrap();
        bytes[at + P_FILESZ..at + P_FILESZ + 8].copy_from_slice(&HUGE.to_ne_bytes());
    });
    assert_eq!(interpreter.status, Some(1), "{interpreter:?}");
    // The number of sections is in the first of them, where it is 0 in the head.
    let sections = hugely(&|bytes| {
        let first = number(bytes, E_SHOFF) as usize;
        bytes[60..62].fill(0);
        bytes[first + 32..first + 40].copy_from_slice(&(HUGE / 64 - 1 - first as u64 / 64).to_ne_bytes());
    });
    assert_eq!(sections.status, Some(0), "a program runs without sections: {sections:?}");
    // SAFETY: plain numbers, for which zeroes are valid; the call writes them.
    let most = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_CHILDREN, &mut usage), 0);
        usage.ru_maxrss
    };
    assert!(most < LITTLE_KIB, "{most} KiB");
}
