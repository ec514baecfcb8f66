//! Writes `docs/upstream.md`.

use crate::compare::ROUNDS;
use crate::outcome::TestOutcome;
use crate::report::{BothRuns, Cause, Comparison, Difference, SuiteReport};
use shim_tests::built::project;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

/// The path of the page.
pub fn path() -> PathBuf {
    project().join("docs/upstream.md")
}

/// The text of the page about `suites`. A suite that did not run now keeps its part of the `old`
/// page.
pub fn of(suites: &[&str], reports: &[SuiteReport], old: &str) -> String {
    let part = |new: fn(&SuiteReport) -> String, kept: fn(&str, &str) -> Option<String>| {
        let report = |name: &str| reports.iter().find(|report| report.name == name);
        let parts = suites.iter().filter_map(|name| report(name).map(new).or_else(|| kept(old, name)));
        parts.collect::<String>()
    };
    format!("{}\n{TABLE}{}{}", head(), part(row, kept_row), part(section, kept_section))
}

fn kept_row(page: &str, name: &str) -> Option<String> {
    let start = format!("| [{name}](");
    page.lines().find(|line| line.starts_with(&start)).map(|line| format!("{line}\n"))
}

fn kept_section(page: &str, name: &str) -> Option<String> {
    let title = format!("\n## {name}\n");
    let (_, rest) = page.split_once(&title)?;
    let body = rest.split_once("\n## ").map_or(rest, |(body, _)| body);
    Some(format!("{title}{body}"))
}

fn head() -> String {
    format!(
        "# Other people's test suites

`make upstream` makes this page. It runs each suite twice: without softclose, and with softclose preloaded into everything that the
suite starts. `SUITES` chooses some of the suites; the others keep their part of this page. A test that passes natively must pass with
softclose.

A test that passes natively and not with softclose runs again, {ROUNDS} times each way, in turn. It is *broken* if it never fails natively and
fails at least once with softclose. It is also *broken* if it passes at least once natively and never with softclose. Otherwise it is
*flaky*. A test that differs *by design* is named with the reason, and does not run again. A broken test makes `make upstream` fail. After a run,
`target/upstream/SUITE` has the outcome of every test (`outcomes.tsv`) and all logs.

Each suite runs as root, in a network namespace of its own.
"
    )
}

const TABLE: &str = "\
| suite | version | tests | passed natively | of these, passed with softclose | flaky | by design | broken |
|---|---|---|---|---|---|---|---|
";

fn row(report: &SuiteReport) -> String {
    let cells = match &report.result {
        Err(reason) => format!("skipped: {reason} |||||||"),
        Ok(Comparison { version, found: all }) => {
            let passed = all.native.count(TestOutcome::Passed);
            let count = |is: fn(Cause) -> bool| all.differences.iter().filter(|found| is(found.verdict)).count();
            let flaky = count(|verdict| verdict == Cause::Flaky);
            let by_design = count(|verdict| matches!(verdict, Cause::ByDesign(_)));
            let broken = count(|verdict| verdict == Cause::Broken);
            let both = passed - all.differences.len();
            let tests = all.native.len();
            format!("{version} | {tests} | {passed} | {both} | {flaky} | {by_design} | {broken} |")
        }
    };
    format!("| [{0}](#{0}) | {cells}\n", report.name)
}

fn section(report: &SuiteReport) -> String {
    let mut text = format!("\n## {}\n\n{}.\n", report.name, report.origin);
    match &report.result {
        Err(reason) => writeln!(text, "\nskipped: {reason}").expect("a string takes all"),
        Ok(comparison) => text += &details(&comparison.found),
    }
    let left_out = report.left_out.iter().map(|(test, reason)| format!("`{test}`: {reason}"));
    text + &list("Not run:", left_out)
}

fn details(all: &BothRuns) -> String {
    let differences = |is: fn(Cause) -> bool| all.differences.iter().filter(move |found| is(found.verdict));
    let failed =
        all.native.iter().filter(|(_, outcome)| matches!(outcome, TestOutcome::Failed | TestOutcome::Unfinished));
    let failed = failed.map(|(test, outcome)| {
        let shimmed = all.shimmed.of(test).map_or("nothing heard", TestOutcome::word);
        format!("`{test}`: {} natively, {shimmed} with softclose", outcome.word())
    });
    let skipped = all.native.iter().filter(|(_, outcome)| *outcome == TestOutcome::Skipped);
    let skipped: Vec<_> = skipped.map(|(test, _)| format!("`{test}`")).collect();
    [
        list("Broken:", differences(|verdict| verdict == Cause::Broken).map(line)),
        by_design(&all.differences),
        list("Flaky:", differences(|verdict| verdict == Cause::Flaky).map(line)),
        list("Did not pass natively, so they show nothing about softclose:", failed),
        list("Programs that did not end, or that a signal ended:", all.troubles.iter().cloned()),
        folded("skipped by the suite itself", &skipped),
    ]
    .concat()
}

/// A list for each reason.
fn by_design(differences: &[Difference]) -> String {
    let mut tests: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for found in differences {
        if let Cause::ByDesign(reason) = found.verdict {
            tests.entry(reason).or_default().push(format!("`{}`", found.test));
        }
    }
    tests.into_iter().map(|(reason, tests)| list(&format!("By design: {reason}."), tests.into_iter())).collect()
}

fn line(found: &Difference) -> String {
    let again = found.tally.map(|tally| {
        format!("; run again, it passed {} of {ROUNDS} times, and natively {}", tally.shimmed, tally.native)
    });
    format!("`{}`: {}{}", found.test, found.shimmed, again.unwrap_or_default())
}

fn list(title: &str, lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| format!("- {line}\n")).collect();
    if lines.is_empty() { lines } else { format!("\n{title}\n\n{lines}") }
}

fn folded(title: &str, names: &[String]) -> String {
    if names.is_empty() {
        return String::new();
    }
    let names_of_all = names.join("\n");
    format!("\n<details><summary>{} {title}</summary>\n\n{names_of_all}\n\n</details>\n", names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skipped(name: &'static str, reason: &str) -> SuiteReport {
        SuiteReport { name, origin: "nowhere", left_out: &[], result: Err(reason.to_owned()) }
    }

    #[test]
    fn the_page_has_the_words_of_the_code() {
        assert!(std::fs::read_to_string(path()).unwrap().starts_with(&head()));
    }

    #[test]
    fn a_suite_that_does_not_run_keeps_what_the_page_says_of_it() {
        let suites = ["a", "b", "c"];
        let old = of(&suites, &suites.map(|name| skipped(name, "old")), "");
        assert_eq!(of(&suites, &[], &old), old);
        let new = of(&suites, &[skipped("b", "new")], &old);
        assert_eq!(new, of(&suites, &[skipped("a", "old"), skipped("b", "new"), skipped("c", "old")], ""));
    }
}
