//! Makes a program that fails smaller, until nothing more can be left out.
//!
//! What fails is often a matter of chance, and each try takes several runs. So the
//! steps are left out in halves, quarters and so on, and arguments are not made
//! smaller: a variable has no smaller value that means the same.

use super::case::Case;
use super::hunt::{DirectorProcess, Failure, HuntTally, Judgement};

/// The most programs that are tried.
const TRIES: usize = 250;

/// Leaves out what `failure` does not need.
pub fn shrink(director: &mut DirectorProcess<'_>, failure: Failure) -> Failure {
    let mut best = failure;
    let mut tries = 0;
    let mut length = best.case.steps.len().div_ceil(2);
    loop {
        let before = best.case.steps.len();
        let mut at = 0;
        while at < best.case.steps.len() && tries < TRIES {
            tries += 1;
            match director.judge(&without(&best.case, at, length), &mut HuntTally::default()) {
                Judgement::Wrong(smaller) => best = smaller,
                _ => at += length,
            }
        }
        match length {
            1 if best.case.steps.len() == before || tries >= TRIES => return best,
            _ => length = length.div_ceil(2),
        }
    }
}

fn without(case: &Case, at: usize, length: usize) -> Case {
    let keep = |index: &usize| !(at..at + length).contains(index);
    let steps = case.steps.iter().enumerate().filter(|(index, _)| keep(index)).map(|(_, step)| *step);
    Case { steps: steps.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_left_out() {
        let case: Case = "a0 close v0;a0 close v1;a0 close v2".parse().unwrap();
        assert_eq!(without(&case, 1, 1).to_string(), "a0 close v0\na0 close v2\n");
        assert_eq!(without(&case, 1, 9).to_string(), "a0 close v0\n");
    }
}
