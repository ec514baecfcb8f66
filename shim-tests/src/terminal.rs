//! A program on a terminal that the test can close.

use crate::proc::wait_until;
use std::fs::File;
use std::io::{Error, Read};
use std::os::fd::{FromRawFd, OwnedFd};
use std::process::{Child, Command};
use std::ptr;

/// A program on a terminal of its own, which it does not outlive.
#[derive(Debug)]
pub struct OnTerminal {
    child: Child,
    screen: Option<File>,
}

impl OnTerminal {
    /// Starts it.
    pub fn start(mut command: Command) -> Self {
        let (screen, its) = terminal();
        let [stdin, stdout] = [(); 2].map(|()| its.try_clone().expect("a copy"));
        command.env("TERM", "xterm").env_remove("LD_PRELOAD").stdin(stdin).stdout(stdout).stderr(its);
        Self { child: command.spawn().expect("it starts"), screen: Some(screen.into()) }
    }

    /// Its pid.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until there is something on the screen.
    pub fn wait_until_it_draws(&mut self) {
        self.screen.as_mut().expect("a terminal").read_exact(&mut [0]).expect("it draws");
    }

    /// Ends the program by SIGTERM, and answers what it wrote since it drew first.
    pub fn ended_by_sigterm(&mut self) -> String {
        // SAFETY: the child has not been waited for.
        assert_eq!(unsafe { libc::kill(self.pid() as i32, libc::SIGTERM) }, 0);
        wait_until("the program has ended", || self.child.try_wait().expect("a child").is_some());
        let mut written = Vec::new();
        // A terminal that no program has open any more ends in an error.
        let _ = self.screen.as_mut().expect("a terminal").read_to_end(&mut written);
        String::from_utf8_lossy(&written).into_owned()
    }

    /// Closes the terminal, as a window is closed, and waits until the program has ended.
    pub fn closes_it(&mut self) {
        self.screen = None;
        wait_until("the program has ended", || self.child.try_wait().expect("a child").is_some());
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        let _ = self.child.kill().and_then(|()| self.child.wait());
    }
}

/// A terminal: the end of the screen, and that of programs.
fn terminal() -> (OwnedFd, OwnedFd) {
    let (mut ours, mut its) = (-1, -1);
    let (name, settings, size) = (ptr::null_mut(), ptr::null(), ptr::null());
    // SAFETY: both numbers are ours to be written, and nothing else is asked.
    let made = unsafe { libc::openpty(&raw mut ours, &raw mut its, name, settings, size) };
    assert_eq!(made, 0, "openpty: {}", Error::last_os_error());
    // SAFETY: both are new, and nobody else has them.
    let both = unsafe { [ours, its].map(|fd| OwnedFd::from_raw_fd(fd)) };
    // A program that had a copy of the first would keep its own terminal alive.
    let [ours, its] = both.map(|fd| fd.try_clone().expect("a copy that is closed by exec"));
    (ours, its)
}
