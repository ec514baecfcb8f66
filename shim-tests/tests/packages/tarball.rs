//! The archive, installed into a directory.

use crate::tree::{files, maps, output, packaging, portable, release, succeed};
use shim_tests::here;
use shim_tests::installed::is_missing;
use shim_tests::scratch::Scratch;
use std::env::consts::ARCH;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The unpacked archive.
struct Archive(Scratch);

impl Archive {
    fn unpacked() -> Self {
        let (release, directory) = (release(), Scratch::directory());
        let tree = portable(release.path());
        succeed(packaging("tarball").arg(ARCH).args([tree.path().join(ARCH).as_path(), directory.path()]));
        let file = directory.path().join(format!("{}.tar.gz", Self::name()));
        succeed(Command::new("tar").arg("-xzf").arg(file).arg("-C").arg(directory.path()));
        Self(directory)
    }

    fn name() -> String {
        format!("softclose-{}-{ARCH}", env!("CARGO_PKG_VERSION"))
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(Self::name()).join(below)
    }

    fn install(&self, shell: &[&str], args: &[String]) -> Command {
        let [program, more @ ..] = shell else { panic!("no shell") };
        let mut command = Command::new(program);
        command.args(more).arg(self.path("install.sh")).args(args);
        command
    }
}

/// It is installed, works, and is gone again.
fn comes_and_goes(shell: &[&str]) {
    let (archive, root) = (Archive::unpacked(), Scratch::directory());
    let places = [format!("DESTDIR={}", root.path().display()), "PREFIX=/opt/soft-close".to_owned()];
    // The second one replaces the first.
    for _ in 0..2 {
        succeed(&mut archive.install(shell, &places));
    }
    let prefix = root.path().join("opt/soft-close");
    let library = prefix.join("lib/softclose/libsoftclose.so");
    assert!(maps(&prefix.join("bin")).contains(library.to_str().expect("a plain path")));
    let read = |name: &str| fs::read_to_string(prefix.join(name)).expect("an installed file");
    let page = read("share/man/man7/softclose.7").replace(r"\-", "-");
    assert!(page.contains("LD_PRELOAD=/opt/soft-close/lib/softclose/libsoftclose.so") && !page.contains("/usr/local"));
    let unit = read("lib/systemd/system/softclose-refs.service");
    assert!(unit.contains("/opt/soft-close/bin/softclosectl"), "{unit}");
    assert!(read("share/doc/softclose/licences/libsoftclose.so.txt").contains("Permission is hereby granted"));

    fs::write(root.path().join("opt/soft-close/share/another"), "").expect("a new file");
    succeed(&mut archive.install(shell, &[&["uninstall".to_owned()], &places[..]].concat()));
    assert_eq!(files(root.path()), ["opt/soft-close/share/another"]);
    assert!(!prefix.join("lib/softclose").exists() && !prefix.join("share/doc/softclose").exists());
}

#[test]
fn sh_installs_the_archive_and_removes_it() {
    comes_and_goes(&["sh"]);
}

/// Alpine has no other shell.
#[test]
fn busybox_installs_the_archive_and_removes_it() {
    if is_missing(here!(), "busybox") {
        return;
    }
    // Of its own commands rather than of this system's.
    comes_and_goes(&["busybox", "sh"]);
}

#[test]
fn a_relative_place_is_refused() {
    let archive = Archive::unpacked();
    for place in ["PREFIX=no-such-place", "DESTDIR=no-such-place", "bogus"] {
        let output = output(&mut archive.install(&["sh"], &[place.to_owned()]));
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("usage"), "{output:#?}");
    }
}

/// All that was said was what cp could not do.
#[test]
fn a_place_that_cannot_be_written_to_is_named() {
    let archive = Archive::unpacked();
    let output = output(&mut archive.install(&["sh"], &["PREFIX=/proc/no-such-place".to_owned()]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("you may not write to /proc/no-such-place"), "{output:#?}");
    assert!(said.contains("PREFIX="), "{said}");
}
