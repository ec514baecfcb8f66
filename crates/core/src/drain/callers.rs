//! May a thread of the program still be inside a call on a held socket?
//!
//! After the close no call can begin on the closed number, so the number of such threads only falls.
//! The drainer neither begins the close of a socket nor discards from it before there is no such
//! thread, by evidence:
//!
//! - *Readers.* A thread that is blocked in a read is woken when data comes, and takes it. If what is
//!   queued stays untouched, and a [look](super::looker::thread_looks) finds no thread that may be
//!   such a reader and has had no processor time since, no thread wants it.
//! - *Writers.* A thread inside a write adds to what was written; or it is blocked, and then a look
//!   finds it. A full send buffer without a thread that is blocked in a write only means that the
//!   peer reads slowly. (A thread that has come as far as the socket's lock is not disturbed: the
//!   half-close takes the same lock.)
//! - *Calls that do not block* (`O_NONBLOCK`) are short. If nothing was written between the hook's
//!   look and the program's close, no thread goes on from one call to the next either, and the close
//!   begins at once.
//!
//! Where looks tell nothing, time does: 200 ms in which nothing was read or written.
//!
//! The closed number may be another file's by now, and a thread may be blocked in a call on that. Such
//! a thread is told from one of ours by what it does not do: a reader of ours would be awake while
//! something is queued, a writer of ours while there is room. And if the file that has the number now
//! has no room to write, that is what a writer waits for.
//!
//! Context: the drainer; hooks only note how much was written.

use super::looker::look_number::LookNumber;
use super::looker::thread_looks::{Saw, ThreadLooks};
use super::table::flags::Flag;
use super::table::held_socket::{HeldSocket, Written};
use crate::holders::calls::Deed;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

/// What is known of the threads that may be inside a call on a socket, and so what to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// There is no such thread.
    None,
    /// The next look may tell.
    LookNow,
    /// A look in some milliseconds may tell.
    LookLater,
    /// Looks tell nothing; time will.
    Time,
    /// A writer is blocked until there is room, or may be: nothing changes before.
    Room,
    /// A reader has taken all that was queued.
    HaveRead,
}

/// For so many milliseconds looks follow each other as they can: most threads that run sleep soon.
const SOON_MS: u32 = 20;
/// Where no thread can be blocked, so many milliseconds without a change are enough.
const NONBLOCKING_MS: u32 = 20;
/// Where looks do not tell whether a thread is blocked, so many milliseconds with room are enough: a
/// blocked writer is woken as soon as there is room, and may be slow to run.
const UNSEEN_MS: u32 = 200;
/// The same where a thread is blocked in a write on the number, and there is room on our socket. A
/// writer may wait for memory for up to 200 ms although there is room (`vm_wait` in
/// `sk_stream_wait_memory`).
const WITH_ROOM_MS: u32 = 300;
/// The same where the thread may wait for what it is to write (`sendfile`, `splice`).
const FEEDING_MS: u32 = 1000;

impl HeldSocket {
    /// Notes how much was written so far; looks at writers count from now on. Any hook may call this.
    pub fn begin_to_watch_writers(&self, fd: Fd, looks: Option<&ThreadLooks>) {
        let written = Written { bytes: socket::written(fd) as u32, unchanged_since: Millis::now() };
        self.note_written(written, next(looks));
    }

    /// Whether nothing was written since [`Self::begin_to_watch_writers`].
    pub fn has_not_grown(&self, fd: Fd) -> bool {
        self.written().0.bytes == socket::written(fd) as u32
    }

    /// Which threads may still write.
    pub fn writers(&self, fd: Fd, looks: Option<&ThreadLooks>) -> Callers {
        let (written, since) = self.written();
        if !self.has_not_grown(fd) {
            self.clear(Flag::RoomSeen);
            self.begin_to_watch_writers(fd, looks);
            return Callers::LookLater;
        }
        let saw = |deed| looks.map_or(Saw::Unknown, |looks| looks.saw(since, deed, self.closed_number()));
        let (writes, feeds) = (saw(Deed::Writes), saw(Deed::Feeds));
        let unchanged_ms = Millis::now().since(written.unchanged_since);
        if [writes, feeds].contains(&Saw::Somebody)
            && let Some(callers) = self.examine_sleeper(fd, looks, unchanged_ms)
        {
            return callers;
        }
        if self.has(Flag::NeverBlocks) {
            judge_nonblocking(writes, feeds, unchanged_ms)
        } else {
            judge_writers(writes, feeds, unchanged_ms, || socket::is_writable(fd))
        }
    }

    /// A thread sleeps in a write on the closed number, as it seems. `None` where the state of the
    /// socket has to decide.
    fn examine_sleeper(&self, fd: Fd, looks: Option<&ThreadLooks>, unchanged_ms: u32) -> Option<Callers> {
        let (written, since) = self.written();
        let is_hidden = looks.is_some_and(ThreadLooks::has_hidden);
        if self.is_elsewhere(fd, is_hidden) {
            let is_certain = looks.is_some_and(|looks| !looks.is_stalled(since));
            return is_certain.then_some(Callers::None);
        }
        // By the next look the thread may be running: then it is waited for.
        self.note_written(written, next(looks));
        (is_hidden && socket::is_writable(fd)).then(|| look_again(unchanged_ms))
    }

    /// Whether a thread that sleeps in a write on the closed number, as it seems, is not on our socket:
    /// ours had room before the look began, and what has the number now has none, or it `is_hidden` in
    /// which call the thread sleeps.
    fn is_elsewhere(&self, fd: Fd, is_hidden: bool) -> bool {
        let has_room = socket::is_writable(fd);
        let had_room = if has_room { self.set(Flag::RoomSeen) } else { self.clear(Flag::RoomSeen) };
        let is_full = || Fd::new(self.closed_number() as i32).is_some_and(socket::is_full);
        had_room && has_room && (is_hidden || is_full())
    }

    /// Something is queued that a reader may want: looks at readers count from now on.
    pub fn begin_to_watch_readers(&self, fd: Fd, looks: Option<&ThreadLooks>) {
        self.clear(Flag::ReaderSeen);
        self.note_consumed(socket::consumed(fd) as u32, next(looks));
    }

    /// Which threads may still read what is queued.
    pub fn readers(&self, fd: Fd, looks: Option<&ThreadLooks>) -> Callers {
        if socket::unread(fd) == 0 {
            return Callers::HaveRead;
        }
        if self.consumed() != socket::consumed(fd) as u32 {
            self.begin_to_watch_readers(fd, looks);
            return Callers::LookNow;
        }
        let (since, number) = (self.readers_since(), self.closed_number());
        let saw = looks.map_or(Saw::Unknown, |looks| looks.saw(since, Deed::Reads, number));
        let is_stalled = looks.is_some_and(|looks| looks.is_stalled(since));
        let is_second = match saw {
            Saw::Somebody => !is_stalled && self.set(Flag::ReaderSeen),
            Saw::Nobody if self.clear(Flag::ReaderSeen) => {
                self.note_readers_since(next(looks));
                return Callers::LookNow;
            }
            Saw::Nobody | Saw::NotYet | Saw::Unknown => false,
        };
        judge_readers(saw, is_second, Millis::now().since(self.progress().last))
    }
}

fn next(looks: Option<&ThreadLooks>) -> LookNumber {
    looks.map_or(0, ThreadLooks::next)
}

/// What looks at writers tell, where nothing was written for `unchanged_ms`.
fn judge_writers(writes: Saw, feeds: Saw, unchanged_ms: u32, has_room: impl Fn() -> bool) -> Callers {
    let with_room = |most| match has_room() {
        false => Callers::Room,
        true if unchanged_ms >= most => Callers::None,
        true => Callers::LookLater,
    };
    match (writes, feeds) {
        (Saw::Unknown, _) | (_, Saw::Unknown) if unchanged_ms < UNSEEN_MS => Callers::Time,
        (Saw::Unknown, _) | (_, Saw::Unknown) => with_room(UNSEEN_MS),
        // A thread that has had no processor time for so long will not get any.
        (Saw::NotYet, _) | (_, Saw::NotYet) if unchanged_ms >= FEEDING_MS => with_room(FEEDING_MS),
        (Saw::NotYet, _) | (_, Saw::NotYet) => look_again(unchanged_ms),
        (_, Saw::Somebody) => with_room(FEEDING_MS),
        (Saw::Somebody, Saw::Nobody) => with_room(WITH_ROOM_MS),
        (Saw::Nobody, Saw::Nobody) => Callers::None,
    }
}

/// As [`judge_writers`], where no call blocks.
fn judge_nonblocking(writes: Saw, feeds: Saw, unchanged_ms: u32) -> Callers {
    match (writes, feeds) {
        _ if unchanged_ms >= NONBLOCKING_MS => Callers::None,
        (Saw::Nobody, Saw::Nobody) => Callers::None,
        (Saw::Unknown, _) | (_, Saw::Unknown) => Callers::Time,
        _ => Callers::LookNow,
    }
}

fn look_again(unchanged_ms: u32) -> Callers {
    if unchanged_ms < SOON_MS { Callers::LookNow } else { Callers::LookLater }
}

/// What looks at readers tell, where nothing was read for `untouched_ms`. `is_second`: the look before
/// has found a reader as well.
fn judge_readers(saw: Saw, is_second: bool, untouched_ms: u32) -> Callers {
    const UNSEEN_MS: u32 = 200;
    /// Otherwise the bound on silence would end the drain.
    const NOT_YET_MS: u32 = 2000;
    match saw {
        Saw::Nobody => Callers::None,
        // Asleep in two looks while something is queued: on what has the number now.
        Saw::Somebody if is_second => Callers::None,
        Saw::Somebody => Callers::LookLater,
        Saw::Unknown if untouched_ms >= UNSEEN_MS => Callers::None,
        Saw::Unknown => Callers::Time,
        Saw::NotYet if untouched_ms >= NOT_YET_MS => Callers::None,
        Saw::NotYet => look_again(untouched_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writers(writes: Saw, feeds: Saw, unchanged_ms: u32, has_room: bool) -> Callers {
        judge_writers(writes, feeds, unchanged_ms, || has_room)
    }

    #[test]
    fn a_full_buffer_without_a_blocked_writer_means_a_slow_peer() {
        assert_eq!(writers(Saw::Nobody, Saw::Nobody, 1, false), Callers::None);
    }

    #[test]
    fn a_blocked_writer_is_waited_for_as_long_as_there_is_no_room() {
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, FEEDING_MS, false), Callers::Room);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, 1, true), Callers::LookLater);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, WITH_ROOM_MS, true), Callers::None);
    }

    #[test]
    fn a_thread_that_may_wait_for_what_it_is_to_write_gets_more_time() {
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, WITH_ROOM_MS, true), Callers::LookLater);
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, FEEDING_MS, true), Callers::None);
    }

    #[test]
    fn where_looks_tell_nothing_time_decides_if_there_is_room() {
        assert_eq!(writers(Saw::Unknown, Saw::Unknown, UNSEEN_MS - 1, true), Callers::Time);
        assert_eq!(writers(Saw::Unknown, Saw::Unknown, UNSEEN_MS, true), Callers::None);
        assert_eq!(writers(Saw::Unknown, Saw::Unknown, UNSEEN_MS, false), Callers::Room);
    }

    #[test]
    fn a_running_thread_is_looked_at_again_at_once_and_later_less_often() {
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, 0, true), Callers::LookNow);
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, SOON_MS, true), Callers::LookLater);
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, FEEDING_MS, true), Callers::None);
    }

    #[test]
    fn where_calls_do_not_block_one_look_or_20_milliseconds_are_enough() {
        assert_eq!(judge_nonblocking(Saw::Nobody, Saw::Nobody, 0), Callers::None);
        assert_eq!(judge_nonblocking(Saw::NotYet, Saw::NotYet, 0), Callers::LookNow);
        assert_eq!(judge_nonblocking(Saw::Unknown, Saw::Unknown, 0), Callers::Time);
        assert_eq!(judge_nonblocking(Saw::Somebody, Saw::Nobody, NONBLOCKING_MS), Callers::None);
    }

    #[test]
    fn a_reader_is_ruled_out_by_looks_or_by_time() {
        assert_eq!(judge_readers(Saw::Nobody, false, 0), Callers::None);
        assert_eq!(judge_readers(Saw::Somebody, false, 500), Callers::LookLater);
        assert_eq!(judge_readers(Saw::Somebody, true, 0), Callers::None);
        assert_eq!(judge_readers(Saw::NotYet, true, 0), Callers::LookNow);
        assert_eq!(judge_readers(Saw::NotYet, true, 500), Callers::LookLater);
        assert_eq!(judge_readers(Saw::NotYet, true, 2000), Callers::None);
        assert_eq!(judge_readers(Saw::Unknown, true, 199), Callers::Time);
        assert_eq!(judge_readers(Saw::Unknown, true, 200), Callers::None);
    }
}
