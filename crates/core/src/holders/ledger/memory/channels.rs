//! Pairs of connected unix sockets, on which connections are sent to other processes of the lineage.
//!
//! No process holds a message that is under way. Such a message can be counted only where its
//! receiver is known to get what its sender has counted, and where nobody else can look at it. That
//! is so on a pair of sockets that a hook has seen being made (`socketpair`), if every program that
//! has one of the two ends is followed. An end that a program gets by `exec` is *in transit* until
//! the constructor of that program has said that it has the end. A pair that was forgotten, as
//! later ones took its place, counts as no pair: what is sent on it stays undecided for ever.
//!
//! Context: hooks of any kind. The pairs lie in shared memory, or in that of a process that has no
//! connection yet. Lock-free.

use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// How many pairs a lineage remembers.
pub const SHARED: usize = 128;

zeroed! {
    /// The latest `LEN` pairs.
    pub struct Channels<const LEN: usize> {
        pairs: [Pair; LEN],
        next: AtomicU32,
        _room: AtomicU32,
    }
}

zeroed! {
    /// The words of both ends; 0 for no pair.
    struct Pair([AtomicU64; 2]);
}

/// In the word of an end: its `SO_COOKIE`. Above: how many programs have got the end and have not
/// said so yet.
const COOKIE: u64 = IN_TRANSIT - 1;
const IN_TRANSIT: u64 = 1 << 48;
/// In the word of an end: a program that no hook follows may have it.
const HANDED_ON: u64 = 1 << 63;

fn is_free(end: u64) -> bool {
    end & !COOKIE == 0
}

impl<const LEN: usize> Channels<LEN> {
    /// No pair.
    pub const fn new() -> Self {
        Self {
            pairs: [const { Pair([const { AtomicU64::new(0) }; 2]) }; LEN],
            next: AtomicU32::new(0),
            _room: AtomicU32::new(0),
        }
    }

    /// Whether a pair was ever made.
    pub fn has_any(&self) -> bool {
        self.next.load(SeqCst) != 0
    }

    /// A pair was made; `ends` are the cookies of its two sockets.
    pub fn add(&self, ends: [u64; 2]) {
        let at = self.next.fetch_add(1, SeqCst) as usize % LEN;
        if let Some(Pair([one, other])) = self.pairs.get(at).filter(|_| ends.iter().all(|end| end & COOKIE != 0)) {
            one.store(0, SeqCst);
            other.store(ends[1], SeqCst);
            one.store(ends[0], SeqCst);
        }
    }

    /// Whether messages that are sent on the end with cookie `sender` can be counted, if they are
    /// received on the other end of its pair.
    pub fn is_counted(&self, sender: u64) -> bool {
        self.all().any(|ends| ends.contains(&sender) && is_free(sender))
    }

    /// The cookie of the other end, on which is sent what the end with cookie `receiver` receives;
    /// `None` unless all of that is counted.
    pub fn sender_to(&self, receiver: u64) -> Option<u64> {
        let of =
            |[one, other]: [u64; 2]| if one == receiver { Some(other) } else { (other == receiver).then_some(one) };
        self.all().filter(|ends| ends.iter().all(|&end| is_free(end))).find_map(of)
    }

    /// Another program gets the socket with this cookie. Answers whether it is an end of a pair.
    pub fn begin_transit(&self, end: u64) -> bool {
        let one_more =
            |word: u64| (word & COOKIE == end).then(|| word.checked_add(IN_TRANSIT).unwrap_or(word) | word & HANDED_ON);
        self.ends().filter(|word| word.fetch_update(SeqCst, SeqCst, one_more).is_ok()).count() != 0
    }

    /// A program that got the end with this cookie by `exec` has said that it has it.
    pub fn end_transit(&self, end: u64) {
        let one_less =
            |word: u64| (word & COOKIE == end && word & HANDED_ON == 0 && !is_free(word)).then(|| word - IN_TRANSIT);
        self.ends().for_each(|word| _ = word.fetch_update(SeqCst, SeqCst, one_less));
    }

    /// A program that no hook follows may have the end with this cookie.
    pub fn hand_on(&self, end: u64) {
        let handed = |word: u64| (word & COOKIE == end).then_some(word | HANDED_ON);
        self.ends().for_each(|word| _ = word.fetch_update(SeqCst, SeqCst, handed));
    }

    fn ends(&self) -> impl Iterator<Item = &AtomicU64> {
        self.pairs.iter().flat_map(|Pair(ends)| ends)
    }

    /// A program that no hook follows may have all ends.
    pub fn hand_on_all(&self) {
        if self.has_any() {
            self.ends().for_each(|end| _ = end.fetch_or(HANDED_ON, SeqCst));
        }
    }

    /// The pairs that are complete: another thread may be writing one.
    fn all(&self) -> impl Iterator<Item = [u64; 2]> {
        self.pairs.iter().filter_map(|Pair([one, other])| {
            let first = one.load(SeqCst);
            let ends = [first, other.load(SeqCst)];
            let is_whole = first & COOKIE != 0 && one.load(SeqCst) & COOKIE == first & COOKIE;
            is_whole.then_some(ends)
        })
    }

    /// Moves all pairs to `other`, which other processes have as well.
    pub fn move_to<const MORE: usize>(&self, other: &Channels<MORE>) {
        if self.next.swap(0, SeqCst) != 0 {
            self.all().for_each(|ends| other.add(ends));
            self.ends().for_each(|end| end.store(0, SeqCst));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_end_receives_the_other_has_sent() {
        let channels = Channels::<4>::new();
        assert!(!channels.has_any() && !channels.is_counted(7));
        channels.add([7, 8]);
        channels.add([9, 10]);
        assert!([7, 8, 9, 10].iter().all(|&end| channels.is_counted(end)));
        assert_eq!([7, 8, 9, 11].map(|end| channels.sender_to(end)), [Some(8), Some(7), Some(10), None]);
    }

    #[test]
    fn what_a_program_without_hooks_may_send_is_not_counted() {
        let channels = Channels::<4>::new();
        channels.add([7, 8]);
        channels.hand_on(8);
        assert!(channels.is_counted(7) && !channels.is_counted(8));
        assert_eq!([channels.sender_to(7), channels.sender_to(8)], [None, None]);
    }

    #[test]
    fn an_end_is_in_transit_until_each_program_that_got_it_has_said_so() {
        let channels = Channels::<4>::new();
        channels.add([7, 8]);
        (0..2).for_each(|_| assert!(channels.begin_transit(8)));
        assert!(!channels.begin_transit(9));
        channels.end_transit(8);
        assert_eq!((channels.is_counted(7), channels.sender_to(8)), (true, None));
        channels.end_transit(8);
        assert_eq!((channels.is_counted(8), channels.sender_to(8)), (true, Some(7)));
        channels.end_transit(8);
        assert!(channels.is_counted(8));
    }

    #[test]
    fn an_old_pair_is_forgotten_for_a_new_one() {
        let channels = Channels::<4>::new();
        (1..=5).for_each(|at| channels.add([10 * at, 10 * at + 1]));
        assert!(!channels.is_counted(10) && channels.sender_to(51) == Some(50));
    }

    #[test]
    fn pairs_of_a_process_are_moved_to_shared_memory() {
        let (own, shared) = (Channels::<4>::new(), Channels::<8>::new());
        own.add([7, 8]);
        own.move_to(&shared);
        assert!(!own.has_any() && !own.is_counted(7) && shared.is_counted(7));
    }
}
