//! How much of a processor the looks at threads may take: a tenth.
//!
//! Context: the looker only; arithmetic without a system call.

/// The account of the looker; all times are in microseconds.
///
/// Each look is paid for by a rest of ten times its length. After a quiet time some looks may
/// come before their rests, so that a drain in an idle process does not wait for them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credit {
    /// When the rests for all looks so far will be over.
    paid_at: u64,
}

impl Credit {
    const TIMES: u64 = 10;
    /// How much rest may be owed.
    const BURST: u64 = 100_000;
    /// No rest is longer: the drainer counts on an answer.
    const LONGEST_REST: u64 = 500_000;

    /// How long the looker has to rest before the next look.
    pub fn rest(self, now: u64) -> u64 {
        self.paid_at.saturating_sub(now + Self::BURST).min(Self::LONGEST_REST)
    }

    /// A look that has ended `now` has taken so much processor time.
    pub fn charge(&mut self, took: u64, now: u64) {
        self.paid_at = self.paid_at.max(now) + took.saturating_mul(Self::TIMES).min(Self::LONGEST_REST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_quiet_time_ten_milliseconds_of_looks_need_no_rest() {
        let mut credit = Credit::default();
        let now = 1_000_000;
        (0..10).for_each(|_| {
            assert_eq!(credit.rest(now), 0);
            credit.charge(1000, now);
        });
        credit.charge(1000, now);
        assert_eq!(credit.rest(now), 10_000);
        assert_eq!(credit.rest(now + 10_000), 0);
    }

    #[test]
    fn looks_take_a_tenth_of_a_processor() {
        let (mut credit, mut now, mut taken) = (Credit::default(), 0, 0);
        while now < 10_000_000 {
            now += credit.rest(now) + 700;
            credit.charge(700, now);
            taken += 700;
        }
        assert!(taken <= now / 10 + Credit::BURST / 10 + 700, "{taken} of {now}");
    }
}
