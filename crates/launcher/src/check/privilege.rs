//! Programs that get more rights than their caller has.
//!
//! The kernel sets `AT_SECURE` for such a program. Then ld.so(8) ignores every entry of
//! `LD_PRELOAD` that has a slash in it. A script gets no rights this way: only ELF files are looked
//! at.
//!
//! Whether a program gets more rights depends on who calls it: root gets none from a program that is
//! set-user-ID to root. The rules are those of `cap_bprm_creds_from_file` in `security/commoncap.c`.

use super::finding::Finding;
use rustix::fs::{StatVfsMountFlags, getxattr, statvfs};
use rustix::io::Errno;
use rustix::process::{getgid, getuid};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const S_ISUID: u32 = 0o4000;
const S_ISGID: u32 = 0o2000;
const S_IXGRP: u32 = 0o0010;

/// More bytes than any `struct vfs_cap_data` has.
const CAPABILITY_BYTES: usize = 64;

/// Who runs the program. A number that is not known is the one that gives most.
#[derive(Clone, Copy, Debug)]
struct Caller {
    user: u32,
    group: u32,
    /// Whether no program gives rights to this process (`PR_SET_NO_NEW_PRIVS`).
    no_new_privs: bool,
    permitted: u64,
    inheritable: u64,
    bounding: u64,
}

/// The capabilities of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Capabilities {
    effective: bool,
    permitted: u64,
    inheritable: u64,
}

/// A warning for each way in which `file` gives this user rights, and a note for each way in which it
/// might give them to another.
pub fn findings(file: &Path) -> Vec<Finding> {
    // The file was just read. If it is gone now, there is nothing to say about it.
    let Ok(metadata) = file.metadata() else { return Vec::new() };
    let caller = Caller::current();
    let ways = [set_user_id(&metadata, caller), set_group_id(&metadata, caller), capabilities(file, caller)];
    let is_heeded = !is_on_nosuid(file);
    ways.into_iter().flatten().map(|(way, gives)| finding(file, &way, gives && is_heeded)).collect()
}

fn finding(file: &Path, way: &str, gives: bool) -> Finding {
    if gives {
        return Finding::warning(file, format!("this program {way}: its dynamic loader ignores LD_PRELOAD"));
    }
    let text = format!("this program {way}. That gives no rights here; where it does, LD_PRELOAD is ignored");
    Finding::note(file, text)
}

/// Whether the file is on a file system whose programs give no rights.
fn is_on_nosuid(file: &Path) -> bool {
    statvfs(file).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::NOSUID))
}

/// In which way a file gives rights, and whether it gives them to `caller`.
type Way = (String, bool);

fn set_user_id(metadata: &Metadata, caller: Caller) -> Option<Way> {
    let way = || format!("is set-user-ID (to user {})", metadata.uid());
    (metadata.mode() & S_ISUID != 0).then(|| (way(), !caller.no_new_privs && metadata.uid() != caller.user))
}

/// Without the group's execute bit the set-group-ID bit gives no rights: it stood for mandatory
/// locks (inode(7)).
fn set_group_id(metadata: &Metadata, caller: Caller) -> Option<Way> {
    let both = S_ISGID | S_IXGRP;
    let way = || format!("is set-group-ID (to group {})", metadata.gid());
    (metadata.mode() & both == both).then(|| (way(), !caller.no_new_privs && metadata.gid() != caller.group))
}

fn capabilities(file: &Path, caller: Caller) -> Option<Way> {
    let mut value = [0; CAPABILITY_BYTES];
    let found = match getxattr(file, "security.capability", &mut value) {
        Ok(length) => value.get(..length).and_then(Capabilities::of),
        Err(Errno::RANGE) => None,
        Err(_) => return None,
    };
    // What is not understood may give everything.
    Some(("has file capabilities".to_owned(), found.is_none_or(|found| caller.gains(found))))
}

impl Caller {
    /// This process: it is the one that executes the program.
    fn current() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let mask = |name| number(&status, name).unwrap_or(u64::MAX);
        Self {
            user: getuid().as_raw(),
            group: getgid().as_raw(),
            no_new_privs: number(&status, "NoNewPrivs:") == Some(1),
            permitted: mask("CapPrm:"),
            inheritable: mask("CapInh:"),
            bounding: mask("CapBnd:"),
        }
    }

    /// Whether a file with these capabilities is executed with more rights than its caller has. The
    /// kernel says so of every file with the effective bit, but not where root is the caller.
    fn gains(self, file: Capabilities) -> bool {
        let granted = file.permitted & self.bounding | file.inheritable & self.inheritable;
        let kept = if self.no_new_privs { granted & self.permitted } else { granted };
        self.user != 0 && (file.effective || kept != 0)
    }
}

/// A hexadecimal number of `/proc/PID/status`.
fn number(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    u64::from_str_radix(value.trim(), 16).ok()
}

impl Capabilities {
    /// Reads a `struct vfs_cap_data` of the revision 1, 2 or 3 (`linux/capability.h`).
    fn of(value: &[u8]) -> Option<Self> {
        let word = |at: usize| value.get(4 * at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let magic = word(0)?;
        let high = |at| match magic >> 24 {
            1 => Some(0),
            2 | 3 => word(at),
            _ => None,
        };
        let joined = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
        Some(Self {
            effective: magic & 1 != 0,
            permitted: joined(word(1)?, high(3)?),
            inheritable: joined(word(2)?, high(4)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Caller =
        Caller { user: 1000, group: 1000, no_new_privs: false, permitted: 0, inheritable: 0, bounding: u64::MAX };

    #[test]
    fn capabilities_are_read_as_the_kernel_writes_them() {
        let mut value = vec![1, 0, 0, 2, 0, 4, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0];
        let expected = Capabilities { effective: true, permitted: 1 << 32 | 0x400, inheritable: 2 << 32 | 8 };
        assert_eq!(Capabilities::of(&value), Some(expected));
        assert_eq!(Capabilities::of(&value[..19]), None);
        value[3] = 9;
        assert_eq!(Capabilities::of(&value), None, "a revision that is younger than this");
    }

    #[test]
    fn only_what_the_caller_gets_counts() {
        let file = |effective, permitted, inheritable| Capabilities { effective, permitted, inheritable };
        assert!(USER.gains(file(true, 0, 0)) && USER.gains(file(false, 4, 0)));
        assert!(!USER.gains(file(false, 0, 4)), "the caller has nothing to inherit");
        assert!(Caller { inheritable: 4, ..USER }.gains(file(false, 0, 4)));
        assert!(!Caller { bounding: 3, ..USER }.gains(file(false, 4, 0)));
        assert!(!Caller { no_new_privs: true, ..USER }.gains(file(false, 4, 0)));
        assert!(!Caller { user: 0, ..USER }.gains(file(true, 4, 4)));
    }
}
