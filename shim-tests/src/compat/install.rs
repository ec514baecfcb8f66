//! What a row needs, brought where it can be.

use super::row::Row;
use super::words::Words;
use crate::victim::target_dir;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything that the rows need of Debian's packages, in one go. What could not be
/// installed is seen by each row itself.
pub fn packages(rows: &[Row]) {
    let mut names: Vec<_> = rows.iter().flat_map(|row| &row.needs.debian).collect();
    names.sort();
    names.dedup();
    let setup = Path::new(env!("CARGO_MANIFEST_DIR")).join("setup");
    let _ = Command::new(setup).arg("packages").args(names).status();
}

/// What is `row`'s own: its Python and its Node packages, and whether it can run.
///
/// # Errors
/// Why it cannot.
pub fn own(row: &Row) -> Result<Words, String> {
    let home = target_dir().join("matrix").join("needs").join(&row.name);
    let (venv, npm) = (home.join("venv"), home.join("npm"));
    once(&venv, &row.needs.pypi, |draft, wanted| {
        shell(
            "python3 -m venv \"$0\" && \"$0/bin/python\" -m pip -q install --disable-pip-version-check \"$@\"",
            draft,
            wanted,
        )
    })?;
    once(&npm, &row.needs.npm, |draft, wanted| {
        shell("mkdir -p \"$0\" && npm install --prefix \"$0\" --no-audit --no-fund --silent \"$@\"", draft, wanted)
    })?;
    let words = Words::default().with("venv", venv.to_string_lossy()).with("npm", npm.to_string_lossy());
    match row.needs.commands.iter().map(|name| words.replace(name)).find(|name| find(name).is_none()) {
        Some(missing) => Err(format!("no {missing}")),
        None => Ok(words),
    }
}

/// Made anew where another list was asked for the last time, or where it broke off.
fn once(
    place: &Path,
    wanted: &[String],
    make: impl FnOnce(&Path, &[String]) -> Result<(), String>,
) -> Result<(), String> {
    let (list, stamp) = (wanted.join("\n"), place.with_extension("list"));
    if wanted.is_empty() || fs::read_to_string(&stamp).is_ok_and(|made| made == list) {
        return Ok(());
    }
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place.parent().expect("a directory")).map_err(|error| error.to_string())?;
    make(place, wanted)?;
    fs::write(stamp, list).map_err(|error| error.to_string())
}

fn shell(line: &str, place: &Path, wanted: &[String]) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).arg(place).args(wanted).output();
    let output = output.map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().last().unwrap_or_default();
    if output.status.success() { Ok(()) } else { Err(format!("{}: {last}", wanted.join(" "))) }
}

/// The program of this name in the path, and where root's programs are: daemons
/// live there. What is started is the file itself: a script in between (pyenv's
/// python3) would be shimmed as well.
pub fn find(name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Path::new(name).exists().then(|| name.into());
    }
    if name == "python3" {
        return crate::victim::python();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = std::env::split_paths(&path).chain(["/usr/sbin".into(), "/sbin".into(), "/usr/bin".into()]);
    places.map(|place| place.join(name)).find(|file| file.is_file())
}
