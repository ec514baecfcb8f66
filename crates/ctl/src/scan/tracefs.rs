//! The kernel's tracing, through tracefs alone.

use anyhow::{Context, Result, bail, ensure};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where systems mount tracefs: since Linux 4.1 by itself, before and beside that in debugfs.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// A mounted tracefs.
#[derive(Clone, Debug)]
pub struct Tracefs(PathBuf);

impl Tracefs {
    /// Finds it, or says what is missing.
    pub fn find() -> Result<Self> {
        ensure!(rustix::process::geteuid().is_root(), "only root can read the kernel's tracing: run this as root");
        is_on_host()?;
        let found = PLACES.iter().find(|place| Path::new(place).join("instances").is_dir());
        let Some(place) = found else {
            bail!(
                "there is no tracefs: mount -t tracefs none {}\n(A kernel without CONFIG_TRACING has none; lockdown \
                 for confidentiality forbids it.)",
                PLACES[0]
            );
        };
        let found = Self(place.into());
        ensure!(
            found.path("events/tcp/tcp_send_reset/format").exists(),
            "this kernel has no tracepoint tcp:tcp_send_reset: that takes Linux 4.16 or later"
        );
        Ok(found)
    }

    /// A file or directory in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The text of a file in it.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.path(name);
        read(&path).with_context(|| path.display().to_string())
    }
}

/// The text of a file in tracefs. The first read asks for all of it: `header_page` has nothing for a second one.
pub fn read(path: &Path) -> io::Result<String> {
    const MOST: usize = 64 << 10;
    let (mut file, mut text) = (File::open(path)?, Vec::new());
    let mut piece = vec![0; MOST];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(String::from_utf8_lossy(&text).into_owned()),
            length => text.extend_from_slice(&piece[..length]),
        }
    }
}

/// The kernel names threads as the first pid namespace does: only there procfs knows them by these numbers.
fn is_on_host() -> Result<()> {
    /// The inode number of the first pid namespace (`PROC_PID_INIT_INO`).
    const INITIAL: u64 = 0xEFFF_FFFC;
    let here = fs::metadata("/proc/self/ns/pid").context("/proc is not mounted")?.ino();
    ensure!(here == INITIAL, "scan looks at the whole host: run it there, not in a container or another pid namespace");
    Ok(())
}

#[cfg(test)]
#[allow(missing_docs)]
pub mod tests {
    use super::*;
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    /// The tracefs, for a test that uses it; `None` where this user may not, or there is none, or it does not answer. After a
    /// fault in the kernel's tracing whoever reads there waits for ever: so another process does.
    pub fn tracefs() -> Option<Tracefs> {
        let found = Tracefs::find().ok()?;
        let mut reader = Command::new("cat");
        reader.arg(found.path("current_tracer")).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let (mut reader, until) = (reader.spawn().ok()?, Instant::now() + Duration::from_secs(5));
        while reader.try_wait().ok()?.is_none() {
            if Instant::now() > until {
                return None;
            }
            std::thread::yield_now();
        }
        Some(found)
    }
}
