//! `--show-config`: the settings that the shim will have, and where each comes from.
//!
//! The values are read by the code that the shim uses. The command line comes before the
//! environment, as it will when the command runs.

use crate::options::Options;
use softclose_core::settings::knobs::{KNOBS, Knob, is_unknown};
use softclose_core::settings::{self, Origin};
use std::env;
use std::os::unix::ffi::OsStrExt;

/// The table of settings, and a warning for every bad value in the environment.
pub fn show(options: &Options) -> (String, Vec<String>) {
    let reading = settings::read(|name| match options.get(name) {
        Some(value) => Some(value.into()),
        None => env::var_os(name),
    });
    let rows: Vec<_> = KNOBS.iter().zip(&reading.shown).map(|(knob, shown)| row(knob, shown, options)).collect();
    (aligned(&rows), reading.warnings.iter().map(ToString::to_string).collect())
}

/// A warning for each variable that begins as ours do and is none of them: it may be mistyped, and is
/// ignored.
pub fn unknown() -> impl Iterator<Item = String> {
    let names = env::vars_os().map(|(name, _)| name).filter(|name| is_unknown(name.as_bytes()));
    names.map(|name| format!("softclose: {name:?} is no setting: it is ignored (softclose --help names all)"))
}

/// The name, the value and the origin of one knob.
fn row(knob: &Knob, (value, origin): &(String, Origin), options: &Options) -> [String; 3] {
    let value = if value.is_empty() { "(unset)" } else { value };
    let origin = match origin {
        _ if options.get(knob.env).is_some() => "command line",
        Origin::Environment => "environment",
        Origin::Default => "default",
    };
    [knob.env.to_owned(), value.to_owned(), origin.to_owned()]
}

fn aligned(rows: &[[String; 3]]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let (names, values) = (width(0).unwrap_or(0), width(1).unwrap_or(0));
    rows.iter().map(|[name, value, origin]| format!("{name:names$}  {value:values$}  {origin}\n")).collect()
}
