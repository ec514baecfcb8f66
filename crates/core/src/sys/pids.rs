//! Whether the control group of this process has room for processes that the program has not
//! asked for (`pids.max`: `TasksMax=` of systemd, `--pids-limit` of a container).
//!
//! Only the group itself is asked for, not those around it. Where nothing can be known there
//! is room.
//!
//! Context: the end of a process. Async-signal-safe, no allocation.
//!
//! Source: cgroups(7), `kernel/cgroup/pids.c`.

use super::file;
use super::procfs::{Dir, number};

/// Where the first version of control groups has that of the processes, and the second all.
const FIRST: &[u8] = b"/sys/fs/cgroup/pids";
const SECOND: &[u8] = b"/sys/fs/cgroup";

/// Whether at most half of the processes and threads that there may be are there.
#[inline(never)]
pub fn have_room() -> bool {
    let Ok(root) = Dir::root() else { return true };
    root.each_line(c"self/cgroup", |line| group(line).is_none_or(|(mount, path)| has_room(mount, path))).unwrap_or(true)
}

/// Mount and path of a line such as `8:pids:/a` or `0::/a`.
fn group(line: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let mut parts = line.splitn(3, |&byte| byte == b':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    match controllers {
        b"" => Some((SECOND, path)),
        b"pids" => Some((FIRST, path)),
        _ => None,
    }
}

/// A container may see its own group as the top.
fn has_room(mount: &[u8], path: &[u8]) -> bool {
    let limit = |path| Some((value(&[mount, path, b"/pids.max"])?, value(&[mount, path, b"/pids.current"])?));
    limit(path).or_else(|| limit(b"")).is_none_or(|(most, now)| now.saturating_mul(2) <= most)
}

/// The number in the file whose path is made of these parts; `None` for `max`.
fn value(parts: &[&[u8]]) -> Option<u64> {
    let mut room = [0u8; 512];
    let bytes = parts.iter().flat_map(|part| part.iter());
    // What is longer is cut off, and not found.
    room.iter_mut().take(511).zip(bytes).for_each(|(to, from)| *to = *from);
    let fd = file::open(file::HERE, room.as_ptr().cast()).ok()?;
    let mut text = [0u8; 24];
    let read = file::read_at(fd, &mut text, 0);
    fd.close();
    number(text.get(..read?)?.trim_ascii_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_say_where_the_limit_is() {
        assert_eq!(group(b"8:pids:/a/b"), Some((FIRST, &b"/a/b"[..])));
        assert_eq!(group(b"0::/system.slice/x:y.service"), Some((SECOND, &b"/system.slice/x:y.service"[..])));
        assert_eq!([group(b"4:memory:/a"), group(b"4"), group(b"")], [None; 3]);
    }

    #[test]
    fn where_nothing_is_known_there_is_room() {
        assert!(has_room(b"/no/such", b"/directory"));
        assert_eq!(value(&[b"/proc/sys", b"/kernel/ostype"]), None);
        assert!(value(&[b"/proc/sys/kernel", b"/pid_max"]).is_some_and(|most| most > 100));
    }
}
