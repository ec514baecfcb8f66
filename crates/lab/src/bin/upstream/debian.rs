//! Installs Debian packages and unpacks Debian sources.
//!
//! Sources come through an apt configuration of our own. It names the archives of this machine, as
//! `deb-src`. The machine's own configuration is not changed.

use crate::workshop::{Workshop, said, shared};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

/// A lock, so that two suites never change apt's state at the same time.
static TURN: Mutex<()> = Mutex::new(());
const PATIENT: &str = "DPkg::Lock::Timeout=600";

/// Installs those of `packages` that are not there, where that is possible.
pub fn need(packages: &[&str], shop: &Workshop) -> Result<(), String> {
    let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let missing: Vec<_> = packages.iter().filter(|package| version(package).is_none()).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    let log = shop.path().join("logs/apt-install.log");
    let mut command = Command::new("apt-get");
    command.args(["-o", PATIENT, "install", "-y", "--no-install-recommends"]).args(&missing);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    said(&mut command, &log).map(drop).map_err(|error| format!("{} cannot be installed: {error}", missing.join(" ")))
}

/// The version that is installed.
pub fn version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status} ${Version}", package]).output();
    let text = String::from_utf8(output.ok()?.stdout).ok()?;
    text.strip_prefix("installed ").map(str::to_owned)
}

/// Unpacks the newest source of `package` that the archives still serve, with
/// Debian's patches, once, and answers its version.
pub fn source(package: &str, shop: &Workshop) -> Result<String, String> {
    need(&["dpkg-dev"], shop)?;
    let place = shop.path().join("source");
    if !place.exists() {
        let _turn = TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let draft = shop.path().join("source.draft");
        fetch(package, &draft, shop)?;
        fs::rename(&draft, &place).map_err(|error| error.to_string())?;
    }
    let described = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.path());
    let described = described.filter(|path| path.extension().is_some_and(|extension| extension == "dsc")).max();
    let text = described.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
    let version = text.lines().find_map(|line| line.strip_prefix("Version: "));
    version.map(str::to_owned).ok_or_else(|| format!("{}: no .dsc with a version", place.display()))
}

fn fetch(package: &str, draft: &Path, shop: &Workshop) -> Result<(), String> {
    let apt = Apt::prepared()?;
    let log = |what: &str| shop.path().join("logs").join(format!("apt-{what}.log"));
    said(apt.command("apt-get").arg("update"), &log("update"))?;
    let listed = said(apt.command("apt-cache").args(["showsrc", "--only-source", package]), &log("showsrc"))?;
    let versions = listed.lines().filter_map(|line| line.strip_prefix("Version: "));
    let mut answer = Err(format!("no source of {package}"));
    for version in newest_first(versions.collect()) {
        let _ = fs::remove_dir_all(draft);
        fs::create_dir_all(draft).map_err(|error| error.to_string())?;
        let wanted = format!("{package}={version}");
        answer = said(apt.command("apt-get").current_dir(draft).args(["source", &wanted]), &log("source"));
        if answer.is_ok() {
            break;
        }
    }
    answer.map(drop)
}

/// Sorts versions, the newest first. There may be several, because an archive may list one that it
/// does not serve.
fn newest_first(mut versions: Vec<&str>) -> Vec<&str> {
    let is_newer = |a: &str, b: &str| {
        Command::new("dpkg").args(["--compare-versions", a, "gt", b]).status().is_ok_and(|status| status.success())
    };
    versions.sort_by(|a, b| if is_newer(a, b) { std::cmp::Ordering::Less } else { is_newer(b, a).cmp(&false) });
    versions.dedup();
    versions
}

/// An apt configuration in the target directory.
struct Apt(PathBuf);

impl Apt {
    fn prepared() -> Result<Self, String> {
        let place = shared().join("apt");
        for directory in ["parts", "lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(place.join(directory)).map_err(|error| error.to_string())?;
        }
        let parts = fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
        for list in parts.chain([PathBuf::from("/etc/apt/sources.list")]) {
            let name = list.file_name().expect("a file has a name");
            if let Some(text) = fs::read_to_string(&list).ok().and_then(|text| for_sources(&text, &list)) {
                fs::write(place.join("parts").join(name), text).map_err(|error| error.to_string())?;
            }
        }
        Ok(Self(place))
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let at = |place: &str| self.0.join(place).display().to_string();
        for option in [
            "Dir::Etc::sourcelist=/dev/null".to_owned(),
            format!("Dir::Etc::sourceparts={}", at("parts")),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            // Its own user need not be able to come here.
            "APT::Sandbox::User=root".to_owned(),
        ] {
            command.args(["-o", &option]);
        }
        command
    }
}

/// The archives that one file names, rewritten as archives of sources. Both formats of apt are
/// understood.
fn for_sources(text: &str, file: &Path) -> Option<String> {
    let line = |line: &str| match file.extension()?.to_str()? {
        "sources" if line.starts_with("Types:") => Some("Types: deb-src".to_owned()),
        "sources" => Some(line.to_owned()),
        "list" => line.strip_prefix("deb ").map(|rest| format!("deb-src {rest}")),
        _ => None,
    };
    let lines: Vec<String> = text.lines().filter_map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_of_apt_are_turned_to_sources() {
        let deb822 = for_sources("Types: deb\nURIs: x\n", Path::new("debian.sources"));
        assert_eq!(deb822.as_deref(), Some("Types: deb-src\nURIs: x\n"));
        let lines = for_sources("# no\ndeb x bookworm main\ndeb-src y z\n", Path::new("sources.list"));
        assert_eq!(lines.as_deref(), Some("deb-src x bookworm main\n"));
        assert_eq!(for_sources("deb x y z\n", Path::new("old.list.disabled")), None);
    }
}
