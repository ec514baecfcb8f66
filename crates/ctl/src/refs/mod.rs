//! `softclosectl refs`: makes the kernel's own count of references readable for every program.
//!
//! A small BPF program answers questions about a descriptor of the process that asks. It is pinned in
//! the BPF file system.
//!
//! | module | one idea |
//! |---|---|
//! | `layout` | where this kernel has what the program reads |
//! | `assembler`, `program` | the program that the kernel runs for each question |
//! | `bpf` | bpf(2) |
//! | `proof` | questions whose answers are known |
//!
//! `softclose_core::holders::refs` defines how a question is asked, and which answers are believed.

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
/// Where the program is pinned until its answers have been checked. (The file system does not allow
/// names with a dot.)
const NEW: &CStr = c"/sys/fs/bpf/softclose/refs-new";
/// A symbolic link whose target is no path: it is the mode that [`FILE_SYSTEM`] had.
const FORMER_MODE: &str = "/sys/fs/bpf/softclose/former-mode";

/// Makes the count readable. Where it is readable already, the new program replaces the old one in
/// one step.
pub fn install() -> Result<String> {
    if !geteuid().is_root() {
        bail!("only root can install it");
    }
    if statfs(FILE_SYSTEM).map(|found| found.f_type as u32).ok() != Some(refs::BPF_FS_MAGIC) {
        bail!("there is no BPF file system at {FILE_SYSTEM}: run mount -t bpf bpf {FILE_SYSTEM}");
    }
    let layout = Layout::of_this_kernel()?;
    let loaded =
        bpf::load(&program::program(&layout), layout.iterator).map_err(|(error, log)| refused(&error, &log))?;
    let link = bpf::link(&loaded).context("the kernel refuses to make an iterator of the BPF program")?;
    make_directory()?;
    remove_if_there(&path(NEW))?;
    bpf::pin(&link, NEW).with_context(|| format!("cannot pin the BPF program at {}", path(NEW).display()))?;
    prove_and_show().inspect_err(|_| _ = fs::remove_file(path(NEW)))?;
    let opened = open_to_all()?;
    Ok(format!("installed: {}\n{opened}", path(PATH).display()))
}

fn prove_and_show() -> Result<()> {
    proof::check(NEW).context("the BPF program does not work on this kernel, and was removed again")?;
    chmod(NEW, Mode::from_raw_mode(0o444))?;
    fs::rename(path(NEW), path(PATH))?;
    Ok(())
}

/// Says whether the count can be read by this user, and is right.
pub fn status() -> Result<String> {
    let Some(place) = refs::place() else { return Err(absence()) };
    proof::check(place).context("installed, but it does not work: run softclosectl refs install")?;
    let microseconds = proof::cost(place)?.as_nanos() as f64 / 1000.0;
    Ok(format!("installed, and works: a question takes {microseconds:.1} us\n"))
}

/// Whether a process of `user`, whose root directory is `root`, can read the count.
pub fn is_for(root: &Path, user: u32) -> bool {
    let is_searchable = |path: &Path| user == 0 || fs::metadata(path).is_ok_and(|found| mode_of(&found) & 0o001 != 0);
    refs::PLACES.into_iter().any(|place| {
        let pin = root.join(path(place).strip_prefix("/").unwrap_or(Path::new("")));
        let is_pinned = statfs(&pin).is_ok_and(|found| found.f_type as u32 == refs::BPF_FS_MAGIC);
        let is_roots = || fs::metadata(&pin).is_ok_and(|found| found.uid() == 0);
        is_pinned && is_roots() && pin.ancestors().skip(1).take_while(|path| *path != root).all(is_searchable)
    })
}

/// The message about why the count cannot be read.
fn absence() -> anyhow::Error {
    match fs::symlink_metadata(path(PATH)) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            anyhow!("this user may not look into {DIRECTORY}: run softclosectl refs install as root")
        }
        Err(_) => anyhow!("not installed: run softclosectl refs install as root"),
        Ok(found) if found.uid() != 0 => anyhow!("root does not own {}: it is not trusted", path(PATH).display()),
        Ok(_) => anyhow!("{} cannot be read, or is on no BPF file system", path(PATH).display()),
    }
}

/// Removes the program. Running processes go on without it.
pub fn remove() -> Result<String> {
    if !geteuid().is_root() {
        bail!("only root can remove it");
    }
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

/// Lets every user open files in the BPF file system by name. systemd mounts it for root alone. Its
/// directory still cannot be listed, and each file in it has permissions of its own.
fn open_to_all() -> Result<String> {
    let mode = mode_of(&fs::metadata(FILE_SYSTEM)?);
    if mode & 0o001 != 0 {
        return Ok(String::new());
    }
    remove_if_there(Path::new(FORMER_MODE))?;
    symlink(format!("{mode:o}"), FORMER_MODE).context(FORMER_MODE)?;
    fs::set_permissions(FILE_SYSTEM, PermissionsExt::from_mode(mode | 0o011))?;
    Ok(format!(
        "every user can now open files in {FILE_SYSTEM} by name: its mode was {mode:o}, and is {:o}\n",
        mode | 0o011
    ))
}

/// Gives the file system its former mode again, unless the mode was changed meanwhile.
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

/// Makes the directory. Another user may have made it before, if that user may write there: then it
/// is refused.
fn make_directory() -> Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(DIRECTORY) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error).context(DIRECTORY),
        _ => {}
    }
    let found = fs::symlink_metadata(DIRECTORY)?;
    if !found.is_dir() || found.uid() != 0 {
        bail!("{DIRECTORY} is not a directory of root's: remove it first");
    }
    Ok(fs::set_permissions(DIRECTORY, PermissionsExt::from_mode(0o755))?)
}

/// Removes a file, and answers whether it was there.
fn remove_if_there(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// The message about a program that the kernel refuses.
fn refused(error: &Error, log: &str) -> anyhow::Error {
    match error.kind() {
        ErrorKind::PermissionDenied if log.is_empty() => {
            anyhow!(
                "the kernel refuses to load the BPF program ({error}): \
                 this needs CAP_BPF and CAP_PERFMON in the first user namespace"
            )
        }
        ErrorKind::Unsupported => anyhow!("this kernel has no bpf(2)"),
        _ => {
            let last = log.lines().rev().find(|line| !line.starts_with("processed")).unwrap_or_default();
            anyhow!("the kernel refuses the BPF program: {error}: {last}")
        }
    }
}

fn path(name: &CStr) -> PathBuf {
    PathBuf::from(name.to_string_lossy().into_owned())
}
