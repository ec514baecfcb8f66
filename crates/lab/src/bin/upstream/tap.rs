//! The Test Anything Protocol, <https://testanything.org/tap-specification.html>.

use crate::outcome::{TestOutcome, TestOutcomes};

/// A line `ok 12 - description # SKIP why`, as (description, outcome). The number
/// says nothing: some suites run in another order each time, and a test that is run
/// alone is number 1. A `# TODO` that fails is expected to.
pub fn parse(line: &str) -> Option<(&str, TestOutcome)> {
    let (verdict, rest) = match line.strip_prefix("not ok ") {
        Some(rest) => (TestOutcome::Failed, rest),
        None => (TestOutcome::Passed, line.strip_prefix("ok ")?),
    };
    let (test, directive) = rest.split_once(" # ").unwrap_or((rest, ""));
    let says = |word: &str| directive.trim_start().get(..4).is_some_and(|start| start.eq_ignore_ascii_case(word));
    let outcome = match () {
        () if says("skip") => TestOutcome::Skipped,
        () if says("todo") => TestOutcome::Passed,
        () => verdict,
    };
    let is_test = test.starts_with(|first: char| first.is_ascii_digit());
    let name = test.split_once(" - ").map_or(test, |(_, description)| description);
    is_test.then_some((name.trim_end(), outcome))
}

/// Every test in `lines`, with `prefix` before its name.
pub fn outcomes(lines: &[String], prefix: &str) -> TestOutcomes {
    let mut outcomes = TestOutcomes::default();
    for (test, outcome) in lines.iter().filter_map(|line| parse(line)) {
        outcomes.note(&format!("{prefix}{test}"), outcome);
    }
    outcomes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_are_read_and_others_are_not() {
        assert_eq!(parse("ok 1 - tcp_open"), Some(("tcp_open", TestOutcome::Passed)));
        assert_eq!(parse("not ok 22 - fs_copyfile"), Some(("fs_copyfile", TestOutcome::Failed)));
        assert_eq!(parse("ok 3 - udp # SKIP no such thing"), Some(("udp", TestOutcome::Skipped)));
        assert_eq!(parse("not ok 4 - later # TODO not yet"), Some(("later", TestOutcome::Passed)));
        assert_eq!(parse("ok 5"), Some(("5", TestOutcome::Passed)));
        assert_eq!(parse("# not ok 4"), None);
        assert_eq!(parse("ok then"), None);
    }
}
