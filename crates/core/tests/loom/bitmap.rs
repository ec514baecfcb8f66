//! The slots of a family: taken, freed, and taken from the dead.

use crate::explore;
use crate::memory::bitmap::{BITS, Bitmap};
use crate::memory::cells::{Released, Remaining, Slot};
use crate::memory::token::Token;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32 as Tally, Ordering::SeqCst};

const SLOTS: usize = 2;

fn token(raw: u32) -> Token {
    Token::new(raw).unwrap()
}

fn everybody(_: Token) -> bool {
    true
}

/// A bitmap of which two slots can be had.
struct Room {
    taken: Bitmap<1>,
    slots: [Slot; SLOTS],
    /// How many own each slot.
    owners: [Tally; SLOTS],
}

impl Room {
    fn new() -> Arc<Self> {
        let room = Self { taken: Bitmap::new(), slots: Default::default(), owners: Default::default() };
        room.taken.begin_beyond(&Bitmap::new());
        (0..SLOTS).for_each(|index| room.taken.free(index));
        Arc::new(room)
    }

    /// As `Descriptions::open`: from what is free.
    fn open(&self, cookie: u64, me: Token) -> Option<usize> {
        let index = self.taken.take_free(BITS)?;
        assert_eq!(self.owners[index].fetch_add(1, SeqCst), 0, "two own slot {index}");
        self.slots[index].fill(cookie, me);
        Some(index)
    }

    /// As `Descriptions::release`.
    fn release(&self, index: usize, me: Token, alive: impl Fn(Token) -> bool) -> Remaining {
        let Released { remaining, is_over, .. } = self.slots[index].release(me, alive);
        if is_over {
            self.free(index);
        }
        remaining
    }

    /// As `Descriptions::reclaim`, of every slot.
    fn reclaim(&self, alive: impl Fn(Token) -> bool + Copy) {
        (0..SLOTS).filter(|&index| self.slots[index].take_out_if_dead(alive)).for_each(|index| self.free(index));
    }

    fn free(&self, index: usize) {
        self.owners[index].fetch_sub(1, SeqCst);
        self.taken.free(index);
    }

    fn free_ones(&self) -> usize {
        std::iter::from_fn(|| self.open(99, token(9))).count()
    }
}

#[test]
fn no_slot_is_taken_twice_and_none_is_lost() {
    explore(|| {
        let room = Room::new();
        let others = [2, 3].map(|me| {
            let room = room.clone();
            thread::spawn(move || {
                if let Some(index) = room.open(me.into(), token(me)) {
                    assert_eq!(room.release(index, token(me), everybody), Remaining::Nobody);
                }
            })
        });
        let mine = room.open(1, token(1));
        others.into_iter().for_each(|other| other.join().unwrap());
        mine.into_iter().for_each(|index| assert_eq!(room.release(index, token(1), everybody), Remaining::Nobody));
        assert_eq!(room.free_ones(), SLOTS);
    });
}

#[test]
fn a_process_finds_a_free_slot_unless_others_have_all() {
    explore(|| {
        let room = Room::new();
        let theirs = room.clone();
        let other = thread::spawn(move || theirs.open(2, token(2)));
        let mine = room.open(1, token(1));
        let found = [mine, other.join().unwrap()];
        assert!(found.iter().all(Option::is_some) && found[0] != found[1], "{found:?}");
    });
}

#[test]
fn a_slot_is_freed_once_even_if_several_find_nobody_left() {
    explore(|| {
        let room = Room::new();
        let index = room.open(1, token(1)).unwrap();
        room.slots[index].hold(token(2));
        let [theirs, next] = [room.clone(), room.clone()];
        let other = thread::spawn(move || theirs.release(index, token(2), everybody));
        // It may get the slot as soon as one of them has freed it.
        let next = thread::spawn(move || (next.open(3, token(3)), next.open(4, token(4))));
        let seen = [room.release(index, token(1), everybody), other.join().unwrap()];
        assert!(seen.contains(&Remaining::Nobody), "{seen:?}");
        let (first, second) = next.join().unwrap();
        for (found, cookie) in [(first, 3), (second, 4)] {
            found.into_iter().for_each(|found| assert!(room.slots[found].is(cookie), "freed under its next owner"));
        }
        let taken = usize::from(first.is_some()) + usize::from(second.is_some());
        assert_eq!(room.free_ones(), SLOTS - taken);
    });
}

#[test]
fn of_two_processes_that_find_the_holders_dead_one_frees_the_slot() {
    explore(|| {
        let room = Room::new();
        room.open(1, token(1)).unwrap();
        let theirs = room.clone();
        let other = thread::spawn(move || theirs.reclaim(|_| false));
        room.reclaim(|_| false);
        other.join().unwrap();
        assert_eq!(room.free_ones(), SLOTS);
    });
}

#[test]
fn a_slot_whose_last_holder_releases_it_is_not_freed_for_the_dead_as_well() {
    explore(|| {
        // Two is dead and has left its cell; one is alive and closes. Three looks for a
        // slot to take.
        let room = Room::new();
        let index = room.open(1, token(1)).unwrap();
        room.slots[index].hold(token(2));
        let alive = |holder| holder != token(2);
        let theirs = room.clone();
        let other = thread::spawn(move || {
            theirs.reclaim(alive);
            theirs.open(3, token(3))
        });
        let left = room.release(index, token(1), alive);
        let third = other.join().unwrap();
        assert!(third.is_some_and(|third| room.slots[third].is(3)));
        // Else three has it already, and one leaves its connection alone.
        assert!(left == Remaining::Nobody || third == Some(index), "{left:?}");
        assert_eq!(room.free_ones(), SLOTS - 1);
    });
}

#[test]
fn a_slot_that_is_being_filled_is_not_freed() {
    explore(|| {
        let room = Room::new();
        let theirs = room.clone();
        let other = thread::spawn(move || theirs.reclaim(|holder| holder != token(2)));
        let index = room.open(1, token(1)).unwrap();
        other.join().unwrap();
        assert!(room.slots[index].is(1));
        assert_eq!(room.free_ones(), SLOTS - 1);
    });
}
