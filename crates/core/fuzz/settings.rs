//! Fuzzing of the settings parser. The input has a line for each variable, in the order of the table.
//! The values that are shown must be read again as the same settings, without a warning.
#![no_main]

use softclose_core::settings::knobs::KNOBS;
use softclose_core::settings::{Reading, read};

libfuzzer_sys::fuzz_target!(|text: &str| {
    let mut lines = text.lines();
    let values: Vec<_> = KNOBS.iter().map(|_| lines.next().map(str::to_owned)).collect();
    let reading = read_all(&values);
    let shown: Vec<_> = reading.shown.into_iter().map(|(value, _)| Some(value)).collect();
    let again = read_all(&shown);
    assert!(again.warnings.is_empty(), "{:?}", again.warnings);
    assert_eq!(again.settings, reading.settings);
    let refused = values.iter().zip(&shown).filter(|(value, shown)| value.is_some() && value != shown);
    let mut named: Vec<_> = reading.warnings.iter().map(|warning| warning.env).collect();
    // Of several rules each bad one has a warning of its own.
    named.dedup();
    assert_eq!(refused.count(), named.len());
});

fn read_all(values: &[Option<String>]) -> Reading {
    read(|name| values[KNOBS.iter().position(|knob| knob.env == name)?].clone())
}
