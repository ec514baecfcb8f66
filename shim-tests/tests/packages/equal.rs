//! The same files make the same packages.

use crate::tree::{files, packaging, portable, release, succeed};
use shim_tests::here;
use shim_tests::installed::is_missing;
use shim_tests::scratch::Scratch;
use std::env::consts::ARCH;
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is made in one directory is the same in another.
fn is_equal(make: impl Fn(&Path)) {
    let made = [Scratch::directory(), Scratch::directory()];
    for directory in &made {
        make(directory.path());
    }
    let [first, second] = made.each_ref().map(Scratch::path);
    let names = files(first);
    assert!(!names.is_empty() && names == files(second), "{names:?}");
    for name in names {
        let read = |directory: &Path| fs::read(directory.join(&name)).expect("it was just made");
        assert!(read(first) == read(second), "{name} differs");
    }
}

fn dated(script: &str) -> Command {
    let mut command = packaging(script);
    command.env("SOURCE_DATE_EPOCH", "1000000000");
    command
}

#[test]
fn two_runs_make_the_same_debian_packages() {
    if is_missing(here!(), "dpkg-deb") {
        return;
    }
    let release = release();
    is_equal(|out| {
        let mut command = dated("deb");
        command.env("DPKG_DEB_COMPRESSOR_TYPE", "gzip").env("DPKG_DEB_COMPRESSOR_LEVEL", "1");
        succeed(command.arg(ARCH).args([release.path(), out]));
    });
}

#[test]
fn two_runs_make_the_same_rpms() {
    if is_missing(here!(), "rpmbuild") {
        return;
    }
    let release = release();
    is_equal(|out| {
        succeed(dated("rpm").env("RPM_PAYLOAD", "w1.gzdio").arg(ARCH).args([release.path(), out]));
    });
}

#[test]
fn two_runs_make_the_same_archive_and_image() {
    let release = release();
    is_equal(|out| {
        let tree = portable(release.path());
        let tree = tree.path().join(ARCH);
        succeed(dated("tarball").arg(ARCH).args([tree.as_path(), out]));
        succeed(dated("image").args([out, &tree]));
    });
}
