use super::membership::Generation;
use super::search::{Kind, Spent};
use super::table::{SETTLED_MS, SearchExtent, Sets};
use crate::sys::Fd;
use crate::sys::clock::{Budget, Millis};
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::collections::BTreeMap;

fn fd(raw: u32) -> Fd {
    Fd::new(raw as i32).unwrap()
}

/// What the numbers of a process really are.
#[derive(Default)]
struct Truth(BTreeMap<u32, Kind>);

impl Truth {
    fn of(open: &[(u32, Kind)]) -> Self {
        Self(open.iter().copied().collect())
    }

    /// The numbers that a search asks.
    fn asked(&self, sets: &Sets) -> Vec<u32> {
        let mut asked = Vec::new();
        let found = sets.search(
            SearchExtent::All,
            &Budget::new(),
            true,
            |_| false,
            |fd| {
                asked.push(fd.raw() as u32);
                self.0.get(&(fd.raw() as u32)).copied().unwrap_or(Kind::Free)
            },
        );
        assert_eq!(found, Ok(()));
        asked
    }
}

fn room() -> Sets {
    let sets = Sets::new();
    assert!(sets.ensure(1024));
    sets
}

#[test]
fn a_server_that_opens_nothing_else_asks_two_numbers_at_each_close() {
    let sets = room();
    let truth = Truth::of(&[(0, Kind::Plain), (1, Kind::Plain), (2, Kind::Plain)]);
    sets.opened_plain(fd(3));
    sets.opened_plain(fd(4));
    sets.ending(fd(4));
    assert_eq!(truth.asked(&sets), [0, 1, 2, 4, 5, 6]);
    for _ in 0..3 {
        sets.opened_plain(fd(4));
        assert_eq!(truth.asked(&sets), [5, 6]);
        sets.ending(fd(4));
    }
}

#[test]
fn a_set_that_takes_the_lowest_number_unseen_is_found() {
    let sets = room();
    let mut truth = Truth::default();
    (0..8).for_each(|number| sets.opened_plain(fd(number)));
    (2..8).for_each(|number| sets.ending(fd(number)));
    truth.asked(&sets);
    truth.0.insert(2, Kind::Set);
    assert!(truth.asked(&sets).contains(&2));
    assert!(sets.has_unseen());
}

#[test]
fn a_set_that_was_made_while_lower_numbers_were_in_use_is_found() {
    let sets = room();
    let mut truth = Truth::default();
    sets.opened_plain(fd(0));
    assert_eq!(truth.asked(&sets), [1, 2]);
    // 1 and 2 are in use for a while, one of them unseen until it is closed.
    sets.opened_plain(fd(1));
    truth.0.insert(3, Kind::Set);
    sets.ending(fd(1));
    sets.ending(fd(2));
    assert_eq!(truth.asked(&sets), [1, 2, 3, 4, 5]);
    assert_eq!(truth.asked(&sets), [1, 2, 3], "it is asked at each search from then on");
}

#[test]
fn a_set_under_a_number_that_was_plain_is_found() {
    let sets = room();
    let mut truth = Truth::of(&[(0, Kind::Plain), (1, Kind::Plain)]);
    truth.asked(&sets);
    sets.ending(fd(1));
    truth.0.insert(1, Kind::Set);
    assert!(truth.asked(&sets).contains(&1));
}

#[test]
fn of_many_known_sets_all_are_asked_now_and_then_or_once_one_was_filled_unseen() {
    let sets = room();
    let asked = || {
        let mut asked = Vec::new();
        let kind = |number| if number < 20 { Kind::Set } else { Kind::Free };
        let probe = |fd: Fd| {
            asked.push(fd.raw());
            kind(fd.raw())
        };
        assert_eq!(sets.search(sets.search_extent(), &Budget::new(), true, |_| false, probe), Ok(()));
        asked
    };
    (0..20).for_each(|number| sets.made(fd(number), || true));
    let [all, few] = [20, 8].map(|known| (0..known).chain([20, 21]).collect::<Vec<_>>());
    assert_eq!([asked(), asked(), asked()], [&all, &few, &few].map(Vec::clone));
    sets.filled_unseen();
    assert_eq!([asked(), asked()], [&all, &all].map(Vec::clone));
}

#[test]
fn a_closed_range_is_asked_again() {
    let sets = room();
    let truth = Truth::of(&(0..200).map(|number| (number, Kind::Plain)).collect::<Vec<_>>());
    truth.asked(&sets);
    assert_eq!(truth.asked(&sets), [200, 201]);
    sets.ending_range(60, 130);
    assert_eq!(truth.asked(&sets), (60..=130).chain([200, 201]).collect::<Vec<_>>());
}

#[test]
fn a_number_that_becomes_softcloses_own_is_not_remembered() {
    let sets = room();
    let is_private = AtomicBool::new(false);
    let probe = |fd: Fd| {
        is_private.store(true, SeqCst);
        if fd.raw() == 0 { Kind::Plain } else { Kind::Free }
    };
    let is_excluded = |fd: Fd| fd.raw() == 0 && is_private.load(SeqCst);
    assert_eq!(sets.search(SearchExtent::All, &Budget::new(), true, is_excluded, probe), Ok(()));
    assert!(Truth::default().asked(&sets).contains(&0));
}

/// softclose's own numbers lie right beyond the program's where those are many.
#[test]
fn held_connections_are_not_asked_each_time() {
    let sets = room();
    (0..70).for_each(|number| sets.opened_plain(fd(number)));
    (70..300).for_each(|number| sets.occupied(fd(number)));
    let truth = Truth::of(&(0..300).map(|number| (number, Kind::Plain)).collect::<Vec<_>>());
    assert_eq!(truth.asked(&sets), [300, 301]);
    sets.ended(fd(200));
    assert_eq!(truth.asked(&sets), [200, 300, 301]);
}

#[test]
fn a_search_that_is_cut_short_makes_no_later_one_end_early() {
    let sets = room();
    sets.opened(fd(500));
    assert_eq!(sets.search(SearchExtent::All, &Budget::spent(), true, |_| false, |_| Kind::Free), Err(Spent));
    let truth = Truth::of(&[(400, Kind::Set)]);
    assert!(truth.asked(&sets).contains(&400));
}

#[test]
fn a_search_beside_another_one_does_not_end_early() {
    let sets = room();
    sets.opened(fd(5));
    sets.ending(fd(5));
    let mut inner = Vec::new();
    let _ = sets.search(
        SearchExtent::All,
        &Budget::new(),
        true,
        |_| false,
        |fd| {
            if fd.raw() == 1 {
                inner = Truth::default().asked(&sets);
            }
            Kind::Free
        },
    );
    assert_eq!(inner, [0, 1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn numbers_that_libc_opens_and_closes_inside_itself_hide_no_set() {
    let sets = room();
    let mut truth = Truth::default();
    sets.opened_plain(fd(0));
    truth.asked(&sets);
    // 1 was in use meanwhile.
    truth.0.insert(2, Kind::Set);
    assert!(truth.asked(&sets).contains(&2));
}

#[test]
fn beside_threads_a_number_is_plain_when_it_was_so_for_a_while() {
    let sets = room();
    let asked = |is_late: bool| {
        if is_late {
            sets.settled.store(Millis::now().0.wrapping_sub(SETTLED_MS).max(1), SeqCst);
        }
        let mut asked = Vec::new();
        let found = sets.search(
            SearchExtent::All,
            &Budget::new(),
            false,
            |_| false,
            |fd| {
                asked.push(fd.raw());
                if fd.raw() == 0 { Kind::Plain } else { Kind::Free }
            },
        );
        assert_eq!(found, Ok(()));
        asked
    };
    assert_eq!([asked(false), asked(false), asked(true)], [vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2]]);
    assert_eq!(asked(false), [1, 2]);
}

#[test]
fn waiting_threads_are_those_of_the_set_and_not_of_its_number() {
    let sets = room();
    sets.made(fd(5), || true);
    sets.waits(fd(5), 7);
    assert!(!sets.may_be_waited_for(fd(5), 7));
    // The set was closed, and the number is a connection now.
    assert!(!sets.may_be_waited_for(fd(5), 8));
    sets.made(fd(5), || true);
    sets.waits(fd(5), 7);
    assert!(sets.may_be_waited_for(fd(5), 8));
    sets.made(fd(5), || true);
    [7, 8].into_iter().for_each(|thread| sets.waits(fd(5), thread));
    assert!(sets.may_be_waited_for(fd(5), 8));
}

/// A program gets it when it is executed, and the search ended before it.
#[test]
fn a_set_that_was_only_waited_for_is_asked_beyond_the_known_end() {
    let sets = room();
    let truth = Truth::of(&[(0, Kind::Plain), (100, Kind::Set)]);
    assert_eq!(truth.asked(&sets), [0, 1, 2]);
    sets.waits(fd(100), 7);
    assert!(truth.asked(&sets).contains(&100));
}

#[test]
fn a_set_is_private_until_it_is_shared_or_closed() {
    let sets = room();
    sets.made(fd(70), || true);
    sets.duplicated(fd(70), fd(3));
    assert_eq!(sets.alone(fd(3)), Some(Generation(1)));
    sets.ending(fd(3));
    assert_eq!((sets.alone(fd(3)), sets.alone(fd(70))), (None, Some(Generation(1))));
    sets.share();
    assert_eq!((sets.alone(fd(70)), sets.generation()), (None, Generation(2)));
    sets.made(fd(71), || false);
    assert_eq!(sets.alone(fd(71)), None);
}

/// Asks until the budget is spent, 64 numbers at a time. Answers what was asked, and whether it was enough.
fn asked_within_a_spent_budget(sets: &Sets, truth: &BTreeMap<u32, Kind>) -> (Vec<u32>, bool) {
    let mut asked = Vec::new();
    let probe = |fd: Fd| {
        asked.push(fd.raw() as u32);
        truth.get(&(fd.raw() as u32)).copied().unwrap_or(Kind::Free)
    };
    let found = sets.search(SearchExtent::All, &Budget::spent(), true, |_| false, probe);
    (asked, found.is_ok())
}

/// What a search had found was forgotten where its budget was spent, and the next one began anew. After a peak of
/// some ten thousand open numbers no close was drained any more.
#[test]
fn after_a_peak_the_searches_go_on_where_the_last_one_stopped() {
    let sets = room();
    sets.opened(fd(1000));
    sets.ending(fd(1000));
    let searches = (1..1000).find(|_| asked_within_a_spent_budget(&sets, &BTreeMap::new()).1).expect("an end");
    assert!(searches <= 1000 / 60 + 1, "{searches}");
    assert_eq!(asked_within_a_spent_budget(&sets, &BTreeMap::new()), (vec![0, 1], true));
}

/// A search that had to ask all numbers after each `dup` would spend its budget in a program with many.
#[test]
fn a_duplicate_of_a_file_lengthens_the_next_search_no_further_than_to_its_number() {
    let sets = room();
    sets.opened(fd(1000));
    sets.ending(fd(1000));
    let after = |new: u32| {
        let truth = Truth::of(&[(new, Kind::Plain)]);
        let _learnt = [(); 2].map(|()| truth.asked(&sets));
        sets.duplicated(fd(70), fd(new));
        truth.asked(&sets).len()
    };
    assert_eq!([after(0), after(500)], [3, 502]);
}

/// A program that opens, closes and makes sets, also unseen, by the lowest free number as the kernel gives it.
#[test]
fn no_search_that_is_over_has_missed_a_set_however_many_were_not() {
    for seed in 1..300u64 {
        let sets = room();
        let (mut truth, mut random) = (BTreeMap::new(), seed);
        let mut next = |below: u64| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (random >> 33) % below
        };
        for step in 0..300 {
            let lowest = (0..).find(|number| !truth.contains_key(number)).unwrap();
            let any = truth.keys().copied().nth(next(1 + truth.len() as u64) as usize);
            match (next(8), any) {
                (0 | 1, _) if lowest < 300 => {
                    truth.insert(lowest, Kind::Plain);
                    sets.opened(fd(lowest));
                }
                (2, _) if lowest < 300 => _ = truth.insert(lowest, Kind::Set),
                (3, Some(number)) => {
                    sets.ending(fd(number));
                    truth.remove(&number);
                    sets.ended(fd(number));
                }
                (6, _) if next(4) == 0 && lowest < 300 => {
                    // Made unseen, moved by a call that is seen, and closed unseen under the first number.
                    let high = 300 + next(100) as u32;
                    truth.insert(high, Kind::Set);
                    sets.duplicated(fd(lowest), fd(high));
                }
                (5, _) if next(8) == 0 => {
                    let plain: Vec<_> =
                        truth.iter().filter(|(_, kind)| **kind == Kind::Plain).map(|at| *at.0).collect();
                    for number in plain {
                        sets.ending(fd(number));
                        truth.remove(&number);
                        sets.ended(fd(number));
                    }
                }
                (4, _) if next(8) == 0 => {
                    // A peak.
                    (0..200).for_each(|number| {
                        truth.entry(number).or_insert_with(|| {
                            sets.opened(fd(number));
                            Kind::Plain
                        });
                    });
                }
                _ => {
                    let (asked, is_over) = asked_within_a_spent_budget(&sets, &truth);
                    let sets_of = || truth.iter().filter(|(_, kind)| **kind == Kind::Set).map(|(number, _)| *number);
                    let missed: Vec<_> = sets_of().filter(|number| is_over && !asked.contains(number)).collect();
                    assert_eq!(missed, [], "seed {seed}, step {step}: {asked:?}");
                }
            }
        }
    }
}
