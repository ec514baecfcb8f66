//! The documents and the code agree: a test that a document names exists, and every metric and
//! reason is documented.

use regex::Regex;
use shim_tests::built::project;
use shim_tests::markdown::{anchors, links};
use softclose_core::bounds::ENDS;
use softclose_core::counters::names::{METRICS, Metric, Series};
use softclose_core::decision::REASONS;
use softclose_core::holders::standing::DOUBTS;
use std::fs;
use std::path::{Path, PathBuf};

const OPERATIONS: &str = include_str!("../../docs/operations.md");
const ROADS: &str = include_str!("../../docs/roads.md");

/// `file::module::test` in backticks, in the last column of a table.
fn named_tests() -> Vec<Vec<&'static str>> {
    let rows = ROADS.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches([' ', '|']).rsplit("| ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    names.map(|name| name.split("::").collect()).collect()
}

/// The file that a path begins in, and what is left of the path.
fn source<'a>(path: &'a [&'a str]) -> (PathBuf, &'a [&'a str]) {
    let tests = project().join("shim-tests/tests");
    let [first, rest @ ..] = path else { panic!("an empty name") };
    match rest {
        [second, rest @ ..] if tests.join(first).is_dir() => {
            (tests.join(first).join(second).with_extension("rs"), rest)
        }
        _ => (tests.join(first).with_extension("rs"), rest),
    }
}

#[test]
fn every_test_that_the_table_of_roads_names_exists() {
    let names = named_tests();
    assert!(names.len() > 40, "{names:?}");
    for name in &names {
        let (file, inside) = source(name);
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name:?}: {}: {error}", file.display()));
        for part in inside {
            let is_there = text.contains(&format!("mod {part} {{")) || text.contains(&format!("fn {part}("));
            assert!(is_there, "{}: no {part}", file.display());
        }
    }
}

#[test]
fn every_metric_has_its_row_as_the_code_defines_it() {
    for metric in METRICS {
        let row = format!("| `{}` | {} | {} |", metric.name, metric.kind.name(), metric.help);
        assert!(OPERATIONS.contains(&row), "docs/operations.md lacks this row:\n{row}");
    }
    let rows = OPERATIONS.lines().filter(|line| line.starts_with("| `softclose_")).count();
    assert_eq!(rows, METRICS.len());
}

#[test]
fn the_documents_name_the_version_that_is_built() {
    const VERSION: &str = env!("CARGO_PKG_VERSION");
    let sentence = format!("This is version {VERSION} (");
    assert!(include_str!("../../README.md").contains(&sentence), "README.md lacks this: {sentence}");
    let (series, _) = VERSION.rsplit_once('.').expect("a version of three numbers");
    let row = format!("| {series} | yes |");
    let security = include_str!("../../SECURITY.md");
    assert!(security.contains(&row), "SECURITY.md lacks this row: {row}");
    assert_eq!(security.matches("| yes |").count(), 1, "only the latest version is supported");
}

#[test]
fn every_reason_to_leave_a_close_alone_is_explained() {
    for (_, word) in REASONS {
        assert!(OPERATIONS.contains(&format!("| `{word}` |")), "docs/operations.md does not explain {word}");
    }
}

#[test]
fn every_way_to_end_and_every_doubt_is_explained() {
    let words = ENDS.iter().map(|(_, word)| word).chain(DOUBTS.iter().map(|(_, word)| word));
    for word in words {
        assert!(OPERATIONS.contains(&format!("| `{word}` |")), "docs/operations.md does not explain {word}");
    }
}

/// The sample had left out lines in between.
#[test]
fn the_sample_of_stat_in_the_readme_begins_as_stat_does() {
    let lines = include_str!("../../README.md").lines().skip_while(|line| !line.starts_with("    $ softclosectl stat"));
    let lines = lines.skip(2).map_while(|line| line.strip_prefix("      softclose_"));
    let mut shown: Vec<_> = lines.filter_map(|line| line.split([' ', '{']).next()).collect();
    shown.dedup();
    let is_shown = |metric: &&Metric| {
        let has_number = !matches!(metric.series, Series::Info | Series::Created);
        has_number
            && (shown.contains(&&metric.name["softclose_".len()..]) || !matches!(metric.series, Series::Each { .. }))
    };
    let printed: Vec<_> = METRICS.iter().filter(is_shown).map(|metric| &metric.name["softclose_".len()..]).collect();
    assert!(shown.len() > 3 && printed.starts_with(&shown), "{shown:?}");
}

/// Every document of the project, but for what is built or belongs to git.
fn documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !matches!(&*name, "target" | ".git") {
            documents(&path, found);
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_is_in_it() {
    let mut found = Vec::new();
    documents(project(), &mut found);
    assert!(found.len() > 12, "{found:?}");
    for document in &found {
        let text = fs::read_to_string(document).expect("a document");
        for link in links(&text) {
            let place = if link.path.is_empty() { document.clone() } else { document.with_file_name(&link.path) };
            assert!(place.exists(), "{}: no {}", document.display(), link.path);
            if let Some(anchor) = &link.anchor {
                let there = anchors(&fs::read_to_string(&place).expect("a document"));
                assert!(there.contains(anchor), "{}: no {anchor} in {}", document.display(), place.display());
            }
        }
    }
}

/// Every file and directory of the project, but for what is built or belongs to git.
fn tree(directory: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(directory).expect("a directory").flatten().map(|entry| entry.path()) {
        if !path.ends_with("target") && !path.ends_with(".git") {
            found.push(path.clone());
            if path.is_dir() {
                tree(&path, found);
            }
        }
    }
}

/// Whether a path in backticks is one of our files, and not a placeholder or an example to be written.
fn is_ours(path: &str) -> bool {
    const ROOMS: [&str; 8] = ["src/", "crates/", "shim-tests/", "drain/", "engine/", "holders/", "sys/", "counters/"];
    let is_example = path.contains("NAME") || path.contains("reads_half");
    !is_example && (path.ends_with(".rs") || ROOMS.iter().any(|room| path.starts_with(room)))
}

#[test]
fn every_source_file_that_a_document_names_exists() {
    let path = Regex::new(r"`([A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*)/?`").expect("a pattern");
    let (mut found, mut all) = (Vec::new(), Vec::new());
    documents(project(), &mut found);
    tree(project(), &mut all);
    for document in &found {
        let text = fs::read_to_string(document).expect("a document");
        for name in path.captures_iter(&text).map(|found| found.extract::<1>().1[0]).filter(|name| is_ours(name)) {
            // A document names a file by as much of its path as tells it from others.
            assert!(all.iter().any(|path| path.ends_with(name)), "{}: no {name}", document.display());
        }
    }
}
