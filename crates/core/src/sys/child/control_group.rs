//! Whether the control group of this process has room for more processes than the program itself
//! makes. `pids.max` limits them: `TasksMax=` of systemd, `--pids-limit` of a container.
//!
//! Only the limit of the group itself is looked at, not those of the groups that contain it. Where
//! nothing can be read, there is room.
//!
//! Context: the end of a process. Async-signal-safe, no allocation.
//!
//! Source: cgroups(7), `kernel/cgroup/pids.c`.

use crate::sys::files::file;
use crate::sys::procfs::{Dir, number};

/// Where version 1 mounts the controller `pids`.
const VERSION_1: &[u8] = b"/sys/fs/cgroup/pids";
/// Where version 2 mounts all controllers.
const VERSION_2: &[u8] = b"/sys/fs/cgroup";

/// Whether the group has at most half of the processes and threads that it may have.
#[inline(never)]
pub fn has_room() -> bool {
    let Ok(root) = Dir::root() else { return true };
    root.each_line(c"self/cgroup", |line| group(line).is_none_or(|(mount, path)| is_at_most_half(mount, path)))
        .unwrap_or(true)
}

/// The mount and the path of the group, from a line of `/proc/self/cgroup` such as `8:pids:/a`
/// or `0::/a`.
fn group(line: &[u8]) -> Option<(&'static [u8], &[u8])> {
    let mut parts = line.splitn(3, |&byte| byte == b':');
    let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
    match controllers {
        b"" => Some((VERSION_2, path)),
        b"pids" => Some((VERSION_1, path)),
        _ => None,
    }
}

/// Whether the group uses at most half of its limit. Where the path does not exist, the group at
/// the mount is asked: a container may see its own group there.
fn is_at_most_half(mount: &[u8], path: &[u8]) -> bool {
    let limit = |path| Some((value(&[mount, path, b"/pids.max"])?, value(&[mount, path, b"/pids.current"])?));
    limit(path).or_else(|| limit(b"")).is_none_or(|(most, now)| now.saturating_mul(2) <= most)
}

/// The number in the file whose path is these parts, joined; `None` where the file says `max`.
fn value(parts: &[&[u8]]) -> Option<u64> {
    let mut buffer = [0u8; 512];
    let bytes = parts.iter().flat_map(|part| part.iter());
    // A longer path is cut off, and so not found.
    buffer.iter_mut().take(511).zip(bytes).for_each(|(to, from)| *to = *from);
    let fd = file::open(file::HERE, buffer.as_ptr().cast()).ok()?;
    let mut text = [0u8; 24];
    let read = file::read_at(fd, &mut text, 0);
    fd.close();
    number(text.get(..read?)?.trim_ascii_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_both_versions_are_understood() {
        assert_eq!(group(b"8:pids:/a/b"), Some((VERSION_1, &b"/a/b"[..])));
        assert_eq!(group(b"0::/system.slice/x:y.service"), Some((VERSION_2, &b"/system.slice/x:y.service"[..])));
        assert_eq!([group(b"4:memory:/a"), group(b"4"), group(b"")], [None; 3]);
    }

    #[test]
    fn without_a_readable_limit_there_is_room() {
        assert!(is_at_most_half(b"/no/such", b"/directory"));
        assert_eq!(value(&[b"/proc/sys", b"/kernel/ostype"]), None);
        assert!(value(&[b"/proc/sys/kernel", b"/pid_max"]).is_some_and(|most| most > 100));
    }
}
