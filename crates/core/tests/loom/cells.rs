//! The cells of a description, which processes share: who is the last holder.

use crate::explore;
use crate::memory::cells::{Remaining, Slot};
use crate::memory::marks::Marks;
use crate::memory::token::Token;
use loom::thread;
use std::sync::Arc;

const COOKIE: u64 = 77;

fn token(raw: u32) -> Token {
    Token::new(raw).unwrap()
}

fn everybody(_: Token) -> bool {
    true
}

/// A connection that each of these holds by one descriptor.
fn held_by(holders: &[u32]) -> Arc<Slot> {
    let slot = Slot::default();
    slot.fill(COOKIE, token(holders[0]));
    holders[1..].iter().for_each(|&holder| slot.hold(token(holder)));
    Arc::new(slot)
}

fn release(slot: &Slot, me: u32) -> Remaining {
    slot.release(token(me), everybody).remaining
}

#[test]
fn of_two_processes_that_release_at_once_one_sees_nobody_left() {
    explore(|| {
        let slot = held_by(&[1, 2]);
        let theirs = slot.clone();
        let other = thread::spawn(move || release(&theirs, 2));
        let seen = [release(&slot, 1), other.join().unwrap()];
        assert!(seen.contains(&Remaining::Nobody), "{seen:?}");
        assert!(slot.is(0), "the slot is not free again");
    });
}

#[test]
fn of_two_threads_that_release_at_once_one_sees_nobody_left() {
    explore(|| {
        let slot = held_by(&[1]);
        slot.hold(token(1));
        let theirs = slot.clone();
        let other = thread::spawn(move || release(&theirs, 1));
        let seen = [release(&slot, 1), other.join().unwrap()];
        assert!(seen.contains(&Remaining::Nobody), "{seen:?}");
        assert!(slot.is(0));
    });
}

#[test]
fn a_process_that_is_not_the_last_holder_never_sees_nobody_left() {
    explore(|| {
        // The third one keeps it.
        let slot = held_by(&[1, 2, 3]);
        let theirs = slot.clone();
        let other = thread::spawn(move || release(&theirs, 2));
        let seen = [release(&slot, 1), other.join().unwrap()];
        assert_eq!(seen, [Remaining::Elsewhere; 2]);
        assert!(slot.is(COOKIE));
    });
}

#[test]
fn a_thread_that_closes_meanwhile_sees_the_child_that_is_being_made() {
    explore(|| {
        // One thread forks: the child is counted before it exists. The other closes
        // its own descriptor of the two.
        let slot = held_by(&[1]);
        slot.hold(token(1));
        let theirs = slot.clone();
        let other = thread::spawn(move || theirs.hold(token(2)));
        assert_ne!(release(&slot, 1), Remaining::Nobody);
        other.join().unwrap();
        assert_eq!(release(&slot, 1), Remaining::Elsewhere);
        assert_eq!(release(&slot, 2), Remaining::Nobody);
    });
}

#[test]
fn a_process_that_gets_the_cell_of_a_dead_one_keeps_it() {
    explore(|| {
        // Two is dead. Two threads of one close, and find it; a third one forks.
        let slot = held_by(&[1, 2]);
        (0..2).for_each(|_| slot.hold(token(1)));
        let alive = |holder| holder != token(2);
        let theirs = [slot.clone(), slot.clone()];
        let [closer, forker] = theirs;
        let closer = thread::spawn(move || closer.release(token(1), alive));
        let forker = thread::spawn(move || forker.hold(token(3)));
        slot.release(token(1), alive);
        closer.join().unwrap();
        forker.join().unwrap();
        assert_eq!(slot.holders().collect::<Vec<_>>(), [token(1), token(3)]);
    });
}

#[test]
fn of_two_children_that_are_made_at_once_none_is_lost() {
    explore(|| {
        let slot = held_by(&[1]);
        let theirs = slot.clone();
        let other = thread::spawn(move || theirs.hold(token(2)));
        slot.hold(token(3));
        other.join().unwrap();
        assert!([1, 2, 3].map(token).iter().all(|&holder| slot.holders().any(|found| found == holder)));
    });
}

/// As far as the counts know.
fn is_last(slot: &Slot, me: u32, alive: impl Fn(Token) -> bool) -> bool {
    let released = slot.release(token(me), alive);
    released.remaining == Remaining::Nobody && !released.is_message_under_way && !released.marks.has(Marks::HANDED_ON)
}

const LINK: u64 = 9;

#[test]
fn a_sender_that_closes_meanwhile_sees_the_receiver_of_its_message() {
    explore(|| {
        let slot = held_by(&[1]);
        slot.depart(LINK);
        let theirs = slot.clone();
        let receiver = thread::spawn(move || {
            theirs.hold(token(2));
            assert!(theirs.arrive(LINK));
        });
        assert!(!is_last(&slot, 1, everybody));
        receiver.join().unwrap();
        assert!(is_last(&slot, 2, everybody));
    });
}

#[test]
fn of_two_messages_the_second_is_still_under_way_when_the_first_has_arrived() {
    explore(|| {
        let slot = held_by(&[1]);
        (0..2).for_each(|_| slot.depart(LINK));
        let theirs = slot.clone();
        let receiver = thread::spawn(move || {
            theirs.hold(token(2));
            assert!(theirs.arrive(LINK));
            is_last(&theirs, 2, everybody)
        });
        let seen = is_last(&slot, 1, everybody);
        assert!(!seen && !receiver.join().unwrap());
        slot.hold(token(3));
        assert!(slot.arrive(LINK) && is_last(&slot, 3, everybody));
    });
}

#[test]
fn a_message_on_another_socket_meanwhile_leaves_a_mark() {
    explore(|| {
        let slot = held_by(&[1, 2]);
        let theirs = slot.clone();
        let other = thread::spawn(move || theirs.depart(LINK + 1));
        slot.depart(LINK);
        other.join().unwrap();
        assert!(slot.marks().has(Marks::PASSED));
    });
}

#[test]
fn a_process_that_closes_meanwhile_sees_the_program_that_says_what_it_has() {
    explore(|| {
        let slot = held_by(&[1]);
        slot.hold_in_transit(token(2));
        let theirs = slot.clone();
        let program = thread::spawn(move || theirs.end_transit(token(2), 3));
        assert!(!is_last(&slot, 1, everybody));
        program.join().unwrap();
        assert!(!slot.is_in_transit(token(2)) && !is_last(&slot, 2, everybody) && !is_last(&slot, 2, everybody));
        assert!(is_last(&slot, 2, everybody));
    });
}

#[test]
fn a_program_that_has_ended_without_saying_what_it_had_leaves_a_mark() {
    explore(|| {
        let slot = held_by(&[1, 3]);
        slot.hold_in_transit(token(2));
        let alive = |holder| holder != token(2);
        let theirs = slot.clone();
        let other = thread::spawn(move || is_last(&theirs, 3, alive));
        assert!(!is_last(&slot, 1, alive) && !other.join().unwrap());
    });
}

#[test]
fn a_program_that_joins_beside_another_that_is_killed_is_not_lost() {
    explore(|| {
        let slot = held_by(&[1, 2]);
        let alive = |holder| holder != token(2);
        let theirs = slot.clone();
        let joiner = thread::spawn(move || theirs.hold_in_transit(token(3)));
        slot.hold(token(1));
        assert!(!is_last(&slot, 1, alive));
        joiner.join().unwrap();
        assert!(slot.is_in_transit(token(3)) && !is_last(&slot, 1, alive));
    });
}

/// It read the messages before the sender's departed, and the cells after it was gone.
#[test]
fn a_third_process_that_closes_while_a_message_departs_and_its_sender_closes_is_not_the_last() {
    explore(|| {
        let slot = held_by(&[1, 2]);
        let theirs = slot.clone();
        let sender = thread::spawn(move || {
            theirs.depart(LINK);
            is_last(&theirs, 1, everybody)
        });
        let third = is_last(&slot, 2, everybody);
        assert!(!third && !sender.join().unwrap());
        slot.hold(token(3));
        assert!(slot.arrive(LINK) && is_last(&slot, 3, everybody));
    });
}

/// It looked at a cell before a child got that, and at its parent's after that had closed.
#[test]
fn a_third_process_that_closes_while_another_forks_and_closes_is_not_the_last() {
    explore(|| {
        let slot = held_by(&[4, 1, 2]);
        assert!(!is_last(&slot, 4, everybody));
        let theirs = slot.clone();
        let parent = thread::spawn(move || {
            theirs.hold(token(3));
            is_last(&theirs, 1, everybody)
        });
        assert!(!is_last(&slot, 2, everybody) && !parent.join().unwrap());
        assert!(is_last(&slot, 3, everybody));
    });
}
