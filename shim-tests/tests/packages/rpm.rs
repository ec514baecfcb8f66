//! Packages for Fedora and its like, installed below a directory of their own.

use crate::tree::{files, maps, output, packaging, release, succeed};
use shim_tests::built::project;
use shim_tests::installed::find;
use shim_tests::scratch::Scratch;
use shim_tests::{here, skip};
use std::env::consts::ARCH;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages of one build: libsoftclose, softclose, softclose-debuginfo.
struct Packages(Scratch);

impl Packages {
    /// `None` where they cannot be made. Quickly compressed, as the Debian packages of the tests are.
    fn or_skip(test: &str) -> Option<Self> {
        if let Some(missing) = ["rpmbuild", "rpm", "objcopy"].iter().find(|tool| find(tool).is_none()) {
            skip(test, &format!("no {missing}"));
            return None;
        }
        let (release, out) = (release(), Scratch::directory());
        succeed(packaging("rpm").env("RPM_PAYLOAD", "w1.gzdio").arg(ARCH).args([release.path(), out.path()]));
        Some(Self(out))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(format!("{name}-{}-1.{ARCH}.rpm", env!("CARGO_PKG_VERSION")))
    }

    fn query(&self, name: &str, question: &str) -> String {
        succeed(Command::new("rpm").args(["-qp", question]).arg(self.path(name)))
    }
}

/// In a root of its own; its database lies there, too.
#[track_caller]
fn rpm(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--nodeps"]);
    command
}

#[test]
fn the_rpms_say_what_they_have_and_what_they_need() {
    let Some(packages) = Packages::or_skip(here!()) else { return };
    let listed = |name| packages.query(name, "--list");
    for file in ["/usr/lib64/libsoftclose.so\n", "/usr/lib64/softclose-drain\n", "/libsoftclose.so.txt\n"] {
        assert!(listed("libsoftclose").contains(file), "{file}: {}", listed("libsoftclose"));
    }
    for file in ["/usr/bin/softclose\n", "/usr/bin/softclosectl\n", "/man7/softclose.7.gz\n", "/LICENSE-MIT\n"] {
        assert!(listed("softclose").contains(file), "{file}: {}", listed("softclose"));
    }
    assert!(listed("softclose-debuginfo").contains("/usr/lib/debug/usr/lib64/libsoftclose.so.debug\n"));
    assert!(packages.query("libsoftclose", "--requires").contains("libc.so.6(GLIBC_"));
    // Nothing may be linked against it.
    assert!(!packages.query("libsoftclose", "--provides").contains(".so"));
    assert!(packages.query("softclose", "--requires").contains("libsoftclose("));
    assert!(packages.query("softclose", "--info").contains("MIT OR Apache-2.0"));
}

#[test]
fn the_launcher_finds_the_library_of_the_rpm() {
    let Some(packages) = Packages::or_skip(here!()) else { return };
    // SAFETY: no memory is passed.
    if unsafe { libc::geteuid() } != 0 {
        return skip(here!(), "rpm installs only for root");
    }
    let root = Scratch::directory();
    let paths = ["libsoftclose", "softclose", "softclose-debuginfo"].map(|name| packages.path(name));
    succeed(rpm(root.path()).arg("--install").args(paths));
    let library = root.path().join("usr/lib64/libsoftclose.so");
    assert!(maps(&root.path().join("usr/bin")).contains(library.to_str().expect("a plain path")));
    succeed(rpm(root.path()).args(["--erase", "softclose-debuginfo", "softclose", "libsoftclose"]));
    assert_eq!(files(&root.path().join("usr")), [""; 0]);
}

#[test]
fn rpmlint_finds_no_fault() {
    let Some(packages) = Packages::or_skip(here!()) else { return };
    if find("rpmlint").is_none() {
        return skip(here!(), "no rpmlint");
    }
    let mut command = Command::new("rpmlint");
    command.arg("--rpmlintrc").arg(project().join("packaging/softclose.rpmlintrc")).arg(packages.0.path());
    let output = output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.contains("0 errors, 0 warnings"), "{output:#?}");
}
