//! Installs what the rows need: packages of Debian, PyPI, npm, and programs that cargo builds.

use super::placeholders::Placeholders;
use super::row::{Row, directory};
use shim_tests::built::{project, target_dir};
use shim_tests::installed::find;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// The Debian package that has Docker's default seccomp profile as a file, and the path of that
/// file.
const PROFILE: (&str, &str) =
    ("golang-github-docker-docker-dev", "usr/share/gocode/src/github.com/docker/docker/profiles/seccomp/default.json");

/// Installs all Debian packages that the rows need, strace and crun, in one go. If one could not be
/// installed, the row that needs it finds out.
pub fn packages(rows: &[Row]) {
    let mut names: Vec<_> = rows.iter().flat_map(|row| &row.needs.debian).map(String::as_str).collect();
    names.extend(["strace", "crun"]);
    names.sort();
    names.dedup();
    let setup = project().join("shim-tests/setup");
    let _ = Command::new(setup).arg("packages").args(names).status();
}

/// Installs the Python, npm and Rust packages of `row`, and answers the placeholders that stand for
/// their directories.
///
/// # Errors
/// Why it cannot.
pub fn own(row: &Row) -> Result<Placeholders, String> {
    let needs = &row.needs;
    let placeholders = Placeholders::default()
        .with("unpacked", unpacked(&needs.unpacked)?.to_string_lossy())
        .with("venv", venv(&needs.pypi)?.to_string_lossy())
        .with("npm", npm(&needs.npm)?.to_string_lossy())
        .with("cargo", cargo(needs.cargo.as_deref())?.to_string_lossy());
    match needs.commands.iter().map(|name| placeholders.replace(name)).find(|name| find(name).is_none()) {
        Some(missing) => Err(format!("no {missing}")),
        None => Ok(placeholders),
    }
}

/// The path of Docker's seccomp profile.
///
/// # Errors
/// Why there is none here.
pub fn seccomp_profile() -> Result<PathBuf, String> {
    let (package, file) = PROFILE;
    Ok(unpacked(&[package.to_owned()])?.join(file))
}

fn unpacked(wanted: &[String]) -> Result<PathBuf, String> {
    once("unpacked", wanted, |draft| {
        shell(
            "mkdir -p \"$0\" && cd \"$0\" && apt-get -qq download \"$@\" && for deb in *.deb; do dpkg-deb -x \"$deb\" .; done",
            draft,
            wanted,
        )
    })
}

fn venv(wanted: &[String]) -> Result<PathBuf, String> {
    once("venv", wanted, |draft| {
        shell(
            "python3 -m venv \"$0\" && \"$0/bin/python\" -m pip -q install --disable-pip-version-check \"$@\"",
            draft,
            wanted,
        )
    })
}

fn npm(wanted: &[String]) -> Result<PathBuf, String> {
    once("npm", wanted, |draft| {
        shell("mkdir -p \"$0\" && npm install --prefix \"$0\" --no-audit --no-fund --silent \"$@\"", draft, wanted)
    })
}

/// Builds `programs/apps/NAME`, which is no member of this workspace, and answers the directory of
/// the built programs.
fn cargo(name: Option<&str>) -> Result<PathBuf, String> {
    let source = directory().join("apps").join(name.unwrap_or_default());
    let files = name.map_or(&[][..], |_| &["Cargo.toml", "main.rs"]);
    let texts = files.iter().map(|file| fs::read_to_string(source.join(file)));
    let texts = texts.collect::<Result<Vec<_>, _>>().map_err(|error| format!("{}: {error}", source.display()))?;
    let wanted = [name.map(str::to_owned).into_iter().collect(), texts].concat();
    let place = once("cargo", &wanted, |draft| {
        shell(
            "cp -r \"$1\" \"$0\" && cd \"$0\" && cargo build -q --release --target-dir target",
            draft,
            &[source.to_string_lossy().into_owned()],
        )
    })?;
    Ok(place.join("target").join("release"))
}

/// Makes a directory with what is wanted, once. Rows that want the same share it. It is made again
/// if it was not finished, or if `wanted` has changed.
fn once(kind: &str, wanted: &[String], make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    // One at a time: two rows may want the same.
    static MAKING: Mutex<()> = Mutex::new(());
    let place = target_dir().join("matrix").join("needs").join(kind).join(slug(wanted));
    let (list, stamp) = (wanted.join("\n"), place.with_extension("list"));
    let is_there = || wanted.is_empty() || fs::read_to_string(&stamp).is_ok_and(|made| made == list);
    if is_there() {
        return Ok(place);
    }
    let _making = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    if is_there() {
        return Ok(place);
    }
    let _ = fs::remove_dir_all(&place);
    fs::create_dir_all(place.parent().expect("a directory")).map_err(|error| error.to_string())?;
    make(&place)?;
    fs::write(stamp, list).map_err(|error| error.to_string())?;
    Ok(place)
}

/// The start of what is wanted, as a file name without special characters.
fn slug(wanted: &[String]) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    wanted.join("_").chars().take_while(|&letter| letter != '\n').map(plain).take(80).collect()
}

fn shell(line: &str, place: &Path, wanted: &[String]) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).arg(place).args(wanted).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {last}", wanted.join(" "))) }
}
