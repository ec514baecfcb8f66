//! `make install` and `make uninstall`.

use crate::tree::{files, output, release, succeed};
use shim_tests::scratch::Scratch;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

fn make(target: &str, release: &Scratch, root: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("make");
    command.args(["-s", target]).arg(format!("RELEASE={}", release.path().display()));
    command.arg(format!("DESTDIR={}", root.display())).args(more);
    command
}

/// What a program that is started by the launcher of `bin` has mapped.
fn maps(bin: &Path) -> String {
    succeed(Command::new(bin.join("softclose")).args(["--", "cat", "/proc/self/maps"]))
}

#[test]
fn everything_is_at_its_usual_place_and_is_taken_away_again() {
    let (release, root) = (release(), Scratch::directory());
    let prefix = ["PREFIX=/opt/softclose"];
    succeed(&mut make("install", &release, root.path(), &prefix));
    let found = files(&root.path().join("opt/softclose"));
    for expected in [
        "bin/softclose",
        "bin/softclosectl",
        "lib/softclose/libsoftclose.so",
        "lib/softclose/softclose-drain",
        "lib/systemd/system/softclose-refs.service",
        "share/bash-completion/completions/softclose",
        "share/bash-completion/completions/softclosectl",
        "share/doc/softclose/README.md",
        "share/doc/softclose/docs/operations.md",
        "share/doc/softclose/examples/Containerfile",
        "share/doc/softclose/examples/softclose.conf",
        "share/fish/vendor_completions.d/softclose.fish",
        "share/fish/vendor_completions.d/softclosectl.fish",
        "share/man/man1/softclose.1",
        "share/man/man1/softclosectl.1",
        "share/man/man7/softclose.7",
        "share/zsh/site-functions/_softclose",
        "share/zsh/site-functions/_softclosectl",
    ] {
        assert!(found.iter().any(|name| name == expected), "no {expected} in {found:#?}");
    }
    let library = root.path().join("opt/softclose/lib/softclose/libsoftclose.so");
    assert!(maps(&root.path().join("opt/softclose/bin")).contains(library.to_str().expect("a plain path")));
    succeed(&mut make("uninstall", &release, root.path(), &prefix));
    assert_eq!(files(root.path()), [""; 0]);
    assert!(!root.path().join("opt/softclose/lib/softclose").exists());
}

/// Programs that run have the old one mapped: it must not be written to.
#[test]
fn a_second_install_replaces_the_library_by_a_new_file() {
    let (release, root) = (release(), Scratch::directory());
    let library = root.path().join("usr/local/lib/softclose/libsoftclose.so");
    succeed(&mut make("install", &release, root.path(), &[]));
    let old = File::open(&library).expect("the library");
    succeed(&mut make("install", &release, root.path(), &[]));
    let (old, new) = (old.metadata().expect("open"), fs::metadata(&library).expect("the library"));
    assert_ne!(old.ino(), new.ino());
    assert_eq!(old.len(), new.len());
    assert!(files(root.path()).iter().all(|name| !name.ends_with(".new")));
}

#[test]
fn the_launcher_finds_the_library_in_lib64() {
    let (release, root) = (release(), Scratch::directory());
    succeed(&mut make("install", &release, root.path(), &["PREFIX=/usr", "LIBDIR=/usr/lib64"]));
    assert!(maps(&root.path().join("usr/bin")).contains("/usr/lib64/libsoftclose.so"));
}

#[test]
fn a_place_where_the_launcher_would_not_find_the_library_is_an_error() {
    let (release, root) = (release(), Scratch::directory());
    let output = output(&mut make("install", &release, root.path(), &["PREFIX=/usr", "LIBDIR=/elsewhere"]));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot find libsoftclose.so"), "{output:#?}");
}
