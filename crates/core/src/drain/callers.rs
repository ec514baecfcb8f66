//! Threads of the program that may still be inside a call on a socket that is held.
//!
//! After the close no call can begin on the closed number, so there can only be fewer of
//! them. What the drainer does to a socket waits until there are none, by evidence:
//!
//! - Who is blocked in `recv` is woken when data comes, and takes it. As long as what is
//!   queued stays untouched, and the [looks](super::looks) find nobody who may be such a
//!   reader and has not come to run since, nobody wants it.
//! - Who writes adds to what was written, or is blocked, and then a look finds it. A send
//!   buffer that is full without anybody's being blocked in a write is a slow reader's.
//!   (Who has come as far as the socket's lock is not disturbed: the half-close takes it too.)
//! - In a call on a description that is `O_NONBLOCK` nobody stays for long. Where nothing was
//!   written between the hook's look and the program's close, nobody goes on from one call to
//!   the next either, and the FIN is sent at once.
//!
//! Where looks tell nothing, time must do: 200 ms in which nothing was taken, or added.
//!
//! A number may be another socket's by now, and a thread blocked in a call on that. It is
//! told apart by what it does not do: a reader of ours would be awake while something is
//! queued, a writer of ours while there is room. And what has the number now tells of a
//! writer: where it has no room itself, that is what the thread waits for.
//!
//! Context: the drainer's thread.

use super::looks::{Look, Looks, Saw};
use super::slot::Slot;
use crate::holders::calls::Deed;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

/// What is known of those who may be inside a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// There is none.
    None,
    /// The next look may tell.
    Looked,
    /// A look may tell, but it is not worth hurrying for.
    Later,
    /// Time will tell.
    Timed,
    /// A writer waits for room, or may do so: nothing changes before there is some.
    Blocked,
    /// A reader has taken what was queued.
    Fed,
}

/// So long looks follow each other as they can: most threads that run sleep soon.
const SOON_MS: u32 = 20;
/// Milliseconds without a change that do where nobody can be blocked.
const FEW_MS: u32 = 20;
/// Milliseconds that do where nobody can tell whether one is: a thread that was is woken as
/// soon as there is room, and may be slow to run.
const MANY_MS: u32 = 200;
/// The same where a thread is blocked in a write on the number, and there is room on our
/// socket: short of memory, a writer waits for up to 200 ms all the same (`vm_wait` of
/// `sk_stream_wait_memory`).
const WITH_ROOM_MS: u32 = 300;
/// The same where it may wait for what it is to write.
const FEEDING_MS: u32 = 1000;

/// What was written when that last changed (the lower bits of it), and when that was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calm {
    /// Bytes.
    pub written: u32,
    /// Since when it is so.
    pub since: Millis,
}

impl Slot {
    /// Notes what was written so far, and that looks count from now on.
    pub fn begin_to_watch_writers(&self, fd: Fd, looks: Option<&Looks>) {
        let calm = Calm { written: socket::written(fd) as u32, since: Millis::now() };
        self.note_calm(calm, next(looks));
    }

    /// Whether nothing was written since.
    pub fn has_not_grown(&self, fd: Fd) -> bool {
        self.calm().0.written == socket::written(fd) as u32
    }

    /// Whether whoever sleeps, in a write on the number as it seems, is not at ours, where
    /// there was room before that look began: what has the number now has none, or nobody
    /// tells where anybody `is_hidden`.
    fn is_elsewhere(&self, fd: Fd, is_hidden: bool) -> bool {
        let has_room = socket::is_writable(fd);
        let had_room = self.set_seen_room(has_room);
        had_room && has_room && (is_hidden || Fd::new(self.number() as i32).is_some_and(socket::is_full))
    }

    /// Who may still write.
    pub fn writers(&self, fd: Fd, looks: Option<&Looks>) -> Callers {
        let (calm, since) = self.calm();
        if !self.has_not_grown(fd) {
            self.set_seen_room(false);
            self.begin_to_watch_writers(fd, looks);
            return Callers::Later;
        }
        let saw = |deed| looks.map_or(Saw::Nothing, |looks| looks.saw(since, deed, self.number()));
        let (writes, feeds) = (saw(Deed::Writes), saw(Deed::Feeds));
        let calm_ms = Millis::now().since(calm.since);
        if [writes, feeds].contains(&Saw::Somebody) {
            let is_hidden = looks.is_some_and(Looks::has_hidden);
            if !self.is_elsewhere(fd, is_hidden) {
                // By the next look it may be running: then it is waited for.
                self.note_calm(calm, next(looks));
                if is_hidden && socket::is_writable(fd) {
                    return looked(calm_ms);
                }
            } else if looks.is_some_and(|looks| !looks.is_stalled(since)) {
                return Callers::None;
            }
        }
        if self.never_blocks() {
            judge_nonblocking(writes, feeds, calm_ms)
        } else {
            judge_writers(writes, feeds, calm_ms, || socket::is_writable(fd))
        }
    }

    /// Something is queued of which nobody knows whether a reader wants it: looks count from
    /// now on.
    pub fn begin_to_watch_readers(&self, fd: Fd, looks: Option<&Looks>) {
        self.set_seen_asleep(false);
        self.note_consumed(socket::consumed(fd) as u32, next(looks));
    }

    /// Who may still read what is queued.
    pub fn readers(&self, fd: Fd, looks: Option<&Looks>) -> Callers {
        if socket::unread(fd) == 0 {
            return Callers::Fed;
        }
        let consumed = socket::consumed(fd) as u32;
        if self.consumed() != consumed {
            self.begin_to_watch_readers(fd, looks);
            return Callers::Looked;
        }
        let (since, number) = (self.readers_since(), self.number());
        let saw = looks.map_or(Saw::Nothing, |looks| looks.saw(since, Deed::Reads, number));
        let is_stalled = looks.is_some_and(|looks| looks.is_stalled(since));
        let is_second = match saw {
            Saw::Somebody => !is_stalled && self.set_seen_asleep(true),
            Saw::Nobody if self.set_seen_asleep(false) => {
                self.note_readers_since(next(looks));
                return Callers::Looked;
            }
            Saw::Nobody | Saw::NotYet | Saw::Nothing => false,
        };
        judge_readers(saw, is_second, Millis::now().since(self.progress().last))
    }
}

fn next(looks: Option<&Looks>) -> Look {
    looks.map_or(0, Looks::next)
}

fn timed(is_over: bool) -> Callers {
    if is_over { Callers::None } else { Callers::Timed }
}

fn judge_writers(writes: Saw, feeds: Saw, calm_ms: u32, has_room: impl Fn() -> bool) -> Callers {
    let with_room = |most| match has_room() {
        false => Callers::Blocked,
        true if calm_ms >= most => Callers::None,
        true => Callers::Later,
    };
    match (writes, feeds) {
        (Saw::Nothing, _) | (_, Saw::Nothing) if calm_ms < MANY_MS => Callers::Timed,
        (Saw::Nothing, _) | (_, Saw::Nothing) => with_room(MANY_MS),
        // After so long the processor is denied to that thread for good.
        (Saw::NotYet, _) | (_, Saw::NotYet) if calm_ms >= FEEDING_MS => with_room(FEEDING_MS),
        (Saw::NotYet, _) | (_, Saw::NotYet) => looked(calm_ms),
        (_, Saw::Somebody) => with_room(FEEDING_MS),
        (Saw::Somebody, Saw::Nobody) => with_room(WITH_ROOM_MS),
        (Saw::Nobody, Saw::Nobody) => Callers::None,
    }
}

/// The same where nobody waits for room.
fn judge_nonblocking(writes: Saw, feeds: Saw, calm_ms: u32) -> Callers {
    match (writes, feeds) {
        _ if calm_ms >= FEW_MS => Callers::None,
        (Saw::Nobody, Saw::Nobody) => Callers::None,
        (Saw::Nothing, _) | (_, Saw::Nothing) => Callers::Timed,
        _ => Callers::Looked,
    }
}

fn looked(calm_ms: u32) -> Callers {
    if calm_ms < SOON_MS { Callers::Looked } else { Callers::Later }
}

/// `is_second`: somebody was seen before; `untouched_ms`: for so long nobody
/// has taken anything.
fn judge_readers(saw: Saw, is_second: bool, untouched_ms: u32) -> Callers {
    const PATIENCE_MS: u32 = 200;
    /// The drain would end otherwise, by its bound on silence.
    const LAST_PATIENCE_MS: u32 = 2000;
    match saw {
        Saw::Nobody => Callers::None,
        // Twice asleep while something is queued: on what has the number now.
        Saw::Somebody if is_second => Callers::None,
        Saw::Somebody => Callers::Later,
        Saw::Nothing => timed(untouched_ms >= PATIENCE_MS),
        Saw::NotYet if untouched_ms >= LAST_PATIENCE_MS => Callers::None,
        Saw::NotYet => looked(untouched_ms),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writers(writes: Saw, feeds: Saw, calm_ms: u32, has_room: bool) -> Callers {
        judge_writers(writes, feeds, calm_ms, || has_room)
    }

    #[test]
    fn a_full_buffer_without_a_blocked_writer_is_a_slow_reader_s() {
        assert_eq!(writers(Saw::Nobody, Saw::Nobody, 1, false), Callers::None);
    }

    #[test]
    fn a_blocked_writer_is_waited_for_as_long_as_there_is_no_room() {
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, FEEDING_MS, false), Callers::Blocked);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, 1, true), Callers::Later);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, WITH_ROOM_MS, true), Callers::None);
    }

    #[test]
    fn whoever_waits_for_what_it_is_to_write_gets_more_time() {
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, WITH_ROOM_MS, true), Callers::Later);
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, FEEDING_MS, true), Callers::None);
    }

    #[test]
    fn where_looks_tell_nothing_time_does_as_long_as_there_is_room() {
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY_MS - 1, true), Callers::Timed);
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY_MS, true), Callers::None);
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY_MS, false), Callers::Blocked);
    }

    #[test]
    fn a_thread_that_runs_is_looked_at_again_first_soon_then_now_and_then() {
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, 0, true), Callers::Looked);
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, SOON_MS, true), Callers::Later);
        assert_eq!(writers(Saw::NotYet, Saw::NotYet, FEEDING_MS, true), Callers::None);
    }

    #[test]
    fn where_calls_do_not_wait_one_look_does_or_a_moment() {
        assert_eq!(judge_nonblocking(Saw::Nobody, Saw::Nobody, 0), Callers::None);
        assert_eq!(judge_nonblocking(Saw::NotYet, Saw::NotYet, 0), Callers::Looked);
        assert_eq!(judge_nonblocking(Saw::Nothing, Saw::Nothing, 0), Callers::Timed);
        assert_eq!(judge_nonblocking(Saw::Somebody, Saw::Nobody, FEW_MS), Callers::None);
    }

    #[test]
    fn a_reader_is_ruled_out_by_evidence_and_by_time_where_there_is_none() {
        assert_eq!(judge_readers(Saw::Nobody, false, 0), Callers::None);
        assert_eq!(judge_readers(Saw::Somebody, false, 500), Callers::Later);
        assert_eq!(judge_readers(Saw::Somebody, true, 0), Callers::None);
        assert_eq!(judge_readers(Saw::NotYet, true, 0), Callers::Looked);
        assert_eq!(judge_readers(Saw::NotYet, true, 500), Callers::Later);
        assert_eq!(judge_readers(Saw::NotYet, true, 2000), Callers::None);
        assert_eq!(judge_readers(Saw::Nothing, true, 199), Callers::Timed);
        assert_eq!(judge_readers(Saw::Nothing, true, 200), Callers::None);
    }
}
