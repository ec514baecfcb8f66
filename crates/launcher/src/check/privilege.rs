//! Programs that get more rights than their caller has.
//!
//! The kernel sets `AT_SECURE` for such a program. Then ld.so(8) ignores every entry of
//! `LD_PRELOAD` that has a slash in it. A script gets no rights this way: only ELF files are looked
//! at.

use super::finding::Finding;
use rustix::fs::getxattr;
use rustix::io::Errno;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

const S_ISUID: u32 = 0o4000;
const S_ISGID: u32 = 0o2000;
const S_IXGRP: u32 = 0o0010;

/// More bytes than any `struct vfs_cap_data` has. A longer value is found all the same.
const CAPABILITY_BYTES: usize = 64;

/// A warning for each way in which `file` grants rights.
pub fn findings(file: &Path) -> Vec<Finding> {
    // The file was just read. If it is gone now, there is nothing to say about it.
    let Ok(metadata) = file.metadata() else { return Vec::new() };
    let ways = [set_user_id(&metadata), set_group_id(&metadata), capabilities(file)];
    let because = |way| Finding::warning(file, format!("this program {way}: its dynamic loader ignores LD_PRELOAD"));
    ways.into_iter().flatten().map(because).collect()
}

fn set_user_id(metadata: &Metadata) -> Option<String> {
    (metadata.mode() & S_ISUID != 0).then(|| format!("is set-user-ID (to user {})", metadata.uid()))
}

/// Without the group's execute bit the set-group-ID bit gives no rights: it stood for mandatory
/// locks (inode(7)).
fn set_group_id(metadata: &Metadata) -> Option<String> {
    let both = S_ISGID | S_IXGRP;
    (metadata.mode() & both == both).then(|| format!("is set-group-ID (to group {})", metadata.gid()))
}

fn capabilities(file: &Path) -> Option<String> {
    let mut value = [0; CAPABILITY_BYTES];
    let present = matches!(getxattr(file, "security.capability", &mut value), Ok(_) | Err(Errno::RANGE));
    present.then(|| "has file capabilities".to_owned())
}
