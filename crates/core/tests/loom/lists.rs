//! The two lists through the places: the free list and the inbox.

use crate::drain::table::free_list::FreeList;
use crate::drain::table::inbox::Inbox;
use crate::drain::table::place::Place;
use crate::explore;
use crate::sync::AtomicU32;
use loom::thread;
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Tally;
use std::sync::atomic::Ordering::SeqCst;

/// A table of a few places, all free, the first on top.
struct Table {
    free: FreeList,
    offers: Inbox,
    next: [AtomicU32; PLACES],
    /// How many own each place.
    owners: [Tally; PLACES],
}

const PLACES: usize = 3;

impl Table {
    fn new(places: u32) -> Arc<Self> {
        let (next, owners) = Default::default();
        let table = Self { free: FreeList::new(), offers: Inbox::new(), next, owners };
        table.offers.forget();
        for place in (0..places).rev().map(Place::new) {
            table.free.push(place, table.next_of(place).unwrap());
        }
        Arc::new(table)
    }

    fn next_of(&self, place: Place) -> Option<&AtomicU32> {
        self.next.get(place.index())
    }

    fn claim(&self) -> Option<Place> {
        let place = self.free.pop(|place| self.next_of(place))?;
        let owners = self.owners[place.index()].fetch_add(1, SeqCst);
        assert_eq!(owners, 0, "two own {place:?}");
        Some(place)
    }

    fn free(&self, place: Place) {
        self.owners[place.index()].fetch_sub(1, SeqCst);
        self.free.push(place, self.next_of(place).unwrap());
    }

    fn offer(&self, place: Place) {
        self.offers.put(place, self.next_of(place).unwrap());
    }

    /// As the drainer does: what was offered is held, ended, and free again.
    fn drain(&self) -> u32 {
        let mut taken = 0;
        self.offers.take(
            |place| self.next_of(place),
            |place| {
                taken += 1;
                self.free(place);
            },
        );
        taken
    }

    /// Everything is where it was.
    fn assert_all_free(&self, places: u32) {
        let free = std::iter::from_fn(|| self.claim()).count();
        assert_eq!(free, places as usize, "a place was lost");
    }
}

#[test]
fn no_place_is_claimed_twice_and_none_is_lost() {
    explore(|| {
        let table = Table::new(3);
        let other = table.clone();
        // The one that is overtaken: it claims one, while the top leaves and comes
        // back with another behind it.
        let other = thread::spawn(move || {
            let place = other.claim().unwrap();
            other.free(place);
        });
        let (one, two) = (table.claim().unwrap(), table.claim().unwrap());
        table.free(one);
        let three = table.claim();
        table.free(two);
        three.into_iter().for_each(|place| table.free(place));
        other.join().unwrap();
        table.assert_all_free(3);
    });
}

#[test]
fn three_threads_never_share_a_place() {
    explore(|| {
        let table = Table::new(2);
        let others = [table.clone(), table.clone()].map(|table| {
            thread::spawn(move || {
                if let Some(place) = table.claim() {
                    table.free(place);
                }
            })
        });
        if let Some(place) = table.claim() {
            table.free(place);
        }
        others.into_iter().for_each(|other| other.join().unwrap());
        table.assert_all_free(2);
    });
}

#[test]
fn every_offer_is_taken_once() {
    explore(|| {
        let table = Table::new(3);
        let hook = table.clone();
        let hook = thread::spawn(move || {
            for _ in 0..2 {
                let place = hook.claim().unwrap();
                hook.offer(place);
            }
        });
        let drainer = table.clone();
        let drainer = thread::spawn(move || drainer.drain() + drainer.drain());
        // Its place may be one that was drained and freed just now.
        let place = table.claim().unwrap();
        table.offer(place);
        hook.join().unwrap();
        let taken = drainer.join().unwrap() + table.drain();
        assert_eq!(taken, 3);
        table.assert_all_free(3);
    });
}
