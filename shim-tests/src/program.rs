//! A child process whose every wait has a deadline.
//!
//! The child leads a process group of its own. It is only reaped in `Drop`,
//! after the group was killed: until then its pid cannot belong to anybody else,
//! so the kill reaches our processes and no others.

use crate::DEADLINE;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// How long the outputs of a killed program are still read.
const LEFT_BEHIND: Duration = Duration::from_secs(2);

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// What a program left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// Every line of its standard output, from the start.
    pub stdout: Vec<String>,
    /// Every line of its standard error.
    pub stderr: Vec<String>,
}

/// What was seen of a program that may end badly, or not at all.
#[derive(Clone, Debug)]
pub struct Parting {
    /// `None` if it had to be killed.
    pub exit: Option<Exit>,
    /// Every line of its standard output, from the start.
    pub stdout: Vec<String>,
    /// Every line of its standard error.
    pub stderr: Vec<String>,
}

/// Lines of a pipe, read by a thread so that waiting for one can time out.
struct Lines {
    /// The mutex is never locked: only a caller with `&mut self` takes lines. It makes a
    /// [`Program`] `Sync`.
    receiver: Mutex<Receiver<String>>,
    seen: Vec<String>,
}

enum Next {
    Line(String),
    End,
    TimedOut,
}

impl Lines {
    fn of(pipe: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            let lines = BufReader::new(pipe).split(b'\n').map_while(Result::ok);
            for line in lines {
                if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { receiver: Mutex::new(receiver), seen: Vec::new() }
    }

    fn next(&mut self, until: Instant) -> Next {
        match self.queue().recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => {
                self.seen.push(line.clone());
                Next::Line(line)
            }
            Err(RecvTimeoutError::Disconnected) => Next::End,
            Err(RecvTimeoutError::Timeout) => Next::TimedOut,
        }
    }

    fn queue(&mut self) -> &Receiver<String> {
        self.receiver.get_mut().expect("it is never locked")
    }

    /// Everything that has come so far, without waiting.
    fn so_far(&mut self) -> &[String] {
        let new: Vec<_> = self.queue().try_iter().collect();
        self.seen.extend(new);
        &self.seen
    }
}

/// A running child.
pub struct Program {
    name: String,
    child: Child,
    pidfd: OwnedFd,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

impl Program {
    /// Starts `command` with all three standard streams in our hands.
    pub fn start(mut command: Command) -> Self {
        let name = format!("{command:?}");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        let stdout = Lines::of(child.stdout.take().expect("stdout is piped"));
        let stderr = Lines::of(child.stderr.take().expect("stderr is piped"));
        let pidfd = pidfd_open(child.id()).expect("a child that is not reaped");
        let stdin = child.stdin.take();
        Self { name, child, pidfd, stdin, stdout, stderr }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line that starts with `prefix`, and answers what
    /// follows the prefix.
    #[track_caller]
    pub fn expect(&mut self, prefix: &str) -> String {
        self.says(prefix).unwrap_or_else(|what| self.fail(&what))
    }

    /// As [`Program::expect`], for a line that may be missing.
    ///
    /// # Errors
    /// What was seen instead.
    pub fn says(&mut self, prefix: &str) -> Result<String, String> {
        let until = Instant::now() + DEADLINE;
        loop {
            match self.stdout.next(until) {
                Next::Line(line) => {
                    if let Some(rest) = line.strip_prefix(prefix) {
                        return Ok(rest.trim().to_owned());
                    }
                }
                Next::End => return Err(format!("ended without a line {prefix:?}")),
                Next::TimedOut => return Err(format!("said no line {prefix:?} in {DEADLINE:?}")),
            }
        }
    }

    /// Waits for the line `port N` of a program that listens.
    #[track_caller]
    pub fn port(&mut self) -> u16 {
        self.expect("port ").parse().expect("a port number")
    }

    /// Sends one line to its standard input. A program that is gone already has
    /// no use for it; what it did wrong is seen at its end.
    pub fn tell(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    /// Lets a program go on that waits for a line of its standard input.
    pub fn go(&mut self) {
        self.tell("go");
    }

    /// Closes its standard input: the sign for every program here to end.
    pub fn release(&mut self) {
        self.stdin = None;
    }

    /// Whether it ended within `patience`. Does not reap it.
    pub fn ended_within(&self, patience: Duration) -> bool {
        let mut poll = libc::pollfd { fd: self.pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let until = Instant::now() + patience;
        loop {
            let left = until.saturating_duration_since(Instant::now()).as_millis();
            // SAFETY: one valid pollfd.
            let ready = unsafe { libc::poll(&mut poll, 1, i32::try_from(left).unwrap_or(i32::MAX)) };
            if ready >= 0 {
                return ready == 1;
            }
        }
    }

    /// Waits for its end and answers how it ended.
    #[track_caller]
    pub fn exit(&mut self) -> Exit {
        if !self.ended_within(DEADLINE) {
            self.fail(&format!("did not end in {DEADLINE:?}"));
        }
        exit_status(&self.pidfd)
    }

    /// Releases it, waits for its end and the end of its output.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        self.release();
        let exit = self.exit();
        self.read_to_end();
        Finished { exit, stdout: std::mem::take(&mut self.stdout.seen), stderr: std::mem::take(&mut self.stderr.seen) }
    }

    /// Reads both outputs until the last process that holds them is gone.
    #[track_caller]
    fn read_to_end(&mut self) {
        let until = Instant::now() + DEADLINE;
        for stream in ["stdout", "stderr"] {
            let lines = if stream == "stdout" { &mut self.stdout } else { &mut self.stderr };
            loop {
                match lines.next(until) {
                    Next::Line(_) => {}
                    Next::End => break,
                    Next::TimedOut => self.fail(&format!("somebody still holds its {stream}")),
                }
            }
        }
    }

    /// Everything that it has said so far, on both streams.
    pub fn said(&mut self) -> Vec<String> {
        [self.stdout.so_far(), self.stderr.so_far()].concat()
    }

    /// Everything that it has said on both streams, after both have ended or `patience` is over.
    pub fn last_words(&mut self, patience: Duration) -> Vec<String> {
        let until = Instant::now() + patience;
        for lines in [&mut self.stdout, &mut self.stderr] {
            while let Next::Line(_) = lines.next(until) {}
        }
        self.said()
    }

    /// Sends a signal to it, and to no other process of its group.
    pub fn signal(&self, signal: i32) {
        let pid = libc::pid_t::try_from(self.child.id()).expect("a pid fits pid_t");
        // SAFETY: no memory is passed; the child is not reaped before `Drop`.
        unsafe { libc::kill(pid, signal) };
    }

    /// Waits for its end for as long as `patience`, then kills its group, and
    /// answers what was seen of it. What it has left behind in other groups may
    /// hold its outputs for ever: it is not waited for.
    pub fn end_within(mut self, patience: Duration) -> Parting {
        self.release();
        let exit = self.ended_within(patience).then(|| exit_status(&self.pidfd));
        self.kill();
        let until = Instant::now() + LEFT_BEHIND;
        let [stdout, stderr] = [&mut self.stdout, &mut self.stderr].map(|lines| {
            while let Next::Line(_) = lines.next(until) {}
            std::mem::take(&mut lines.seen)
        });
        Parting { exit, stdout, stderr }
    }

    /// Kills its whole process group. It is not reaped here.
    fn kill(&self) {
        let group = libc::pid_t::try_from(self.child.id()).expect("a pid fits pid_t");
        // SAFETY: the leader is only reaped in `drop`, after this: the group id is
        // still that of the group that we started.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }

    /// Fails the test with everything that the program said.
    #[track_caller]
    pub fn fail(&mut self, what: &str) -> ! {
        let stdout = self.stdout.so_far().join("\n  ");
        let stderr = self.stderr.so_far().join("\n  ");
        panic!("{}\n{what}\nstdout:\n  {stdout}\nstderr:\n  {stderr}", self.name)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
        let _ = self.child.wait();
    }
}

/// A pidfd of the process.
///
/// # Errors
/// There is no such process.
pub fn pidfd_open(pid: u32) -> std::io::Result<OwnedFd> {
    // SAFETY: no memory is passed; the result is checked and owned at once.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: a new descriptor that nobody else owns.
    Ok(unsafe { OwnedFd::from_raw_fd(i32::try_from(fd).expect("a descriptor fits i32")) })
}

/// How the process has ended. It is not reaped (`WNOWAIT`), because its pid must not become
/// another's.
fn exit_status(pidfd: &OwnedFd) -> Exit {
    // SAFETY: siginfo_t is plain data, for which zeroes are valid.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let id = libc::id_t::try_from(pidfd.as_raw_fd()).expect("a descriptor is not negative");
    // SAFETY: `info` is valid for writes.
    let answer = unsafe { libc::waitid(libc::P_PIDFD, id, &mut info, libc::WEXITED | libc::WNOWAIT) };
    assert_eq!(answer, 0, "waitid: {}", std::io::Error::last_os_error());
    // SAFETY: waitid filled the fields of a SIGCHLD.
    let status = unsafe { info.si_status() };
    if info.si_code == libc::CLD_EXITED { Exit::Code(status) } else { Exit::Signal(status) }
}
