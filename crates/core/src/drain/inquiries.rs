//! What closers ask the looker: whether anybody but this process has a connection.
//!
//! A closer takes a place, writes its question there, and waits, which takes as long as the
//! look does: its [`Budget`](crate::holders::judge::Budget) is of processor time. The looker answers all
//! that is asked at once.
//!
//! Context: closers any hook; lock-free but for the wait.

use crate::holders::judge::Scope;
use crate::holders::standing::{DOUBTS, Doubt};
use crate::sys::clock;
use crate::sys::event_count::EventCount;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// So many at once.
pub const PLACES: usize = 8;

/// How long a closer waits where the looker gets no processor, microseconds. Natively it would
/// have to wait for one as well.
const LONGEST_WAIT: u64 = 20_000;

/// What a place is at, in the lower byte of its word; above is how often it was taken.
const FREE: u32 = 0;
const TAKEN: u32 = 1;
const ASKED: u32 = 2;
/// Nobody else has it.
const SOLE: u32 = 3;
/// And beyond, one for each doubt.
const DOUBTED: u32 = 4;
const KIND: u32 = 0xff;

zeroed! {
    /// All questions, and the event count that answers raise.
    pub struct Inquiries {
        places: [Place; PLACES],
        answered: EventCount,
    }
}

zeroed! {
    struct Place {
        inode: AtomicU64,
        word: AtomicU32,
        /// The [`Scope`].
        scope: AtomicU32,
    }
}

/// A question that is asked.
#[must_use = "the answer is to be waited for"]
pub struct Question<'a> {
    all: &'a Inquiries,
    place: &'a Place,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.place.word.fetch_and(!KIND, SeqCst);
    }
}

/// The same for the looker.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    place: &'a Place,
    word: u32,
}

impl Inquiries {
    /// Asks; `None` where too many do.
    pub fn ask(&self, inode: u64, scope: Scope) -> Option<Question<'_>> {
        let place = self.places.iter().find(|place| place.take())?;
        place.inode.store(inode, SeqCst);
        place.scope.store(
            u32::from(scope.trust_self) | u32::from(scope.in_family) << 1 | u32::from(scope.is_patient) << 2,
            SeqCst,
        );
        place.word.fetch_add(ASKED - TAKEN, SeqCst);
        Some(Question { all: self, place })
    }

    /// All that is asked now.
    pub fn asked(&self) -> [Option<Asked<'_>>; PLACES] {
        self.places.each_ref().map(|place| {
            let word = place.word.load(SeqCst);
            (word & KIND == ASKED).then_some(Asked { place, word })
        })
    }

    /// Whether anything is.
    pub fn is_any(&self) -> bool {
        self.asked().iter().any(Option::is_some)
    }

    /// The looker has answered what it could.
    pub fn have_answers(&self) {
        self.answered.notify();
    }

    /// In a fork child: who has asked is not in it.
    pub fn forget(&self) {
        self.places.iter().for_each(|place| place.word.store(FREE, SeqCst));
        self.answered.forget();
    }
}

impl Place {
    fn take(&self) -> bool {
        let word = self.word.load(SeqCst);
        let taken = word.wrapping_add(KIND + 1) | TAKEN;
        word & KIND == FREE && self.word.compare_exchange(word, taken, SeqCst, SeqCst).is_ok()
    }
}

impl Asked<'_> {
    /// What is asked: the inode of the socket, and what need not be looked at.
    pub fn what(&self) -> (u64, Scope) {
        let scope = self.place.scope.load(SeqCst);
        let has = |bit| scope & bit != 0;
        (self.place.inode.load(SeqCst), Scope { trust_self: has(1), in_family: has(2), is_patient: has(4) })
    }

    /// Answers, unless nobody waits any more.
    pub fn answer(self, doubt: Option<Doubt>) {
        let kind = doubt.map_or(SOLE, |doubt| DOUBTED + doubt as u32);
        let answered = self.word & !KIND | kind;
        let _ = self.place.word.compare_exchange(self.word, answered, SeqCst, SeqCst);
    }
}

impl Question<'_> {
    /// Waits for the answer; in time or not at all. The looker may be leaving: `wake` says
    /// whether there is one.
    pub fn wait(self, wake: impl Fn() -> bool) -> Option<Doubt> {
        const MOMENT: u64 = 1000;
        let until = clock::microseconds() + LONGEST_WAIT;
        loop {
            let seen = self.all.answered.count();
            match self.place.word.load(SeqCst) & KIND {
                SOLE => return None,
                ASKED => {}
                kind => return Some(doubt_of(kind)),
            }
            let left = until.saturating_sub(clock::microseconds());
            if left == 0 || !wake() {
                return Some(Doubt::LookBudget);
            }
            self.all.answered.sleep_micros(seen, left.min(MOMENT));
        }
    }
}

fn doubt_of(kind: u32) -> Doubt {
    let (doubt, _) = kind.checked_sub(DOUBTED).and_then(|at| DOUBTS.get(at as usize)).unwrap_or(&(Doubt::Unseen, ""));
    *doubt
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::region::Region;

    const SCOPE: Scope = Scope { trust_self: true, in_family: false, is_patient: true };

    fn room() -> Region<Inquiries> {
        let region = Region::new();
        assert!(region.ensure(1));
        region
    }

    #[test]
    fn every_question_gets_its_own_answer() {
        let room = room();
        let all = room.get(0).unwrap();
        let [one, other] = [7, 8].map(|inode| all.ask(inode, SCOPE).unwrap());
        for asked in all.asked().into_iter().flatten() {
            let (inode, scope) = asked.what();
            assert_eq!(scope, SCOPE);
            asked.answer((inode == 7).then_some(Doubt::Found));
        }
        assert!(!all.is_any());
        assert_eq!((one.wait(|| true), other.wait(|| true)), (Some(Doubt::Found), None));
    }

    #[test]
    fn an_answer_that_comes_too_late_is_nobodys() {
        let room = room();
        let all = room.get(0).unwrap();
        let early = all.ask(7, SCOPE).unwrap();
        let late = all.asked()[0].unwrap();
        assert_eq!(early.wait(|| true), Some(Doubt::LookBudget));
        let next = all.ask(8, SCOPE).unwrap();
        late.answer(None);
        assert!(all.is_any());
        drop(next);
        assert!(!all.is_any());
    }

    #[test]
    fn more_than_there_is_room_for_get_no_answer() {
        let room = room();
        let all = room.get(0).unwrap();
        let asked: Vec<_> = (0..PLACES as u64).map(|inode| all.ask(inode, SCOPE).unwrap()).collect();
        assert!(all.ask(9, SCOPE).is_none());
        drop(asked);
        assert!(all.ask(9, SCOPE).is_some());
    }
}
