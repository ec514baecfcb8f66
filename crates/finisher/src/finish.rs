//! Waiting for the ends of all connections, within the bounds.

use super::kernel::{self, POLLERR, POLLIN, POLLRDHUP, PollFd, Received};
use super::task::{Mode, Task};

/// Longest sleep: an acknowledgement is no event, nor is silence.
const TICK_MS: u64 = 50;
/// Rest between two looks at peers that send.
const REST_MS: u64 = 5;
/// With so many bytes discarded in a turn there is no rest.
const FLOOD: u64 = 256 << 10;
/// Most bytes discarded from one connection before the others have their turn.
const BUDGET: u64 = 1 << 20;
const CHUNK: usize = 256 << 10;
/// How long everything must have been acknowledged and silent before a peer that does not
/// close is left.
const QUIET_MS: u32 = 250;

/// How often it is looked whether the process has gone that still uses what it has left,
/// where the kernel does not tell (before Linux 5.3).
const GONE_MS: u64 = 2;

/// Finishes `tasks`, at most `most` of them, within `bound_ms`. As long as `owner`, our
/// parent, lives, those that are not half-closed yet are its own: its end, which is to come
/// within `bound_ms` as well, begins the time for them. 0 is no owner.
pub fn finish(bound_ms: u64, owner: i32, most: usize, tasks: impl Iterator<Item = Task>) {
    let now = kernel::now_ms();
    // SAFETY: zero is a value of both.
    let (all, polled) = unsafe { (kernel::memory(most), kernel::memory(most + 1)) };
    let end = if owner == 0 { -1 } else { kernel::open_process(owner) };
    let mut waiting = Waiting { all, polled, left: 0, now, owner, end };
    tasks.for_each(|task| waiting.take(task));
    let mut deadline = now.saturating_add(bound_ms);
    while waiting.left != 0 && waiting.now < deadline {
        if waiting.inherits() {
            deadline = waiting.now.saturating_add(bound_ms);
        }
        waiting.turn(deadline);
    }
}

/// One connection; 0 is no limit, and no later half-close.
#[derive(Clone, Copy)]
struct Held {
    fd: i32,
    mode: Mode,
    part_at: u64,
    /// Somebody else still uses it, and it is half-closed so long after his end.
    asleep_ms: u64,
    last: u64,
    idle_ms: u64,
    /// How much it may still send.
    bytes: u64,
}

/// All that are left, those that are over taken out.
struct Waiting {
    all: &'static mut [Held],
    polled: &'static mut [PollFd],
    left: usize,
    now: u64,
    /// The process that still uses those that are not half-closed.
    owner: i32,
    /// A descriptor of it, or -1.
    end: i32,
}

impl Waiting {
    /// A number that is not that connection is not ours.
    fn take(&mut self, task: Task) {
        if kernel::cookie(task.fd) != Some(task.cookie) || kernel::info(task.fd).is_none() {
            return;
        }
        let held = Held::of(task, self.now);
        self.put(self.left, if self.owner == 0 { held.awake(self.now) } else { held });
        self.left += 1;
    }

    /// Whether the owner has gone since the last look.
    fn inherits(&mut self) -> bool {
        let has_gone = self.owner != 0 && kernel::parent() != self.owner;
        if has_gone {
            self.owner = 0;
            (0..self.left).for_each(|at| self.wake(at));
        }
        has_gone
    }

    fn wake(&mut self, at: usize) {
        if let Some(&held) = self.all.get(at) {
            self.put(at, held.awake(self.now));
        }
    }

    fn put(&mut self, at: usize, held: Held) {
        if let (Some(place), Some(polled)) = (self.all.get_mut(at), self.polled.get_mut(at)) {
            (*place, *polled) = (held, held.polled());
        }
    }

    fn turn(&mut self, deadline: u64) {
        let parts = self.all.iter().take(self.left).map(|held| held.part_at).filter(|&at| at != 0);
        let tick = if self.owner != 0 && self.end < 0 { GONE_MS } else { TICK_MS };
        let wake = parts.fold(deadline.min(self.now + tick), u64::min);
        if let Some(last) = self.polled.get_mut(self.left) {
            let fd = if self.owner == 0 { -1 } else { self.end };
            *last = PollFd { fd, events: POLLIN, found: 0 };
        }
        let polled = self.polled.get_mut(..=self.left).unwrap_or_default();
        let found = kernel::poll(polled, wake.saturating_sub(self.now));
        self.now = kernel::now_ms();
        let has_ended = self.polled.get(self.left).is_some_and(|end| end.found != 0);
        let discarded = self.look(!found);
        if found && !has_ended && discarded < FLOOD {
            kernel::poll(&mut [], REST_MS);
        }
    }

    /// Looks at each; answers how many bytes were discarded.
    fn look(&mut self, is_still: bool) -> u64 {
        let (mut at, mut discarded) = (0, 0);
        while at < self.left {
            match self.look_at(at, is_still) {
                Some(bytes) => (at, discarded) = (at + 1, discarded + bytes),
                None => self.end(at),
            }
        }
        discarded
    }

    /// `None` where it is over.
    fn look_at(&mut self, at: usize, is_still: bool) -> Option<u64> {
        let seen = self.polled.get(at)?.found;
        let held = self.all.get_mut(at)?;
        if held.asleep_ms != 0 {
            return Some(0);
        }
        held.part(self.now);
        let bytes = held.look(seen, self.now)?;
        let is_over = held.is_silent(self.now) || (is_still && held.is_quiet());
        (!is_over).then_some(bytes)
    }

    fn end(&mut self, at: usize) {
        self.left -= 1;
        self.all.get(at).into_iter().for_each(|held| kernel::close(held.fd));
        if let Some(&last) = self.all.get(self.left) {
            self.put(at, last);
        }
    }
}

impl Held {
    fn of(task: Task, now: u64) -> Self {
        let Task { mode, fd, begin_ms, idle_ms, silent_ms, bytes, .. } = task;
        let bytes = if bytes == 0 { u64::MAX } else { bytes };
        Self { fd, mode, part_at: 0, asleep_ms: begin_ms, last: now.saturating_sub(silent_ms), idle_ms, bytes }
    }

    /// The same where nobody else uses it any more.
    fn awake(self, now: u64) -> Self {
        match self.asleep_ms {
            0 => self,
            ms => Self { part_at: now + ms, asleep_ms: 0, last: now, ..self },
        }
    }

    /// A connection that is shut both ways is ready for ever: it is not polled.
    fn polled(self) -> PollFd {
        let (fd, events) = match self.mode {
            Mode::Discard => (self.fd, POLLIN | POLLRDHUP),
            Mode::Fin => (self.fd, POLLRDHUP),
            Mode::Acknowledged => (-1, 0),
        };
        let fd = if self.asleep_ms == 0 { fd } else { -1 };
        PollFd { fd, events, found: 0 }
    }

    fn part(&mut self, now: u64) {
        if self.part_at != 0 && now >= self.part_at {
            kernel::half_close(self.fd);
            self.part_at = 0;
        }
    }

    /// Takes what there is to take; `None` where the connection is over.
    fn look(&mut self, seen: i16, now: u64) -> Option<u64> {
        match self.mode {
            Mode::Discard if seen != 0 => self.discard(seen, now),
            Mode::Fin if seen != 0 => None,
            Mode::Acknowledged if !is_closing(self.fd) => None,
            Mode::Discard | Mode::Fin | Mode::Acknowledged => Some(0),
        }
    }

    fn discard(&mut self, seen: i16, now: u64) -> Option<u64> {
        let mut total = 0;
        while total < BUDGET {
            match kernel::discard(self.fd, CHUNK) {
                Received::Bytes(bytes) => total += bytes as u64,
                Received::End => return None,
                Received::Nothing => break,
            }
        }
        if total != 0 {
            self.last = now;
        } else if seen & POLLERR != 0 {
            kernel::discard_errors(self.fd);
        }
        self.bytes = self.bytes.checked_sub(total)?;
        Some(total)
    }

    fn is_silent(&self, now: u64) -> bool {
        self.idle_ms != 0 && now.saturating_sub(self.last) >= self.idle_ms
    }

    /// See RFC 9112 section 9.6: everything is acknowledged, and nothing comes.
    fn is_quiet(&self) -> bool {
        let is_silent = kernel::info(self.fd).is_none_or(|info| info.silent_ms >= QUIET_MS);
        is_silent && self.part_at == 0 && kernel::unacknowledged(self.fd) == 0 && kernel::unread(self.fd) == 0
    }
}

/// Whether our FIN is on its way, or still to be sent: `TCP_ESTABLISHED`, `TCP_FIN_WAIT1`,
/// `TCP_CLOSE_WAIT`, `TCP_LAST_ACK`, `TCP_CLOSING`.
fn is_closing(fd: i32) -> bool {
    kernel::info(fd).is_some_and(|info| matches!(info.state, 1 | 4 | 8 | 9 | 11))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::time::{Duration, Instant};

    const FAR_MS: u64 = 30_000;
    const SOON: Duration = Duration::from_secs(20);

    /// A connection: our side, whose number the test gives away, and the peer's.
    fn pair() -> (i32, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0.into_raw_fd(), there)
    }

    fn task(mode: Mode, fd: i32) -> Task {
        Task { mode, fd, cookie: kernel::cookie(fd).unwrap(), begin_ms: 0, idle_ms: 0, silent_ms: 0, bytes: 0 }
    }

    /// Runs the tasks beside the test, and answers how long they took.
    fn finished(bound_ms: u64, tasks: Vec<Task>) -> std::thread::JoinHandle<Duration> {
        std::thread::spawn(move || {
            let start = Instant::now();
            finish(bound_ms, 0, tasks.len(), tasks.into_iter());
            start.elapsed()
        })
    }

    #[test]
    fn what_comes_in_is_discarded_until_the_peer_is_done() {
        let (fd, mut there) = pair();
        kernel::half_close(fd);
        let done = finished(FAR_MS, vec![task(Mode::Discard, fd)]);
        there.write_all(&vec![7; 8 << 20]).unwrap();
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
        drop(there);
        assert!(done.join().unwrap() < SOON);
    }

    #[test]
    fn the_half_close_may_come_later() {
        let (fd, mut there) = pair();
        let done = finished(FAR_MS, vec![Task { begin_ms: 20, ..task(Mode::Discard, fd) }]);
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
        drop(there);
        assert!(done.join().unwrap() < SOON);
    }

    #[test]
    fn what_its_owner_still_uses_is_left_alone() {
        let (fd, mut there) = pair();
        let task = Task { begin_ms: 1, ..task(Mode::Discard, fd) };
        there.write_all(b"for the owner").unwrap();
        // Our own parent outlives us.
        finish(100, kernel::parent(), 1, [task].into_iter());
        there.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        assert!(there.read(&mut [0]).is_err(), "it was half-closed");
        assert_eq!(kernel::unread(fd), 13);
    }

    #[test]
    fn what_the_owner_has_left_is_finished() {
        let (fd, mut there) = pair();
        let task = Task { begin_ms: 1, ..task(Mode::Discard, fd) };
        let nobody = kernel::parent() + 1;
        let done = std::thread::spawn(move || finish(FAR_MS, nobody, 1, [task].into_iter()));
        assert_eq!(there.read(&mut [0]).unwrap(), 0);
        drop(there);
        done.join().unwrap();
    }

    #[test]
    fn each_bound_ends_it() {
        let task = |fd| task(Mode::Discard, fd);
        let (fd, _silent) = pair();
        assert!(finished(30, vec![task(fd)]).join().unwrap() < SOON);
        let (fd, there) = pair();
        let sends = |mut there: TcpStream| std::thread::spawn(move || while there.write_all(&[7; 1000]).is_ok() {});
        let sender = sends(there);
        assert!(finished(FAR_MS, vec![Task { bytes: 1 << 20, ..task(fd) }]).join().unwrap() < SOON);
        sender.join().unwrap();
        let (fd, _silent) = pair();
        assert!(finished(FAR_MS, vec![Task { idle_ms: 50, ..task(fd) }]).join().unwrap() < SOON);
    }

    #[test]
    fn a_peer_that_has_everything_and_is_silent_is_left() {
        for mode in [Mode::Discard, Mode::Fin] {
            let (fd, _there) = pair();
            kernel::half_close(fd);
            assert!(finished(FAR_MS, vec![task(mode, fd)]).join().unwrap() < SOON);
        }
    }

    #[test]
    fn who_waits_for_the_fin_reads_nothing() {
        let (fd, mut there) = pair();
        there.write_all(b"unread").unwrap();
        kernel::half_close(fd);
        let done = finished(FAR_MS, vec![task(Mode::Fin, fd)]);
        there.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(done.join().unwrap() < SOON);
    }

    #[test]
    fn an_acknowledgement_ends_it() {
        let (fd, _there) = pair();
        // SAFETY: integers only.
        unsafe { libc::shutdown(fd, libc::SHUT_RDWR) };
        assert!(finished(FAR_MS, vec![task(Mode::Acknowledged, fd)]).join().unwrap() < SOON);
    }

    #[test]
    fn a_number_that_is_another_socket_by_now_is_left_alone() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let fd = there.as_raw_fd();
        let stale = Task { cookie: 1, ..task(Mode::Discard, fd) };
        finish(FAR_MS, 0, 1, [stale].into_iter());
        assert!(kernel::cookie(fd).is_some());
    }

    #[test]
    fn many_are_finished_together() {
        let (tasks, peers): (Vec<_>, Vec<_>) =
            (0..50).map(|_| pair()).map(|(fd, there)| (task(Mode::Discard, fd), there)).unzip();
        let done = finished(FAR_MS, tasks);
        drop(peers);
        assert!(done.join().unwrap() < SOON);
    }
}
