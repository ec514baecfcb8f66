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
//! - In a call on a description that is `O_NONBLOCK` nobody stays. It has the socket's lock from
//!   its beginning to its end, and so has a half-close: neither cuts the other short. Where nothing
//!   was written between the hook's look and the program's close, nobody goes on from one call
//!   to the next either, and the FIN is sent at once.
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
use crate::judge::calls::Deed;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

/// What is known of those who may be inside a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Callers {
    /// There is none.
    None,
    /// The next look may tell.
    Looked,
    /// Time will tell.
    Timed,
    /// A writer waits for room, or may do so: nothing changes before there is some.
    Blocked,
    /// A reader has taken what was queued.
    Fed,
}

/// Rounds without a change that do where nobody can be blocked.
const FEW: u32 = 4;
/// Rounds that do where nobody can tell whether one is: a thread that was is woken as soon
/// as there is room, and may be slow to run.
const MANY: u32 = 40;
/// The same where a thread is blocked in a write on the number, and there is room on our
/// socket: short of memory, a writer waits for up to 200 ms all the same (`vm_wait` of
/// `sk_stream_wait_memory`).
const WITH_ROOM: u32 = 60;
/// The same where it may wait for what it is to write.
const FEEDING: u32 = 200;

/// How often in a row the same was seen, and what that was: the lower bits of the bytes
/// written so far. Between two rounds nobody writes a multiple of 16 MiB, time after time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calm(pub u32);

impl Calm {
    const SHIFT: u32 = 24;
    const SEEN: u32 = (1 << Self::SHIFT) - 1;
    const MOST: u32 = FEEDING;

    /// After one more look at what was written; a round that `counts` comes a tick after the
    /// last such, and the first always does.
    pub fn after(self, written: u64, counts: bool) -> Self {
        let written = written as u32 & Self::SEEN;
        let more = (self.rounds() + u32::from(counts)).clamp(1, Self::MOST);
        let rounds = if self.0 & Self::SEEN == written { more } else { 0 };
        Self(rounds << Self::SHIFT | written)
    }

    /// Rounds in a row.
    pub fn rounds(self) -> u32 {
        self.0 >> Self::SHIFT
    }
}

impl Slot {
    /// Notes what was written so far, and that looks count from now on.
    pub fn begin_to_watch_writers(&self, fd: Fd, looks: Option<&Looks>) {
        let seen = Calm::default().after(socket::written(fd), true).0 & Calm::SEEN;
        self.note_calm(Calm(seen), next(looks));
    }

    /// Whether nothing was written since.
    pub fn has_not_grown(&self, fd: Fd) -> bool {
        self.calm().0.after(socket::written(fd), true).rounds() != 0
    }

    /// Whether whoever is blocked in a write on the number is so on what has it now: there was
    /// room on ours before that look began, and there is none on the other.
    fn is_of_another(&self, fd: Fd) -> bool {
        let has_room = socket::is_writable(fd);
        let had_room = self.set_seen_room(has_room);
        had_room && has_room && Fd::new(self.number() as i32).is_some_and(socket::is_full)
    }

    /// Who may still write; see [`Calm::after`] for what `counts`.
    pub fn writers(&self, fd: Fd, looks: Option<&Looks>, counts: bool) -> Callers {
        let (before, since) = self.calm();
        let calm = before.after(socket::written(fd), counts);
        let has_grown = calm.rounds() == 0;
        self.note_calm(calm, if has_grown { next(looks) } else { since });
        if has_grown {
            self.set_seen_room(false);
        }
        match calm.rounds() {
            0 if self.never_blocks() => Callers::Timed,
            0 => Callers::Looked,
            rounds if self.never_blocks() => timed(rounds >= FEW),
            rounds => {
                let number = self.number();
                let saw = |deed| looks.map_or(Saw::Nothing, |looks| looks.saw(since, deed, number));
                let (writes, feeds) = (saw(Deed::Writes), saw(Deed::Feeds));
                if [writes, feeds].contains(&Saw::Somebody) {
                    if !self.is_of_another(fd) {
                        // By the next look it may be running: then it is waited for.
                        self.note_calm(calm, next(looks));
                    } else if looks.is_some_and(|looks| !looks.is_stalled(since)) {
                        return Callers::None;
                    }
                }
                judge_writers(writes, feeds, rounds, || socket::is_writable(fd))
            }
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

fn judge_writers(writes: Saw, feeds: Saw, rounds: u32, has_room: impl Fn() -> bool) -> Callers {
    let with_room = |most| match has_room() {
        false => Callers::Blocked,
        true if rounds >= most => Callers::None,
        true => Callers::Looked,
    };
    match (writes, feeds) {
        (Saw::Nothing, _) | (_, Saw::Nothing) if rounds < MANY => Callers::Timed,
        (Saw::Nothing, _) | (_, Saw::Nothing) => with_room(MANY),
        // After so many looks the processor is denied to that thread for good.
        (Saw::NotYet, _) | (_, Saw::NotYet) if rounds >= FEEDING => with_room(FEEDING),
        (Saw::NotYet, _) | (_, Saw::NotYet) => Callers::Looked,
        (_, Saw::Somebody) => with_room(FEEDING),
        (Saw::Somebody, Saw::Nobody) => with_room(WITH_ROOM),
        (Saw::Nobody, Saw::Nobody) => Callers::None,
    }
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
        Saw::Somebody => Callers::Looked,
        Saw::Nothing => timed(untouched_ms >= PATIENCE_MS),
        Saw::NotYet if untouched_ms >= LAST_PATIENCE_MS => Callers::None,
        Saw::NotYet => Callers::Looked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writers(writes: Saw, feeds: Saw, rounds: u32, has_room: bool) -> Callers {
        judge_writers(writes, feeds, rounds, || has_room)
    }

    #[test]
    fn a_writer_that_goes_on_is_seen() {
        let mut calm = Calm::default().after(5, true);
        assert_eq!(calm.rounds(), 0);
        calm = calm.after(5, true);
        assert_eq!(calm.rounds(), 1);
        calm = calm.after(6, true);
        assert_eq!(calm.rounds(), 0);
        let last = (0..1000).fold(calm, |calm, _| calm.after(6, true));
        assert_eq!(last.rounds(), Calm::MOST);
    }

    #[test]
    fn rounds_that_follow_each_other_soon_count_once() {
        let calm = (0..10).fold(Calm::default().after(5, false).after(5, false), |calm, _| calm.after(5, false));
        assert_eq!((calm.rounds(), calm.after(5, true).rounds()), (1, 2));
    }

    #[test]
    fn a_full_buffer_without_a_blocked_writer_is_a_slow_reader_s() {
        assert_eq!(writers(Saw::Nobody, Saw::Nobody, 1, false), Callers::None);
    }

    #[test]
    fn a_blocked_writer_is_waited_for_as_long_as_there_is_no_room() {
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, 200, false), Callers::Blocked);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, 1, true), Callers::Looked);
        assert_eq!(writers(Saw::Somebody, Saw::Nobody, WITH_ROOM, true), Callers::None);
    }

    #[test]
    fn whoever_waits_for_what_it_is_to_write_gets_more_time() {
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, WITH_ROOM, true), Callers::Looked);
        assert_eq!(writers(Saw::Nobody, Saw::Somebody, FEEDING, true), Callers::None);
    }

    #[test]
    fn where_looks_tell_nothing_time_does_as_long_as_there_is_room() {
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY - 1, true), Callers::Timed);
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY, true), Callers::None);
        assert_eq!(writers(Saw::Nothing, Saw::Nothing, MANY, false), Callers::Blocked);
    }

    #[test]
    fn a_reader_is_ruled_out_by_evidence_and_by_time_where_there_is_none() {
        assert_eq!(judge_readers(Saw::Nobody, false, 0), Callers::None);
        assert_eq!(judge_readers(Saw::Somebody, false, 500), Callers::Looked);
        assert_eq!(judge_readers(Saw::Somebody, true, 0), Callers::None);
        assert_eq!(judge_readers(Saw::NotYet, true, 500), Callers::Looked);
        assert_eq!(judge_readers(Saw::NotYet, true, 2000), Callers::None);
        assert_eq!(judge_readers(Saw::Nothing, true, 199), Callers::Timed);
        assert_eq!(judge_readers(Saw::Nothing, true, 200), Callers::None);
    }
}
