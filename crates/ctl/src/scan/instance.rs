//! A trace instance of our own: events, filters and a buffer that no other tracer sees, and that sees no other tracer.
//!
//! It is a directory, and must not stay: the kernel would go on writing into its buffer. It is removed by its drop,
//! which signals and panics reach as well. What SIGKILL has left is removed by the next scan. Scans make and remove
//! their instances one after the other: what another one is about to open or to remove would be taken for a stale one.

use super::tracefs::Tracefs;
use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The beginning of the names of our instances. The pid follows.
const PREFIX: &str = "softclose-";

/// Kilobytes of the buffer of each processor. A megabyte holds some 11,000 events, and whoever reads them may have to
/// wait for a processor.
fn buffer() -> usize {
    /// All buffers together, on a machine of usual size.
    const ALL: usize = 16 << 10;
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    (ALL / processors).clamp(256, 2048)
}

/// An instance, until it is dropped.
#[derive(Debug)]
pub struct Instance {
    path: PathBuf,
    /// Its file `tracing_on`, open: so nobody can remove the instance. A write to `options/overwrite` while it is removed
    /// crashes the kernel (`set_tracer_flag` in Linux 6.18 uses the buffer that is gone), with the locks of all tracing held.
    switch: Option<File>,
}

impl Instance {
    /// Makes an instance that is empty and traces nothing.
    pub fn new(tracefs: &Tracefs) -> Result<Self> {
        let all = tracefs.path("instances");
        let path = all.join(format!("{PREFIX}{}", std::process::id()));
        let switch = make(&all, &path);
        let switch = switch.with_context(|| format!("cannot make a trace instance: {}", path.display()))?;
        let instance = Self { path, switch: Some(switch) };
        instance.write("buffer_size_kb", &buffer().to_string())?;
        // A reader is woken by the first event; before Linux 5.0 always.
        let _ = instance.write("buffer_percent", "0");
        // What was not read in time stays, and what is new is lost: the record of a close is older than the reset.
        instance.write("options/overwrite", "0")?;
        Ok(instance)
    }

    /// Traces an event, as far as the filter lets it through.
    pub fn enable(&self, event: &str, filter: &str) -> Result<()> {
        self.write(&format!("events/{event}/filter"), filter)?;
        self.write(&format!("events/{event}/enable"), "1")
    }

    /// Whether it still traces this event: any other tool of root's can end that.
    pub fn traces(&self, event: &str) -> bool {
        let is_on = |name: &str| fs::read(self.path(name)).is_ok_and(|text| text.starts_with(b"1"));
        is_on("tracing_on") && is_on(&format!("events/{event}/enable"))
    }

    /// Traces nothing more. What is in the buffer can still be read.
    pub fn pause(&self) -> Result<()> {
        self.write("tracing_on", "0")
    }

    /// A file or directory in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    fn write(&self, name: &str, value: &str) -> Result<()> {
        let path = self.path(name);
        fs::write(&path, value).with_context(|| format!("cannot set {}", path.display()))
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _turn = self.path.parent().map(turn);
        self.switch = None;
        if let Err(error) = fs::remove_dir(&self.path) {
            crate::complain(&format!("cannot remove {}: {error}", self.path.display()));
        }
    }
}

/// Makes an instance and opens its switch.
fn make(all: &Path, path: &Path) -> io::Result<File> {
    let _turn = turn(all)?;
    remove_stale(all);
    fs::create_dir(path)?;
    File::options().write(true).open(path.join("tracing_on")).inspect_err(|_| drop(fs::remove_dir(path)))
}

/// Waits until no other scan makes or removes an instance, for as long as the answer is kept. One that was stopped at that
/// moment keeps others waiting, but not for ever.
fn turn(all: &Path) -> io::Result<File> {
    const PATIENCE: Duration = Duration::from_secs(30);
    const PAUSE: Duration = Duration::from_millis(5);
    let (all, until) = (File::open(all)?, Instant::now() + PATIENCE);
    while let Err(errno) = flock(&all, FlockOperation::NonBlockingLockExclusive) {
        if errno != Errno::WOULDBLOCK || Instant::now() > until {
            return Err(errno.into());
        }
        std::thread::sleep(PAUSE);
    }
    Ok(all)
}

/// Removes the instances of scans that have ended without doing so. That of a scan that runs cannot be removed.
fn remove_stale(all: &Path) {
    let entries = fs::read_dir(all).into_iter().flatten().flatten();
    let is_ours = |name: &str| name.strip_prefix(PREFIX).is_some_and(|pid| pid.parse::<u32>().is_ok());
    for entry in entries.filter(|entry| entry.file_name().to_str().is_some_and(is_ours)) {
        let _ = fs::remove_dir(entry.path());
    }
}

#[cfg(test)]
mod tests {
    use super::super::tracefs::tests::tracefs;
    use super::*;

    #[test]
    fn nobody_else_removes_it_and_a_panic_does() {
        let Some(tracefs) = tracefs() else { return };
        let path = tracefs.path("instances").join(format!("{PREFIX}{}", std::process::id()));
        let instance = Instance::new(&tracefs).unwrap();
        assert!(fs::remove_dir(&path).is_err(), "somebody has removed it while it was set up");
        drop(instance);
        let outcome = std::panic::catch_unwind(|| {
            let _instance = Instance::new(&tracefs).unwrap();
            assert!(!path.exists(), "this panics on purpose");
        });
        assert!(outcome.is_err() && !path.exists());
    }
}
