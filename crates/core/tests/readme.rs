//! The table of settings in the README is the one in the code.

use softclose_core::settings::knobs::KNOBS;

const README: &str = include_str!("../../../README.md");

fn row(env: &str, flag: &str, default: &str, help: &str) -> String {
    let default = if default.is_empty() { "unset".to_owned() } else { format!("`{default}`") };
    format!("| `{env}` | `--{flag}` | {default} | {help} |")
}

#[test]
fn every_knob_has_its_row_as_the_code_defines_it() {
    for knob in KNOBS {
        let row = row(knob.env, knob.flag, knob.default, knob.help);
        assert!(README.contains(&row), "README.md lacks this row:\n{row}");
    }
}

#[test]
fn the_table_has_no_row_that_the_code_does_not_know() {
    let rows = README.lines().filter(|line| line.starts_with("| `SOFTCLOSE_")).count();
    assert_eq!(rows, KNOBS.len());
}
