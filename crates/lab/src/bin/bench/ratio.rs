//! Arms that take turns, and what is said of the points that come out.
//!
//! A machine that others use is faster in one second than in the next. So the arms of
//! a measure alternate in one run, each round in another order, and a figure is the
//! median of the ratios of the rounds, never the ratio of two medians.

use shim_tests::shim::Shim;

/// One way to do what is measured, as a function that runs it once.
pub type Arm<'a, T> = Box<dyn FnMut() -> T + 'a>;

/// Makes an arm of `run`, which is called once a round.
pub fn arm<'a, T>(run: impl FnMut() -> T + 'a) -> Arm<'a, T> {
    Box::new(run)
}

/// What each arm found, in order of the rounds.
pub type Rounds<T> = Vec<Vec<T>>;

/// Runs all arms in each round, and once before, unrecorded: caches and tables of the
/// kernel are then as they stay. Every other round goes backwards, and each two begin
/// with another arm.
pub fn alternate<T>(rounds: usize, mut arms: Vec<Arm<T>>) -> Rounds<T> {
    let mut found: Rounds<T> = arms.iter().map(|_| Vec::new()).collect();
    for arm in &mut arms {
        arm();
    }
    for round in 0..rounds {
        for at in order(round, arms.len()) {
            let one = arms[at]();
            found[at].push(one);
        }
    }
    found
}

/// [`alternate`] with two arms: the same run without softclose, and with it.
pub fn without_and_with<T>(rounds: usize, run: impl Fn(Shim) -> T) -> Rounds<T> {
    let run = &run;
    alternate(rounds, Shim::BOTH.map(|shim| arm(move || run(shim))).into())
}

fn order(round: usize, arms: usize) -> Vec<usize> {
    let mut order: Vec<_> = (0..arms).map(|at| (at + round / 2) % arms).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// One figure of what each run of an arm found.
pub fn figures<T>(found: &[T], figure: impl Fn(&T) -> f64) -> Vec<f64> {
    found.iter().map(figure).collect()
}

/// The ratios, round by round.
pub fn ratios(measured: &[f64], bare: &[f64]) -> Vec<f64> {
    measured.iter().zip(bare).map(|(measured, bare)| measured / bare).collect()
}

/// The differences, round by round.
pub fn differences(measured: &[f64], bare: &[f64]) -> Vec<f64> {
    measured.iter().zip(bare).map(|(measured, bare)| measured - bare).collect()
}

/// The middle of some points, and how far they lie apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// A quarter of the points is below.
    pub lower: f64,
    /// Half of them is.
    pub median: f64,
    /// Three quarters are.
    pub upper: f64,
}

impl Spread {
    /// The spread of at least one point.
    pub fn of(points: &[f64]) -> Self {
        let mut sorted = points.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let place = part * (sorted.len() - 1) as f64;
            let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
            below + (above - below) * place.fract()
        };
        Self { lower: at(0.25), median: at(0.5), upper: at(0.75) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_runs_once_a_round_and_each_is_the_first_in_turn() {
        for arms in 2..5 {
            let firsts: Vec<_> = (0..2 * arms).map(|round| order(round, arms)[0]).collect();
            assert!((0..arms).all(|arm| firsts.contains(&arm)), "{firsts:?}");
            let mut sorted = order(3, arms);
            sorted.sort();
            assert_eq!(sorted, (0..arms).collect::<Vec<_>>());
        }
    }

    #[test]
    fn quartiles_lie_between_the_points() {
        let spread = Spread::of(&[4.0, 1.0, 3.0, 2.0]);
        assert_eq!(spread, Spread { lower: 1.75, median: 2.5, upper: 3.25 });
        assert_eq!(Spread::of(&[7.0]).median, 7.0);
    }

    #[test]
    fn the_first_run_of_each_arm_is_not_recorded() {
        let mut count = 0;
        let found = alternate(
            2,
            vec![arm(|| {
                count += 1;
                count
            })],
        );
        assert_eq!(found, [[2, 3]]);
    }
}
