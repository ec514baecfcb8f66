//! Processes, as `/proc` shows them, read as bytes.
//!
//! Any user chooses the names of his programs, of the files that they map and of their directories. A
//! name need not be UTF-8, and may look like anything that the kernel writes itself (`/SYSV`,
//! `[stack:`). So a line is split at spaces and never taken for text, and a number that is none is no
//! number.

use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The pids of all processes.
pub fn pids() -> io::Result<Vec<u32>> {
    let entries = std::fs::read_dir("/proc")?.flatten();
    Ok(entries.filter_map(|entry| number(entry.file_name().as_encoded_bytes())).collect())
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The name of the process.
    pub name: Vec<u8>,
    /// When it was started, in clock ticks after boot.
    pub started: u64,
    /// Whether it has ended, and its parent has not asked for its status yet.
    pub has_ended: bool,
}

/// Reads `/proc/PID/stat`.
pub fn stat(pid: u32) -> Option<Stat> {
    Stat::of(&content(pid, "stat")?)
}

impl Stat {
    /// Reads the line.
    pub fn of(line: &[u8]) -> Option<Self> {
        /// Fields behind the name.
        const STATE: usize = 0;
        const THREADS: usize = 17;
        const START_TIME: usize = 19;
        let (begin, end) = (line.iter().position(|&byte| byte == b'(')?, line.iter().rposition(|&byte| byte == b')')?);
        let name = line.get(begin + 1..end)?.to_vec();
        let fields: Vec<_> = words(line.get(end + 1..)?).collect();
        // A process whose first thread has ended looks like one that has ended, but for its other threads.
        let has_ended =
            *fields.get(STATE)? == b"Z" && number(fields.get(THREADS)?).is_some_and(|threads: u64| threads < 2);
        Some(Self { name, started: number(fields.get(START_TIME)?)?, has_ended })
    }
}

/// What `/proc/PID/status` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its effective user.
    pub user: u32,
    /// Its pid in its own pid namespace, where the kernel tells.
    pub own_pid: Option<u32>,
    /// The process that a thread belongs to.
    pub process: u32,
    /// Its parent.
    pub parent: u32,
}

/// Reads `/proc/PID/status`, of a process or of a thread. No name can forge a line: the kernel escapes a line feed there.
pub fn status(pid: u32) -> Option<Status> {
    Status::of(&content(pid, "status")?)
}

impl Status {
    /// Reads the text.
    pub fn of(text: &[u8]) -> Option<Self> {
        let value = |name: &[u8]| text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(name));
        let first = |name: &[u8]| number(words(value(name)?).next()?);
        let user = number(words(value(b"Uid:")?).nth(1)?)?;
        let own_pid = value(b"NSpid:").and_then(|pids| number(words(pids).last()?));
        Some(Self { user, own_pid, process: first(b"Tgid:")?, parent: first(b"PPid:")? })
    }
}

/// A line of `/proc/PID/maps`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Map<'a> {
    /// The addresses.
    pub address: (u64, u64),
    /// Whether what is stored there goes into the file: the mapping is shared and may be written to.
    pub is_written_through: bool,
    /// Major and minor number of the device.
    pub device: (u32, u32),
    /// The inode.
    pub inode: u64,
    /// The name of the file, as the kernel writes it.
    pub path: &'a [u8],
}

/// Calls `visit` with each line of `/proc/PID/maps`. The first thread of a process may have ended, and
/// shows nothing then: the file of another thread is read.
pub fn maps(pid: u32, mut visit: impl FnMut(&Map<'_>)) -> io::Result<()> {
    let process = PathBuf::from(format!("/proc/{pid}"));
    if lines(&process.join("maps"), &mut visit)? == 0
        && let Some(last) = std::fs::read_dir(process.join("task"))?.flatten().last()
    {
        lines(&last.path().join("maps"), &mut visit)?;
    }
    Ok(())
}

/// Calls `visit` with each line of a file, and answers how many there are.
fn lines(path: &Path, visit: &mut impl FnMut(&Map<'_>)) -> io::Result<u64> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut line, mut count) = (Vec::new(), 0);
    while reader.read_until(b'\n', &mut line)? != 0 {
        if let Some(map) = Map::of(&line) {
            visit(&map);
        }
        line.clear();
        count += 1;
    }
    Ok(count)
}

impl<'a> Map<'a> {
    /// Reads one line.
    pub fn of(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut fields = line.splitn(6, |&byte| byte == b' ');
        let (from, to) = pair(fields.next()?, b'-')?;
        let rights = fields.next()?;
        let is_written_through = rights.starts_with(b"rw") && rights.ends_with(b"s");
        let (major, minor) = pair(fields.nth(1)?, b':')?;
        let inode = number(fields.next()?)?;
        let path = fields.next().unwrap_or_default().trim_ascii_start();
        let device = (u32::try_from(major).ok()?, u32::try_from(minor).ok()?);
        Some(Self { address: (from, to), is_written_through, device, inode, path })
    }
}

/// The environment with which a process was executed, one `NAME=value` after the other, each behind a
/// zero byte. A process may say that it is anything, and as long as it likes: no more is read than
/// most programs can be given.
pub fn environment(pid: u32) -> io::Result<Vec<u8>> {
    const MOST: u64 = 2 << 20;
    beginning(pid, "environ", MOST)
}

/// The first bytes of a file of a process, which may be as long as the process likes.
pub fn beginning(pid: u32, name: &str, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/{name}"))?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The path of a file, without what procfs adds where the file is gone.
pub fn without_mark(path: &[u8]) -> &[u8] {
    path.strip_suffix(b" (deleted)").unwrap_or(path)
}

/// Whether there is a process that has not ended. `/proc` may hide it (`hidepid`); then the kernel says
/// whether there is one.
pub fn is_running(pid: u32) -> bool {
    match stat(pid) {
        Some(stat) => !stat.has_ended,
        None => {
            Pid::from_raw(pid.try_into().unwrap_or(0)).is_some_and(|pid| test_kill_process(pid) != Err(Errno::SRCH))
        }
    }
}

fn content(pid: u32, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(format!("/proc/{pid}/{name}")).ok()?.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    digits.first()?.is_ascii_digit().then_some(())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn pair(text: &[u8], between: u8) -> Option<(u64, u64)> {
    let (first, second) = text.split_at(text.iter().position(|&byte| byte == between)?);
    let hexadecimal = |digits| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok();
    Some((hexadecimal(first)?, hexadecimal(second.get(1..)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The parser that was there before panicked at the first, and saw nothing of a process that had a
    /// file of the second kind: it counted as one without softclose.
    #[test]
    fn a_mapped_file_may_have_any_name() {
        for name in [&b"/SYSV"[..], b"/\xff\xfe.softclose", b"[stack:", b"[stack:x]", b"[", b"/a b  c (deleted)", b""] {
            let line = [b"7f00-7f10 rw-s 00000000 00:1a 42                         ", name, b"\n"].concat();
            let map = Map::of(&line).unwrap();
            let rest = (map.address, map.is_written_through, map.device, map.inode);
            assert_eq!((map.path, rest), (name, ((0x7f00, 0x7f10), true, (0, 0x1a), 42)));
        }
        assert!(!Map::of(b"0-1 rw-p 00000000 00:00 0 ").unwrap().is_written_through);
        assert!(!Map::of(b"0-1 r--s 00000000 00:00 0").unwrap().is_written_through);
    }

    #[test]
    fn a_process_may_have_any_name() {
        for name in [&b"a) R 1 2 (b"[..], b"", b"\xff", b" ", b") ) )"] {
            let fields = (4..=52).map(|field| format!(" {field}")).collect::<String>();
            let line = [b"7 (", name, b") R", fields.as_bytes(), b"\n"].concat();
            assert_eq!(Stat::of(&line), Some(Stat { name: name.to_vec(), started: 22, has_ended: false }));
        }
    }

    #[test]
    fn a_status_has_the_effective_user_and_the_innermost_pid() {
        let text = b"Name:\tUid:\nTgid:\t77\nPPid:\t3\nUid:\t1\t2\t3\t4\nNSpid:\t77\t1\nNSpgid:\t5\n";
        let status = Status { user: 2, own_pid: Some(1), process: 77, parent: 3 };
        assert_eq!(Status::of(text), Some(status));
        assert_eq!(Status::of(b"Tgid:\t77\nPPid:\t3\nUid:\t1\t2\n"), Some(Status { own_pid: None, ..status }));
        assert_eq!(Status::of(b"Tgid:\t77\nPPid:\t3\nUid:\n"), None);
    }

    #[test]
    fn this_process_is_as_it_is() {
        let me = std::process::id();
        assert!(pids().unwrap().contains(&me) && is_running(me) && !is_running(u32::MAX));
        assert_eq!(status(me).unwrap().own_pid, Some(me));
        let mut has_stack = false;
        maps(me, |map| has_stack |= map.path == b"[stack]").unwrap();
        assert!(has_stack);
    }
}
