//! `softclosectl refs`: the kernel's own count of references, for every program.
//!
//! | module | one idea |
//! |---|---|
//! | [`layout`] | where this kernel has what is read |
//! | [`assembler`], [`program`] | what it runs for each question |
//! | [`bpf`] | bpf(2) |
//! | [`proof`] | questions of which the answers are known |
//!
//! What is asked, and who is believed, is defined in `softclose_core::holders::refs`.

pub mod assembler;
mod bpf;
mod layout;
mod program;
mod proof;

use anyhow::{Context, Result, anyhow, bail};
use layout::Layout;
use rustix::fs::{Mode, chmod, statfs};
use rustix::process::geteuid;
use softclose_core::holders::refs::{self, DIRECTORY, PATH};
use std::ffi::CStr;
use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Where distributions mount the BPF file system.
const FILE_SYSTEM: &str = "/sys/fs/bpf";
/// What is not proved yet. (The file system keeps names with a dot for itself.)
const NEW: &CStr = c"/sys/fs/bpf/softclose/refs-new";
/// A link that leads nowhere: its target says which mode [`FILE_SYSTEM`] had.
const FORMER_MODE: &str = "/sys/fs/bpf/softclose/former-mode";

/// Makes the count readable. Done again it replaces what is there in one step.
pub fn install() -> Result<String> {
    if !geteuid().is_root() {
        bail!("only root can install it");
    }
    if statfs(FILE_SYSTEM).map(|found| found.f_type as u32).ok() != Some(refs::BPF_FS_MAGIC) {
        bail!("there is no BPF file system at {FILE_SYSTEM}: mount -t bpf bpf {FILE_SYSTEM}");
    }
    let layout = Layout::of_this_kernel()?;
    let loaded =
        bpf::load(&program::program(&layout), layout.iterator).map_err(|(error, log)| refused(&error, &log))?;
    let link = bpf::link(&loaded).context("the kernel does not make an iterator of the program")?;
    make_directory()?;
    remove_if_there(&path(NEW))?;
    bpf::pin(&link, NEW).with_context(|| format!("cannot pin it at {}", path(NEW).display()))?;
    prove_and_show().inspect_err(|_| _ = fs::remove_file(path(NEW)))?;
    let opened = open_to_all()?;
    Ok(format!("installed: {}\n{opened}", path(PATH).display()))
}

fn prove_and_show() -> Result<()> {
    proof::check(NEW).context("it does not work on this kernel, and was removed again")?;
    chmod(NEW, Mode::from_raw_mode(0o444))?;
    fs::rename(path(NEW), path(PATH))?;
    Ok(())
}

/// Whether it is there and works, for who asks.
pub fn status() -> Result<String> {
    let Some(place) = refs::place() else { return Err(absence()) };
    proof::check(place).context("installed, but it does not work: softclosectl refs install")?;
    let microseconds = proof::cost(place)?.as_nanos() as f64 / 1000.0;
    Ok(format!("installed, and works: a question takes {microseconds:.1} us\n"))
}

/// Whether a process of this user finds it below `root`, its view of the file system.
pub fn is_for(root: &Path, user: u32) -> bool {
    let is_searchable = |path: &Path| user == 0 || fs::metadata(path).is_ok_and(|found| mode_of(&found) & 0o001 != 0);
    refs::PLACES.into_iter().any(|place| {
        let pin = root.join(path(place).strip_prefix("/").unwrap_or(Path::new("")));
        let is_pinned = statfs(&pin).is_ok_and(|found| found.f_type as u32 == refs::BPF_FS_MAGIC);
        let is_roots = || fs::metadata(&pin).is_ok_and(|found| found.uid() == 0);
        is_pinned && is_roots() && pin.ancestors().skip(1).take_while(|path| *path != root).all(is_searchable)
    })
}

/// Why it cannot be asked.
fn absence() -> anyhow::Error {
    match fs::symlink_metadata(path(PATH)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            anyhow!("{DIRECTORY} may not be looked at by this user: softclosectl refs install, as root")
        }
        Err(_) => anyhow!("not installed: softclosectl refs install, as root"),
        Ok(found) if found.uid() != 0 => anyhow!("{} is not root's, and so is not believed", path(PATH).display()),
        Ok(_) => anyhow!("{} cannot be read, or is on no BPF file system", path(PATH).display()),
    }
}

/// Takes it away. What runs does without from then on.
pub fn remove() -> Result<String> {
    let former = fs::read_link(FORMER_MODE).ok();
    let removed = [PATH, NEW].map(|name| remove_if_there(&path(name)));
    remove_if_there(Path::new(FORMER_MODE))?;
    let was_there = removed.into_iter().collect::<Result<Vec<_>>>()?.contains(&true);
    match fs::remove_dir(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).context(DIRECTORY),
        _ => {}
    }
    close_again(former)?;
    Ok(if was_there { "removed\n" } else { "not installed\n" }.to_owned())
}

/// systemd mounts the file system for root alone. Who knows the name of what is pinned there
/// must get to it; the names are not shown, and each has a mode of its own.
fn open_to_all() -> Result<String> {
    let mode = mode_of(&fs::metadata(FILE_SYSTEM)?);
    if mode & 0o001 != 0 {
        return Ok(String::new());
    }
    remove_if_there(Path::new(FORMER_MODE))?;
    symlink(format!("{mode:o}"), FORMER_MODE).context(FORMER_MODE)?;
    fs::set_permissions(FILE_SYSTEM, PermissionsExt::from_mode(mode | 0o011))?;
    Ok(format!("{FILE_SYSTEM} can be searched by all users now: mode {:o}, was {mode:o}\n", mode | 0o011))
}

/// As it was, unless somebody has changed it since.
fn close_again(former: Option<PathBuf>) -> Result<()> {
    let Some(mode) = former.as_deref().and_then(Path::to_str).and_then(|mode| u32::from_str_radix(mode, 8).ok()) else {
        return Ok(());
    };
    if mode_of(&fs::metadata(FILE_SYSTEM)?) == mode | 0o011 {
        fs::set_permissions(FILE_SYSTEM, PermissionsExt::from_mode(mode))?;
    }
    Ok(())
}

fn mode_of(found: &Metadata) -> u32 {
    found.permissions().mode() & 0o7777
}

/// Whoever may write there could have made it before us.
fn make_directory() -> Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).context(DIRECTORY),
        _ => {}
    }
    let found = fs::symlink_metadata(DIRECTORY)?;
    if !found.is_dir() || found.uid() != 0 {
        bail!("{DIRECTORY} is not a directory of root's: remove it");
    }
    Ok(fs::set_permissions(DIRECTORY, PermissionsExt::from_mode(0o755))?)
}

/// Answers whether it was.
fn remove_if_there(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// What a refusal means.
fn refused(error: &Error, log: &str) -> anyhow::Error {
    match error.kind() {
        ErrorKind::PermissionDenied if log.is_empty() => {
            anyhow!(
                "the kernel refuses to load it ({error}): it takes CAP_BPF and CAP_PERFMON in the first user namespace"
            )
        }
        ErrorKind::Unsupported => anyhow!("this kernel has no bpf(2)"),
        _ => {
            let last = log.lines().rev().find(|line| !line.starts_with("processed")).unwrap_or_default();
            anyhow!("the kernel refuses the program: {error}: {last}")
        }
    }
}

fn path(name: &CStr) -> PathBuf {
    PathBuf::from(name.to_string_lossy().into_owned())
}
