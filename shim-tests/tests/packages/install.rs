//! `make install` and `make uninstall`.

use crate::tree::{files, maps, output, release, succeed};
use shim_tests::installed;
use shim_tests::scratch::Scratch;
use shim_tests::{here, skip};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

fn make(target: &str, release: &Scratch, root: &Path, more: &[&str]) -> Command {
    let mut command = Command::new("make");
    command.args(["-s", target]).arg(format!("RELEASE={}", release.path().display()));
    command.arg(format!("DESTDIR={}", root.display())).args(more);
    command
}

#[test]
fn everything_is_at_its_usual_place_and_is_taken_away_again() {
    let (release, root) = (release(), Scratch::directory());
    let prefix = ["PREFIX=/opt/softclose"];
    succeed(&mut make("install", &release, root.path(), &prefix));
    let found = files(&root.path().join("opt/softclose"));
    for expected in [
        "bin/.debug/softclose.debug",
        "bin/.debug/softclosectl.debug",
        "bin/softclose",
        "bin/softclosectl",
        "lib/softclose/.debug/libsoftclose.so.debug",
        "lib/softclose/libsoftclose.so",
        "lib/softclose/softclose-drain",
        "lib/systemd/system/softclose-refs.service",
        "share/bash-completion/completions/softclose",
        "share/bash-completion/completions/softclosectl",
        "share/doc/softclose/CONTRIBUTING.md",
        "share/doc/softclose/LICENSE-APACHE",
        "share/doc/softclose/LICENSE-MIT",
        "share/doc/softclose/README.md",
        "share/doc/softclose/SECURITY.md",
        "share/doc/softclose/docs/closes/drain.svg",
        "share/doc/softclose/docs/operations.md",
        "share/doc/softclose/examples/Containerfile",
        "share/doc/softclose/examples/grafana/softclose.json",
        "share/doc/softclose/examples/prometheus/softclose.rules.yml",
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

#[test]
fn debug_information_is_apart_and_found_by_its_name() {
    if installed::find("objcopy").is_none() || installed::find("readelf").is_none() {
        return skip(here!(), "no binutils");
    }
    let (release, root) = (release(), Scratch::directory());
    succeed(&mut make("install", &release, root.path(), &[]));
    for (directory, file) in [("bin", "softclose"), ("bin", "softclosectl"), ("lib/softclose", "libsoftclose.so")] {
        let directory = root.path().join("usr/local").join(directory);
        let sections = |path: PathBuf| succeed(Command::new("readelf").args(["--wide", "--sections"]).arg(path));
        let (stripped, apart) = (directory.join(file), directory.join(".debug").join(format!("{file}.debug")));
        let link = succeed(Command::new("readelf").arg("--string-dump=.gnu_debuglink").arg(&stripped));
        assert!(link.contains(&format!("{file}.debug")), "{link}");
        assert!(!sections(stripped).contains(".debug_line"), "{file}");
        assert!(sections(apart).contains(".debug_line"), "{file}");
    }
}

#[test]
fn without_objcopy_it_is_said_that_nothing_was_stripped() {
    let (release, root) = (release(), Scratch::directory());
    let said = succeed(&mut make("install", &release, root.path(), &["OBJCOPY=no-such-objcopy"]));
    assert_eq!(said.matches("keeps its debug information").count(), 3, "{said}");
    assert!(files(root.path()).iter().all(|name| !name.ends_with(".debug")));
}

#[test]
fn manuals_name_places_of_this_installation() {
    let (release, root) = (release(), Scratch::directory());
    succeed(&mut make("install", &release, root.path(), &["PREFIX=/opt/soft-close"]));
    let manuals = root.path().join("opt/soft-close/share/man");
    let page = |name: &str| fs::read_to_string(manuals.join(name)).expect("the manual").replace(r"\-", "-");
    for name in ["man1/softclose.1", "man1/softclosectl.1", "man7/softclose.7"] {
        assert!(page(name).contains("are in /opt/soft-close/share/doc/softclose."), "{name}");
        assert!(!page(name).contains("/usr/local"), "{name}");
    }
    assert!(page("man7/softclose.7").contains("LD_PRELOAD=/opt/soft-close/lib/softclose/libsoftclose.so"));
}

/// Pictures among them. What is in the source tree alone is named in a document, not linked.
#[test]
fn every_link_of_an_installed_document_leads_to_one() {
    let (release, root) = (release(), Scratch::directory());
    succeed(&mut make("install", &release, root.path(), &[]));
    let documents = root.path().join("usr/local/share/doc/softclose");
    let mut links = 0;
    for name in files(&documents).iter().filter(|name| name.ends_with(".md")) {
        for link in shim_tests::markdown::links(&fs::read_to_string(documents.join(name)).expect("a document")) {
            let place = documents.join(name).with_file_name(&link.path);
            assert!(place.exists(), "{name} links to {}, which is not installed", link.path);
            links += 1;
        }
    }
    assert!(links > 40, "{links}");
}

/// It said no word of where to read on, or named a path of the source tree.
#[test]
fn what_is_not_loaded_is_told_where_to_read_on() {
    let (release, root) = (release(), Scratch::directory());
    succeed(&mut make("install", &release, root.path(), &[]));
    let prefix = root.path().join("usr/local");
    let mut command = Command::new(prefix.join("bin/softclosectl"));
    let output = command.args(["explain", &std::process::id().to_string()]).env_remove("LD_PRELOAD").output();
    let said = shim_tests::stats::text(&output.expect("softclosectl runs"));
    let page = prefix.join("share/doc/softclose/docs/not-loaded.md");
    assert!(page.is_file() && said.contains(&format!("See {}\n", page.display())), "{said}");
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
    assert!(String::from_utf8_lossy(&output.stderr).contains("would not find the library there"), "{output:#?}");
    assert_eq!(files(root.path()), [""; 0], "nothing is installed before that is said");
}

/// It stopped halfway, and left files in the checkout.
#[test]
fn a_relative_place_is_refused_before_anything_is_done() {
    let (release, root) = (release(), Scratch::directory());
    for target in ["install", "uninstall"] {
        for place in ["PREFIX=no-such-place", "DESTDIR=no-such-place"] {
            let output = output(&mut make(target, &release, root.path(), &[place]));
            assert!(!output.status.success(), "{target} {place}");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(said.contains(&format!("{place} is relative")), "{said}");
        }
    }
    assert_eq!(files(root.path()), [""; 0]);
    assert!(!shim_tests::built::project().join("no-such-place").exists());
}
