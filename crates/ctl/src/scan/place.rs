//! Who runs a process, and where: a command line alone, in the shell of whoever reads the report, may start something
//! else.

use super::command_line::quoted;
use crate::proc;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;

/// The surroundings of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its user: nobody should run as root what another user has chosen.
    pub user: u32,
    /// Its directory, which a path in its command line may begin at.
    directory: Vec<u8>,
    /// Whether `/` is another directory for it than for this process, as in a container.
    pub has_other_root: bool,
    /// Whether it is in another network namespace than this process.
    has_other_network: bool,
}

impl Place {
    /// That of a process.
    pub fn of(pid: u32) -> Self {
        let directory = fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        Self {
            user: proc::status(pid).map_or(u32::MAX, |status| status.user),
            directory: directory.into_os_string().into_vec(),
            has_other_root: is_other(pid, "root/."),
            has_other_network: is_other(pid, "ns/net"),
        }
    }

    /// Comments for a shell, ahead of a command.
    pub fn lines(&self) -> Vec<String> {
        let first = format!("# as user {}, in {}", self.user, quoted(&self.directory));
        let root = self.has_other_root.then_some("# in its own root: it runs in a container, or after chroot");
        let network = self.has_other_network.then_some("# in its own network namespace");
        let mut lines: Vec<_> =
            [first].into_iter().chain([root, network].into_iter().flatten().map(str::to_owned)).collect();
        if let Some(last) = lines.last_mut() {
            last.push(':');
        }
        lines
    }
}

/// Whether a file of procfs leads a process to something else than this one.
fn is_other(pid: u32, name: &str) -> bool {
    let id = |process: &str| fs::metadata(format!("/proc/{process}/{name}")).map(|data| (data.dev(), data.ino())).ok();
    id(&pid.to_string()) != id("self")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn this_process_is_where_it_is() {
        let place = Place::of(std::process::id());
        assert!(!place.has_other_root && !place.has_other_network);
        let expected = format!("# as user {}, in {}:", place.user, quoted(&place.directory));
        assert_eq!(place.lines(), [expected]);
    }

    /// Where `/usr` has everything that sleep(1) needs, and root runs this.
    #[test]
    fn another_root_and_network_are_seen_and_named() {
        let start = ["--net", "--root=/usr", "/bin/sleep", "60"];
        let Ok(mut child) = Command::new("unshare").args(start).stderr(Stdio::null()).spawn() else { return };
        let is_there = |pid| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"/bin/sleep"));
        while child.try_wait().unwrap().is_none() && !is_there(child.id()) {
            std::thread::yield_now();
        }
        let place = is_there(child.id()).then(|| Place::of(child.id()));
        child.kill().and_then(|()| child.wait()).unwrap();
        if let Some(place) = place {
            let expected = [
                "# as user 0, in /usr",
                "# in its own root: it runs in a container, or after chroot",
                "# in its own network namespace:",
            ];
            assert_eq!(place.lines(), expected);
        }
    }
}
