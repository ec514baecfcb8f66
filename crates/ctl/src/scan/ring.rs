//! Reading the buffers of all processors.

use super::instance::Instance;
use super::page::PageLayout;
use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::io::{Errno, read};
use std::fs;
use std::os::fd::OwnedFd;
use std::time::Duration;

/// The buffers of an instance. They are closed before the instance is removed, which cannot be removed otherwise.
#[derive(Debug)]
pub struct Ring {
    processors: Vec<OwnedFd>,
    page: Vec<u8>,
    layout: PageLayout,
    instance: Instance,
}

impl Ring {
    /// Opens the buffers.
    pub fn open(instance: Instance, layout: PageLayout) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let mut processors = Vec::new();
        for entry in fs::read_dir(instance.path("per_cpu"))?.flatten() {
            let path = entry.path().join("trace_pipe_raw");
            processors.push(openat(CWD, &path, flags, Mode::empty()).with_context(|| path.display().to_string())?);
        }
        ensure!(!processors.is_empty(), "the trace instance has no buffers");
        Ok(Self { processors, page: vec![0; layout.page()], layout, instance })
    }

    /// Waits for an event, at most so long. A signal ends it early.
    pub fn wait(&self, time: Duration) {
        let mut all: Vec<_> = self.processors.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        let time = Timespec { tv_sec: time.as_secs() as i64, tv_nsec: time.subsec_nanos().into() };
        let _ = poll(&mut all, Some(&time));
    }

    /// Hands on every record that is there now, processor after processor. Returns whether there may be more: under a
    /// flood it does not read without end.
    pub fn read(&mut self, mut take: impl FnMut(&[u8])) -> Result<bool> {
        /// More than a buffer has.
        const PAGES: usize = 1024;
        let mut is_more = false;
        for fd in &self.processors {
            let mut pages = 0;
            while pages < PAGES && next(fd, &mut self.page)? {
                self.layout.records(&self.page).for_each(&mut take);
                pages += 1;
            }
            is_more |= pages == PAGES;
        }
        Ok(is_more)
    }

    /// The instance that the buffers belong to.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// How many events were lost because nobody read them in time.
    pub fn lost(&self) -> u64 {
        let entries = fs::read_dir(self.instance.path("per_cpu")).into_iter().flatten().flatten();
        entries.filter_map(|entry| fs::read_to_string(entry.path().join("stats")).ok()).map(|text| lost(&text)).sum()
    }
}

/// Reads a page of one processor. `false` where there is none.
fn next(fd: &OwnedFd, page: &mut [u8]) -> Result<bool> {
    match read(fd, &mut *page) {
        Ok(0) | Err(Errno::AGAIN) => Ok(false),
        Ok(length) => {
            page.get_mut(length..).unwrap_or_default().fill(0);
            Ok(true)
        }
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error).context("cannot read the trace buffer"),
    }
}

/// The lost events in the `stats` of one processor: overwritten, dropped because the buffer was full, and discarded
/// because an interrupt came while its end was being written.
fn lost(stats: &str) -> u64 {
    let number = |key| stats.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok()).unwrap_or(0);
    ["overrun:", "commit overrun:", "dropped events:"].map(number).iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_was_lost_counts() {
        let text = "entries: 9\noverrun: 1\ncommit overrun: 20\nbytes: 5\noldest event ts:  1.2\nnow ts:  3.4\n\
                    dropped events: 300\nread events: 7\n";
        assert_eq!(lost(text), 321);
        assert_eq!(lost(""), 0);
    }
}
