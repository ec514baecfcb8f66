//! Debian packages, installed below a directory of their own.

use crate::tree::{assert_ended_well, files, output, packaging, release, succeed};
use shim_tests::arena::Arena;
use shim_tests::installed::{find, is_missing};
use shim_tests::peer::Peer;
use shim_tests::scratch::Scratch;
use shim_tests::shim::{Shim, ctl, dist, launcher, library};
use shim_tests::victim::Victim;
use shim_tests::{RESPONSE, UNREAD, UPLOAD, here, skip};
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What dpkg takes for installed already.
const STATUS: &str = "\
Package: libc6
Status: install ok installed
Maintainer: nobody <nobody@localhost>
Architecture: amd64
Multi-Arch: same
Version: 2.99
Description: stands for the real one

Package: libgcc-s1
Status: install ok installed
Maintainer: nobody <nobody@localhost>
Architecture: amd64
Multi-Arch: same
Version: 12.2.0
Description: stands for the real one
";

/// A root file system in which nothing but packages is.
struct Root(Scratch);

impl Root {
    /// `None` where there can be none.
    fn or_skip(test: &str) -> Option<Self> {
        // SAFETY: no memory is passed.
        let reason = match unsafe { libc::geteuid() } {
            0 if find("dpkg-deb").is_none() => "no dpkg-deb",
            0 if !Path::new("/usr/lib/x86_64-linux-gnu").exists() => "no multiarch directories",
            0 => return Some(Self::new()),
            _ => "dpkg installs only for root",
        };
        skip(test, reason);
        None
    }

    fn new() -> Self {
        let root = Scratch::directory();
        let admin = root.path().join("var/lib/dpkg");
        for directory in ["info", "updates", "triggers"] {
            fs::create_dir_all(admin.join(directory)).expect("the target directory is writable");
        }
        fs::write(admin.join("status"), STATUS).expect("the target directory is writable");
        Self(root)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    #[track_caller]
    fn dpkg(&self, args: &[&str]) {
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", self.path().display())).args(["--log=/dev/null", "--force-unsafe-io"]);
        // dpkg insists on finding tools of sbin, where a user's PATH may not lead.
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        succeed(command.args(args));
    }

    fn install(&self, packages: &Packages) {
        let [library, rest] = &packages.paths;
        self.dpkg(&["--install", library, rest]);
    }

    /// As a user writes it who has several architectures.
    fn preload(&self) -> String {
        format!("{}/usr/$LIB/libsoftclose.so", self.path().display())
    }

    /// What the `$LIB` in it becomes.
    fn library(&self) -> PathBuf {
        self.path().join("usr/lib/x86_64-linux-gnu/libsoftclose.so")
    }

    /// Files that are not dpkg's own.
    fn files(&self) -> Vec<String> {
        files(self.path()).into_iter().filter(|name| !name.starts_with("var/lib/dpkg/")).collect()
    }
}

/// The two packages of one version.
struct Packages {
    _directory: Scratch,
    paths: [String; 2],
}

impl Packages {
    /// Quickly compressed: the binaries of a debug build are large.
    fn build(version: &str) -> Self {
        let (release, directory) = (release(), Scratch::directory());
        let mut command = packaging("deb");
        command.arg(ARCH).args([release.path(), directory.path()]).env("DEB_VERSION", version);
        succeed(command.env("DPKG_DEB_COMPRESSOR_TYPE", "gzip").env("DPKG_DEB_COMPRESSOR_LEVEL", "1"));
        let path = |name| format!("{}/{name}_{version}_amd64.deb", directory.path().display());
        let paths = ["libsoftclose", "softclose"].map(path);
        Self { _directory: directory, paths }
    }

    fn field(&self, package: usize, field: &str) -> String {
        let path = self.paths.get(package).expect("one of two");
        succeed(Command::new("dpkg-deb").args(["--field", path, field])).trim().to_owned()
    }
}

#[test]
fn the_packages_say_what_they_need() {
    let Some(_root) = Root::or_skip(here!()) else { return };
    let packages = Packages::build("1.0-1");
    let glibc = |files: &[&Path]| succeed(Command::new(dist()).arg("glibc").args(files)).trim().to_owned();
    assert!(packages.field(0, "Depends").contains(&format!("libc6 (>= {})", glibc(&[library()]))));
    let depends = packages.field(1, "Depends");
    assert!(depends.starts_with("libsoftclose (= 1.0-1), "), "{depends}");
    assert!(depends.contains(&format!("libc6 (>= {})", glibc(&[launcher(), ctl()]))), "{depends}");
    assert_eq!(packages.field(0, "Multi-Arch"), "same");
    for field in ["Maintainer", "Section", "Priority", "Installed-Size", "Description"] {
        assert!(!packages.field(0, field).is_empty() && !packages.field(1, field).is_empty(), "{field}");
    }
}

/// What cargo links into a package's own code: names and versions, without our own crates.
fn linked(package: &str) -> Vec<String> {
    let mut command = Command::new("cargo");
    command.args(["tree", "--locked", "--offline", "--prefix=none", "--edges=normal,no-proc-macro", "--format={p}"]);
    let tree = succeed(command.args(["--target=x86_64-unknown-linux-gnu", "--package", package]));
    // Ours have a path behind the version.
    let others = tree.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.contains('('));
    others.filter(|line| !line.is_empty()).map(|line| line.replacen(" v", " ", 1)).collect()
}

#[test]
fn each_package_has_the_licences_of_what_is_linked_in() {
    let Some(root) = Root::or_skip(here!()) else { return };
    root.install(&Packages::build("1.0-1"));
    let copyright = |package: &str| {
        let path = root.path().join("usr/share/doc").join(package).join("copyright");
        fs::read_to_string(path).expect("the file copyright")
    };
    let has_all = |text: &str, linked: Vec<String>| {
        assert!(linked.len() > 10, "{linked:?}");
        for name in linked {
            // In the list, and above a text.
            assert!(text.contains(&format!("\n{name}: ")) && text.contains(&format!("\n{name} (")), "no {name}");
        }
    };
    let (library, rest) = (copyright("libsoftclose"), copyright("softclose"));
    has_all(&library, linked("softclose"));
    has_all(&rest, [linked("softclose-launcher"), linked("softclose-ctl")].concat());
    // BSD: "Redistributions in binary form must reproduce the above copyright notice".
    assert!(library.contains("Redistributions in binary form must reproduce"));
    assert!([library, rest].iter().all(|text| text.contains("Permission is hereby granted")));
}

#[test]
fn a_program_preloads_the_library_through_a_literal_lib() {
    let Some(root) = Root::or_skip(here!()) else { return };
    root.install(&Packages::build("1.0-1"));
    let mut command = Command::new("cat");
    // Not `succeed`: it takes LD_PRELOAD away.
    let output = command.arg("/proc/self/maps").env("LD_PRELOAD", root.preload()).output().expect("cat");
    assert!(String::from_utf8_lossy(&output.stdout).contains(root.library().to_str().expect("a plain path")));
    assert!(output.stderr.is_empty(), "{output:#?}");
    let maps = succeed(Command::new(root.path().join("usr/bin/softclose")).args(["--", "cat", "/proc/self/maps"]));
    assert!(maps.contains(root.library().to_str().expect("a plain path")), "the launcher found another one: {maps}");
}

/// The old library stays mapped: dpkg puts the new one in place by a rename.
#[test]
fn a_program_that_runs_through_an_upgrade_still_drains() {
    let Some(root) = Root::or_skip(here!()) else { return };
    let Some(arena) = Arena::or_skip(here!()) else { return };
    root.install(&Packages::build("1.0-1"));
    let mut victim = Victim::c("blocking").env("LD_PRELOAD", &root.preload()).start(&arena, Shim::Native);
    let port = victim.port();
    let mapped = |pid: u32| fs::read_to_string(format!("/proc/{pid}/maps")).expect("its maps");
    let library = root.library().display().to_string();
    assert!(mapped(victim.pid()).contains(&library));

    root.install(&Packages::build("1.0-2"));
    assert!(mapped(victim.pid()).contains(&format!("{library} (deleted)")), "{}", mapped(victim.pid()));
    let before = arena.counters();
    let peer = Peer::to(port).ask(RESPONSE, UNREAD).upload(UNREAD).upload(UPLOAD).read_to_end();
    let report = peer.start(&arena).report();
    assert!(report.has_all_of(RESPONSE), "{report:#?}");
    assert_ended_well(&victim.finish());
    assert!(arena.counters().since(before).are_clean(1));
}

#[test]
fn lintian_finds_no_fault() {
    let Some(_root) = Root::or_skip(here!()) else { return };
    if is_missing(here!(), "lintian") {
        return;
    }
    let packages = Packages::build("1.0-1");
    let output = output(Command::new("lintian").arg("--allow-root").args(&packages.paths));
    assert!(output.status.success() && output.stdout.is_empty(), "{output:#?}");
}

#[test]
fn a_purge_leaves_nothing() {
    let Some(root) = Root::or_skip(here!()) else { return };
    root.install(&Packages::build("1.0-1"));
    assert!(root.files().iter().any(|name| name == "usr/share/man/man7/softclose.7.gz"), "{:#?}", root.files());
    root.dpkg(&["--remove", "softclose", "libsoftclose"]);
    root.dpkg(&["--purge", "softclose", "libsoftclose"]);
    assert_eq!(root.files(), [""; 0]);
    assert!(!root.path().join("usr").exists(), "directories are left");
}
