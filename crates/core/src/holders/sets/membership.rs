//! Which epoll sets watch one descriptor number, in one word.
//!
//! The word is written *before* the program's `EPOLL_CTL_ADD`, and taken back if that call fails: another
//! thread may close the number in between. It never says less than the kernel may know of the number.
//!
//! Context: pure functions.

use crate::sys::Fd;

/// The sets that watch a number, as far as hooks have seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Membership(u64);

/// The number of the set, plus one; [`SEVERAL`] where there is more than one.
const NUMBER: Field = Field { shift: 0, bits: 20 };
/// In how many sets the number is, or is being put.
const MEMBERS: Field = Field { shift: 20, bits: 6 };
/// How many calls that put it into a set have not returned yet.
const ADDING: Field = Field { shift: 26, bits: 6 };
/// The [`Generation`] in which all of its sets belonged to this process alone; 0: none.
const ALONE_IN: Field = Field { shift: 32, bits: 32 };

const SEVERAL: u64 = NUMBER.most();

/// Counts the moments at which this process may have shared its epoll sets with another; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation(pub u32);

impl Membership {
    /// In no set.
    pub const NONE: Self = Self(0);

    /// From a stored word.
    pub fn from_word(word: u64) -> Self {
        Self(word)
    }

    /// The word to store.
    pub fn word(self) -> u64 {
        self.0
    }

    /// In how many sets the number is, or is being put.
    pub fn members(self) -> u32 {
        MEMBERS.of(self.0) as u32
    }

    /// The set, if there is one and no second one.
    pub fn only(self) -> Option<Fd> {
        match NUMBER.of(self.0) {
            0 | SEVERAL => None,
            number => Fd::new(number as i32 - 1),
        }
    }

    /// Whether a call that puts the number into a set has not returned yet.
    pub fn is_being_added(self) -> bool {
        ADDING.of(self.0) != 0
    }

    /// Whether all of its sets belong to this process alone; `now` is the generation of this moment.
    pub fn is_private(self, now: Generation) -> bool {
        self.members() != 0 && ALONE_IN.of(self.0) == u64::from(now.0)
    }

    /// The number is about to be put into `set`; `alone` is the generation if no other process has that set.
    pub fn joining(self, set: Fd, alone: Option<Generation>) -> Self {
        ADDING.add_one(self.member_of(set, alone))
    }

    /// The number is in `set`; `alone` as in [`Membership::joining`].
    pub fn member_of(self, set: Fd, alone: Option<Generation>) -> Self {
        let number = (set.index() as u64 + 1).min(SEVERAL);
        let alone = alone.map_or(0, |generation| u64::from(generation.0));
        let is_first = self.members() == 0;
        let is_same = |field: Field, new| is_first || field.of(self.0) == new;
        let number = if is_same(NUMBER, number) { number } else { SEVERAL };
        let alone = if is_same(ALONE_IN, alone) { alone } else { 0 };
        let counted = MEMBERS.add_one(self).0;
        Self(ALONE_IN.put(NUMBER.put(counted, number), alone))
    }

    /// The call that put the number into a set has succeeded.
    pub fn joined(self) -> Self {
        ADDING.take_one(self)
    }

    /// The call that was to put the number into a set has failed.
    pub fn not_joined(self) -> Self {
        ADDING.take_one(self).left()
    }

    /// The number has been taken out of a set.
    pub fn left(self) -> Self {
        let fewer = MEMBERS.take_one(self);
        if fewer.members() == 0 { Self::NONE } else { fewer }
    }
}

/// Some bits of the word.
#[derive(Clone, Copy)]
struct Field {
    shift: u32,
    bits: u32,
}

impl Field {
    const fn most(self) -> u64 {
        (1 << self.bits) - 1
    }

    const fn of(self, word: u64) -> u64 {
        (word >> self.shift) & self.most()
    }

    const fn put(self, word: u64, value: u64) -> u64 {
        word & !(self.most() << self.shift) | value << self.shift
    }

    /// Adds one. A value that has reached the highest stays there for ever.
    fn add_one(self, to: Membership) -> Membership {
        Membership(self.put(to.0, (self.of(to.0) + 1).min(self.most())))
    }

    fn take_one(self, from: Membership) -> Membership {
        let fewer = match self.of(from.0) {
            value if value == self.most() => value,
            value => value.saturating_sub(1),
        };
        Membership(self.put(from.0, fewer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Membership = Membership::NONE;
    const NOW: Generation = Generation(1);

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    #[test]
    fn one_set_is_remembered_by_number_and_two_are_not() {
        let one = NONE.joining(fd(7), Some(NOW)).joined();
        assert_eq!((one.only(), one.members(), one.is_being_added()), (Some(fd(7)), 1, false));
        let two = one.joining(fd(8), Some(NOW));
        assert_eq!((two.only(), two.members(), two.is_being_added()), (None, 2, true));
    }

    #[test]
    fn a_call_that_fails_is_taken_back() {
        assert_eq!(NONE.joining(fd(7), Some(NOW)).not_joined(), NONE);
        let again = NONE.joining(fd(7), None).joined().joining(fd(7), None).not_joined();
        assert_eq!((again.only(), again.members(), again.is_being_added()), (Some(fd(7)), 1, false));
    }

    #[test]
    fn a_set_that_was_left_is_forgotten() {
        assert_eq!(NONE.member_of(fd(7), Some(NOW)).left(), NONE);
    }

    #[test]
    fn sets_are_private_until_the_process_shares_them() {
        let one = NONE.member_of(fd(7), Some(NOW));
        assert!(one.is_private(NOW) && !one.is_private(Generation(2)));
        assert!(!one.member_of(fd(8), None).is_private(NOW));
        assert!(!one.member_of(fd(8), Some(Generation(2))).is_private(Generation(2)));
        assert!(!NONE.is_private(NOW));
    }

    #[test]
    fn a_count_that_has_reached_its_highest_value_stays_high() {
        let many = (0..100).fold(NONE, |sets, _| sets.joining(fd(7), None));
        let fewer = (0..100).fold(many, |sets, _| sets.joined().left());
        assert_eq!(fewer.members(), 63);
    }

    #[test]
    fn a_set_whose_number_does_not_fit_counts_as_several() {
        assert_eq!(NONE.member_of(fd(1 << 20), None).only(), None);
    }
}
