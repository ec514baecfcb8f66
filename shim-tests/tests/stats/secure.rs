//! Secure execution: a program with more rights than its caller shows nothing. ld.so
//! preloads nothing into such a process, so the library is linked into the victim.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::shim::{Shim, library};
use shim_tests::skip;
use shim_tests::stats::Memory;
use shim_tests::victim::{Victim, source};
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The victim with the shim in it, as if it were its own.
fn linked(directory: &Path) -> PathBuf {
    let program = directory.join("serve");
    fs::copy(library(), directory.join("libsoftclose.so")).expect("a copy");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    let mut command = Command::new(compiler);
    command.arg("-o").args([&program, &source("serve.c")]).arg("-pthread").arg("-Wl,--no-as-needed");
    command.arg(directory.join("libsoftclose.so")).arg(format!("-Wl,-rpath,{}", directory.display()));
    assert!(command.status().expect("a C compiler").success());
    program
}

#[test]
fn a_secure_process_shows_nothing() {
    const NOBODY: u32 = 65534;
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let scratch = tempdir();
    let program = linked(&scratch);
    let count = |program: &Path| {
        let mut victim = Victim::program(program.into()).arg("1").start(&arena, Shim::Native);
        let pid = victim.pid();
        let mut peer = Peer::to(victim.port()).ask(64, 1000).upload(1000).read_to_end().start(&arena);
        let is_graceful = peer.tally().all(|report| report.has_all_of(64));
        victim.expect("closed");
        let shown = Memory::directory().says(&["ps", "--json"]);
        let all: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
        let entry =
            all.as_array().into_iter().flatten().find(|entry| entry["pid"] == pid).expect("it is listed").clone();
        (is_graceful, entry["has_counters"] == true)
    };
    assert_eq!(count(&program), (true, true), "as anybody runs it");
    if let Err(error) = chown(&program, Some(NOBODY), None) {
        return skip(here!(), &format!("a program that is setuid to somebody else: chown: {error}"));
    }
    fs::set_permissions(&program, fs::Permissions::from_mode(0o4755)).expect("our file");
    assert_eq!(count(&program), (true, false), "setuid to somebody else");
    let _ = fs::remove_dir_all(&scratch);
}

/// Where a setuid program is one: not every file system allows it.
fn tempdir() -> PathBuf {
    let path = std::env::temp_dir().join(format!("softclose-linked-{}", std::process::id()));
    fs::create_dir_all(&path).expect("a temporary directory");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our directory");
    path
}
