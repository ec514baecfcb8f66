//! Finishing all connections, within the time that there is.

use super::connection::Connection;
use super::kernel::{self, POLLIN, PollFd};
use super::task::Task;

/// The longest sleep: neither an acknowledgement nor silence is an event.
const TICK_MS: u64 = 50;
/// The rest between two turns while peers send.
const REST_MS: u64 = 5;
/// After a turn that has discarded so many bytes there is no rest.
const FLOOD: u64 = 256 << 10;
/// How often it is looked whether the owner has ended, where the kernel does not report that (before
/// Linux 5.3).
const OWNER_TICK_MS: u64 = 2;

/// Finishes `tasks`, at most `most` of them, within `bound_ms`.
///
/// `owner` is the process that has left the connections; 0 is none. It is our parent. As long as it
/// lives, it uses those that are not half-closed yet. It is to end within `bound_ms` as well; then
/// the time for the connections begins anew.
pub fn finish(bound_ms: u64, owner: i32, most: usize, tasks: impl Iterator<Item = Task>) {
    let now = kernel::now_ms();
    // SAFETY: zero is a value of both.
    let (all, polled) = unsafe { (kernel::memory(most), kernel::memory(most + 1)) };
    let end = if owner == 0 { -1 } else { kernel::open_process(owner) };
    let mut connections = Connections { all, polled, left: 0, now, owner, end };
    tasks.for_each(|task| connections.take(task));
    let mut deadline = now.saturating_add(bound_ms);
    while connections.left != 0 && connections.now < deadline {
        if connections.inherits() {
            deadline = connections.now.saturating_add(bound_ms);
        }
        connections.turn(deadline);
    }
}

/// The connections that are left. One that is over is taken out.
struct Connections {
    all: &'static mut [Connection],
    polled: &'static mut [PollFd],
    left: usize,
    now: u64,
    /// The process that still uses those that are not half-closed; 0 for none.
    owner: i32,
    /// A descriptor of that process, or -1.
    end: i32,
}

impl Connections {
    /// Takes the connection of a task, unless its number is another file by now.
    fn take(&mut self, task: Task) {
        if kernel::cookie(task.fd) != Some(task.cookie) || kernel::info(task.fd).is_none() {
            return;
        }
        let connection = Connection::of(task, self.now);
        self.put(self.left, if self.owner == 0 { connection.awake(self.now) } else { connection });
        self.left += 1;
    }

    /// Whether the owner has ended since the last look.
    fn inherits(&mut self) -> bool {
        let has_ended = self.owner != 0 && kernel::parent() != self.owner;
        if has_ended {
            self.owner = 0;
            (0..self.left).for_each(|at| self.wake(at));
        }
        has_ended
    }

    fn wake(&mut self, at: usize) {
        if let Some(&connection) = self.all.get(at) {
            self.put(at, connection.awake(self.now));
        }
    }

    fn put(&mut self, at: usize, connection: Connection) {
        if let (Some(place), Some(polled)) = (self.all.get_mut(at), self.polled.get_mut(at)) {
            (*place, *polled) = (connection, connection.polled());
        }
    }

    /// Sleeps until there is something to do, and does it.
    fn turn(&mut self, deadline: u64) {
        let half_closes = self.all.iter().take(self.left).map(|one| one.half_close_at).filter(|&at| at != 0);
        let tick = if self.owner != 0 && self.end < 0 { OWNER_TICK_MS } else { TICK_MS };
        let wake = half_closes.fold(deadline.min(self.now + tick), u64::min);
        if let Some(last) = self.polled.get_mut(self.left) {
            let fd = if self.owner == 0 { -1 } else { self.end };
            *last = PollFd { fd, events: POLLIN, found: 0 };
        }
        let polled = self.polled.get_mut(..=self.left).unwrap_or_default();
        let found = kernel::poll(polled, wake.saturating_sub(self.now));
        self.now = kernel::now_ms();
        let has_ended = self.polled.get(self.left).is_some_and(|end| end.found != 0);
        let discarded = self.step_all(!found);
        if found && !has_ended && discarded < FLOOD {
            kernel::poll(&mut [], REST_MS);
        }
    }

    /// Does what is to be done for each connection. Answers how many bytes were discarded.
    fn step_all(&mut self, is_still: bool) -> u64 {
        let (mut at, mut discarded) = (0, 0);
        while at < self.left {
            match self.step(at, is_still) {
                Some(bytes) => (at, discarded) = (at + 1, discarded + bytes),
                None => self.end(at),
            }
        }
        discarded
    }

    /// `None` where the connection is over.
    fn step(&mut self, at: usize, is_still: bool) -> Option<u64> {
        let seen = self.polled.get(at)?.found;
        self.all.get_mut(at)?.step(seen, is_still, self.now)
    }

    /// Closes a connection, and puts the last one in its place.
    fn end(&mut self, at: usize) {
        self.left -= 1;
        self.all.get(at).into_iter().for_each(Connection::close);
        if let Some(&last) = self.all.get(self.left) {
            self.put(at, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::task::Mode;
    use super::*;
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::{AsRawFd, IntoRawFd};
    use std::time::{Duration, Instant};

    const FAR_MS: u64 = 30_000;
    const SOON: Duration = Duration::from_secs(20);

    /// A connection: the number of our side, which the test gives away, and the peer's side.
    fn pair() -> (i32, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0.into_raw_fd(), there)
    }

    fn task(mode: Mode, fd: i32) -> Task {
        Task { mode, fd, cookie: kernel::cookie(fd).unwrap(), begin_ms: 0, idle_ms: 0, silent_ms: 0, bytes: 0 }
    }

    /// Runs the tasks in another thread, which answers how long they took.
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
    fn mode_fin_reads_nothing() {
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
