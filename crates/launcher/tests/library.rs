//! Where the library is found, where it is not, and what LD_PRELOAD becomes.

mod common;

use common::{Installation, LIBRARY, clean, outcome};
use std::env;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn what_was_preloaded_stays_behind_ours() {
    let installation = Installation::new();
    let ours = installation.path("bin").join(LIBRARY);
    let other = installation.path("other.so");
    fs::copy(&ours, &other).unwrap();
    let outcome = outcome(installation.softclose().args(["printenv", "LD_PRELOAD"]).env("LD_PRELOAD", &other));
    assert_eq!(outcome.stdout, format!("{}:{}\n", ours.display(), other.display()));
}

#[test]
fn ours_is_not_preloaded_twice() {
    let installation = Installation::new();
    let (ours, other) = (installation.path("bin").join(LIBRARY), installation.path("other.so"));
    fs::copy(&ours, &other).unwrap();
    let link = installation.path("link.so");
    symlink(&ours, &link).unwrap();
    for present in [
        format!("{}", ours.display()),
        format!("{}:{}", other.display(), ours.display()),
        format!("{} {}", other.display(), ours.display()),
        format!("{}", link.display()),
    ] {
        let outcome = outcome(installation.softclose().args(["printenv", "LD_PRELOAD"]).env("LD_PRELOAD", &present));
        assert_eq!(outcome.stdout.trim_end(), present);
    }
}

#[test]
fn another_copy_of_the_library_is_replaced_by_ours() {
    let installation = Installation::new();
    let (ours, other) = (installation.path("bin").join(LIBRARY), installation.library("other"));
    for present in [format!("{}", other.display()), format!("{}:{}", other.display(), ours.display())] {
        let outcome = outcome(installation.softclose().args(["printenv", "LD_PRELOAD"]).env("LD_PRELOAD", &present));
        assert_eq!(outcome.stdout, format!("{}\n", ours.display()));
    }
}

#[test]
fn a_launcher_in_a_launcher_adds_nothing() {
    let installation = Installation::new();
    let inner = installation.path("bin/softclose");
    let outcome = installation.run([inner.to_str().unwrap(), "printenv", "LD_PRELOAD"]);
    assert_eq!(outcome.stdout.trim_end(), installation.path("bin").join(LIBRARY).to_str().unwrap());
}

#[test]
fn every_installed_place_is_searched_and_nearer_ones_win() {
    let installation = Installation::bare();
    let multiarch = format!("lib/{}-linux-gnu", env::consts::ARCH);
    // From the last to the first, so that each is found before those after it.
    for directory in ["lib", multiarch.as_str(), "lib/softclose", "bin"] {
        if directory == multiarch && !matches!(env::consts::ARCH, "x86_64" | "aarch64" | "riscv64" | "s390x") {
            common::skipped("multiarch directory", "Debian names this architecture in another way");
            continue;
        }
        let library = installation.library(directory);
        let outcome = installation.run(["--print-env"]);
        assert_eq!(outcome.stdout, format!("LD_PRELOAD={}\n", library.display()));
    }
}

#[test]
fn a_symbolic_link_leads_to_the_installed_library() {
    let installation = Installation::new();
    let link = installation.path("softclose-link");
    symlink(installation.path("bin/softclose"), &link).unwrap();
    let outcome = outcome(clean(&link).arg("--print-env"));
    assert_eq!(outcome.stdout, format!("LD_PRELOAD={}\n", installation.path("bin").join(LIBRARY).display()));
}

#[test]
fn the_current_directory_is_never_searched() {
    let installation = Installation::bare();
    for directory in ["here", "here/lib", "here/lib/softclose"] {
        installation.library(directory);
    }
    let outcome = outcome(installation.softclose().args(["echo", "ran"]).current_dir(installation.path("here")));
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(125), ""), "{outcome:?}");
    assert!(!outcome.stderr.contains("/here"), "{outcome:?}");
}

#[test]
fn a_missing_library_is_125_with_every_place_named() {
    let installation = Installation::bare();
    for line in [&["true"][..], &["--print-env"], &["--check", "true"], &["--strict", "true"]] {
        let outcome = installation.run(line);
        assert_eq!(outcome.status, Some(125), "{outcome:?}");
        for place in ["bin", "lib/softclose", "lib"] {
            let place = installation.path(place).join(LIBRARY);
            assert!(outcome.stderr.contains(place.to_str().unwrap()), "{place:?} is not in {outcome:?}");
        }
    }
}

#[test]
fn a_copy_is_an_installation_of_its_own() {
    let installation = Installation::new();
    installation.plant("bin/softclose-drain", "", 0o755);
    let copy = installation.path("copy");
    fs::create_dir(&copy).unwrap();
    // The second one replaces the first.
    for _ in 0..2 {
        let outcome = installation.run(["--copy", copy.to_str().unwrap()]);
        assert_eq!((outcome.status, outcome.stderr.as_str()), (Some(0), ""));
    }
    let mut names: Vec<_> = fs::read_dir(&copy).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [LIBRARY, "softclose", "softclose-drain"]);
    let outcome = outcome(clean(&copy.join("softclose")).arg("--print-env"));
    assert_eq!(outcome.stdout, format!("LD_PRELOAD={}\n", copy.join(LIBRARY).display()));
}

#[test]
fn a_copy_that_cannot_be_made_is_125_and_names_the_file() {
    let installation = Installation::new();
    let outcome = installation.run(["--copy", "/proc"]);
    assert_eq!(outcome.status, Some(125), "{outcome:?}");
    assert!(outcome.stderr.contains("bin/softclose-drain"), "{outcome:?}");
}

#[test]
fn a_directory_is_not_a_library() {
    let installation = Installation::bare();
    fs::create_dir(installation.path("bin").join(LIBRARY)).unwrap();
    let installed = installation.library("lib");
    assert_eq!(installation.run(["--print-env"]).stdout, format!("LD_PRELOAD={}\n", installed.display()));
}

#[test]
fn a_path_that_ld_preload_cannot_express_is_125() {
    let installation = Installation::bare();
    for directory in ["a:b", "a b", "a\tb", "$ORIGIN"] {
        installation.library(directory);
        let outcome = outcome(clean(&installation.launcher(&format!("{directory}/softclose"))).arg("true"));
        assert_eq!(outcome.status, Some(125), "{outcome:?}");
        assert!(outcome.stderr.contains("LD_PRELOAD cannot express"), "{outcome:?}");
    }
}
