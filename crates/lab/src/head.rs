//! The head of a page: words of the code, with placeholders in braces. The test of each page asks
//! whether the committed page has these words.

use shim_tests::built::project;
use std::fs;

/// The parts of `head`, without its placeholders, that the page `docs/NAME` does not have. It panics
/// where there is no such page.
pub fn missing_words<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    let page = fs::read_to_string(project().join("docs").join(name)).expect("a page");
    head.split(['{', '}']).step_by(2).filter(|part| !page.contains(part)).collect()
}
