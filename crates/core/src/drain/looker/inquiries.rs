//! Questions of hooks to the looker: has another process this connection?
//!
//! A hook that closes takes an inquiry, writes its question there and waits. The looker answers
//! all questions at once, by one look at all processes; that look is limited in processor time
//! (its [`Budget`](crate::holders::judge::Budget)).
//!
//! Context: any hook, and the looker; lock-free but for the wait.

use crate::holders::judge::Scope;
use crate::holders::standing::{DOUBTS, Doubt};
use crate::sys::clock;
use crate::sys::event_count::EventCount;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// How many questions can be asked at the same time.
pub const MOST: usize = 8;

/// How long a hook waits at most, in microseconds, where the looker gets no processor. Natively
/// the hook would have to wait for a processor as well.
const LONGEST_WAIT_US: u64 = 20_000;

/// States of an inquiry, in the lower byte of its word; the upper bytes count how often it was
/// taken.
const FREE: u32 = 0;
const TAKEN: u32 = 1;
const ASKED: u32 = 2;
/// Answered: no other process has the connection.
const SOLE: u32 = 3;
/// From here on, one for each doubt: answered, and this speaks against it.
const DOUBTED: u32 = 4;
const KIND: u32 = 0xff;

zeroed! {
    /// All inquiries of one process.
    pub struct Inquiries {
        inquiries: [Inquiry; MOST],
        /// Notified when the looker has answered.
        answered: EventCount,
    }
}

zeroed! {
    /// Room for one question and its answer.
    struct Inquiry {
        inode: AtomicU64,
        word: AtomicU32,
        /// The [`Scope`], a bit each.
        scope: AtomicU32,
    }
}

/// A question that was asked, for the hook that waits.
#[must_use = "the answer is to be waited for"]
pub struct Question<'a> {
    all: &'a Inquiries,
    inquiry: &'a Inquiry,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.inquiry.word.fetch_and(!KIND, SeqCst);
    }
}

/// A question that was asked, for the looker.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    inquiry: &'a Inquiry,
    word: u32,
}

impl Inquiries {
    /// Asks about the socket with this inode. `None` where too many hooks ask already.
    pub fn ask(&self, inode: u64, scope: Scope) -> Option<Question<'_>> {
        let inquiry = self.inquiries.iter().find(|inquiry| inquiry.take())?;
        inquiry.inode.store(inode, SeqCst);
        inquiry.scope.store(
            u32::from(scope.trust_self) | u32::from(scope.in_family) << 1 | u32::from(scope.is_patient) << 2,
            SeqCst,
        );
        inquiry.word.fetch_add(ASKED - TAKEN, SeqCst);
        Some(Question { all: self, inquiry })
    }

    /// All questions that wait for an answer.
    pub fn asked(&self) -> [Option<Asked<'_>>; MOST] {
        self.inquiries.each_ref().map(|inquiry| {
            let word = inquiry.word.load(SeqCst);
            (word & KIND == ASKED).then_some(Asked { inquiry, word })
        })
    }

    /// Whether a question waits for an answer.
    pub fn is_any(&self) -> bool {
        self.asked().iter().any(Option::is_some)
    }

    /// Wakes the hooks that wait: the looker has answered.
    pub fn notify(&self) {
        self.answered.notify();
    }

    /// To be called in a fork child: the threads that have asked are its parent's.
    pub fn forget(&self) {
        self.inquiries.iter().for_each(|inquiry| inquiry.word.store(FREE, SeqCst));
        self.answered.forget();
    }
}

impl Inquiry {
    fn take(&self) -> bool {
        let word = self.word.load(SeqCst);
        let taken = word.wrapping_add(KIND + 1) | TAKEN;
        word & KIND == FREE && self.word.compare_exchange(word, taken, SeqCst, SeqCst).is_ok()
    }
}

impl Asked<'_> {
    /// The inode of the socket, and which processes need not be looked at.
    pub fn what(&self) -> (u64, Scope) {
        let scope = self.inquiry.scope.load(SeqCst);
        let has = |bit| scope & bit != 0;
        (self.inquiry.inode.load(SeqCst), Scope { trust_self: has(1), in_family: has(2), is_patient: has(4) })
    }

    /// Answers, unless the hook has ceased to wait. `None`: no other process has the connection.
    pub fn answer(self, doubt: Option<Doubt>) {
        let kind = doubt.map_or(SOLE, |doubt| DOUBTED + doubt as u32);
        let answered = self.word & !KIND | kind;
        let _ = self.inquiry.word.compare_exchange(self.word, answered, SeqCst, SeqCst);
    }
}

impl Question<'_> {
    /// Waits for the answer, for 20 milliseconds at most; `None`: no other process has the
    /// connection. `wake` is called again and again, as the looker may be leaving: it wakes or
    /// starts the looker, and answers false where there is none to be had.
    pub fn wait(self, wake: impl Fn() -> bool) -> Option<Doubt> {
        const MOMENT_US: u64 = 1000;
        let until = clock::microseconds() + LONGEST_WAIT_US;
        loop {
            let seen = self.all.answered.count();
            match self.inquiry.word.load(SeqCst) & KIND {
                SOLE => return None,
                ASKED => {}
                kind => return Some(doubt_of(kind)),
            }
            let left = until.saturating_sub(clock::microseconds());
            if left == 0 || !wake() {
                return Some(Doubt::LookBudget);
            }
            self.all.answered.sleep_micros(seen, left.min(MOMENT_US));
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

    fn memory() -> Region<Inquiries> {
        let region = Region::new();
        assert!(region.ensure(1));
        region
    }

    #[test]
    fn every_question_gets_its_own_answer() {
        let memory = memory();
        let all = memory.get(0).unwrap();
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
    fn an_answer_that_comes_too_late_is_dropped() {
        let memory = memory();
        let all = memory.get(0).unwrap();
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
    fn a_question_beyond_the_limit_is_refused() {
        let memory = memory();
        let all = memory.get(0).unwrap();
        let asked: Vec<_> = (0..MOST as u64).map(|inode| all.ask(inode, SCOPE).unwrap()).collect();
        assert!(all.ask(9, SCOPE).is_none());
        drop(asked);
        assert!(all.ask(9, SCOPE).is_some());
    }
}
