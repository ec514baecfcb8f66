//! The knobs that were given on the command line.
//!
//! Every option is one row of [`KNOBS`]; nothing here knows a knob by name. A
//! bad value is an error here, where somebody has just typed it, although the
//! shim only warns about a bad variable: it must not stop a program.

use crate::failure::Failure;
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use softclose_core::settings::{self, Warning};
use std::collections::BTreeMap;
use std::ffi::OsString;

/// Values by environment variable; the last one given wins.
#[derive(Debug, Default)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Takes the value of one option, or says what is wrong with it.
    pub fn set(&mut self, knob: &Knob, value: OsString) -> Result<(), Failure> {
        let text = value.into_string().map_err(|value| bad(knob, &format!("{value:?}"), &[]))?;
        let warnings = warnings(knob, &text);
        if !warnings.is_empty() {
            return Err(bad(knob, &format!("{text:?}"), &warnings));
        }
        self.0.insert(knob.env, text);
        Ok(())
    }

    /// The value given for the variable `env`.
    pub fn get(&self, env: &str) -> Option<&str> {
        self.0.get(env).map(String::as_str)
    }
}

/// The knob whose option is `--flag`.
pub fn knob(flag: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.flag == flag)
}

/// Whether the option of this knob has an argument. A flag has none: to give
/// it is to switch it on.
pub fn takes_value(knob: &Knob) -> bool {
    knob.kind != Kind::Flag
}

/// Asks the shim's own reader, so that the two can never disagree.
fn warnings(knob: &Knob, text: &str) -> Vec<Warning> {
    settings::read(|env| (env == knob.env).then(|| text.to_owned())).warnings
}

/// Of several rules the bad ones are named.
fn bad(knob: &Knob, value: &str, warnings: &[Warning]) -> Failure {
    let rule =
        |warning: &Warning| Some(format!("; rule {}, {:?}, is not {}", warning.rule?, warning.value, warning.allowed));
    let rules: String = warnings.iter().filter_map(rule).collect();
    Failure::own(format_args!("--{}={value} is not {}{rules}", knob.flag, knob.allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::help::{BEFORE, INSTEAD};

    #[test]
    fn a_bad_value_is_named_with_its_option_and_what_is_allowed() {
        let failure = Options::default().set(knob("idle").unwrap(), "fast".into()).unwrap_err();
        assert_eq!(failure.status, 125);
        assert_eq!(failure.message, "--idle=\"fast\" is not a duration such as 500ms, 2s or 1m");
    }

    #[test]
    fn bad_rules_are_named_with_their_places() {
        let rules = "accepted=drain;accepted=drian;local:80";
        let failure = Options::default().set(knob("rules").unwrap(), rules.into()).unwrap_err();
        assert_eq!(failure.status, 125);
        for part in
            ["; rule 2, \"accepted=drian\", is not a rule with a strategy: drain,", "; rule 3, \"local:80\", is not"]
        {
            assert!(failure.message.contains(part), "{part} is not in {}", failure.message);
        }
    }

    #[test]
    fn the_last_value_wins() {
        let mut options = Options::default();
        options.set(knob("idle").unwrap(), "1s".into()).unwrap();
        options.set(knob("idle").unwrap(), "2s".into()).unwrap();
        assert_eq!(options.get("SOFTCLOSE_IDLE"), Some("2s"));
    }

    #[test]
    fn no_knob_hides_an_option_of_the_launcher() {
        for own in INSTEAD.iter().chain(BEFORE) {
            assert!(knob(own.long).is_none(), "{own:?}");
        }
    }
}
