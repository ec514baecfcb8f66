//! The manual pages, as those see them who format them.

use crate::tree::{output, release};
use shim_tests::here;
use shim_tests::installed::is_missing;
use std::path::PathBuf;
use std::process::Command;

/// What a formatter says of every page, which has to be nothing.
fn is_clean(test: &str, formatter: &[&str]) {
    let [tool, args @ ..] = formatter else { panic!("no formatter") };
    if is_missing(test, tool) {
        return;
    }
    let release = release();
    for page in ["man1/softclose.1", "man1/softclosectl.1", "man7/softclose.7"] {
        let path: PathBuf = release.path().join("share/man").join(page);
        let output = output(Command::new(tool).args(args).arg(path));
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
        assert!(output.status.success() && said.concat().is_empty(), "{page}:\n{}", said.concat());
    }
}

#[test]
fn mandoc_finds_no_fault() {
    is_clean(here!(), &["mandoc", "-Tlint", "-W", "warning"]);
}

#[test]
fn groff_warns_of_nothing() {
    is_clean(here!(), &["groff", "-man", "-ww", "-Tutf8", "-z"]);
}
