//! The settings on the command line.
//!
//! Every option is a row of [`KNOBS`]; no setting is named here. A bad value on the command line is
//! an error: a user has just typed it. For a bad variable the shim only prints a warning, as it
//! must not stop a program.

use crate::failure::Failure;
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use softclose_core::settings::{self, Warning};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

/// The values that were given, by environment variable. Of several values the last one counts.
#[derive(Debug, Default)]
pub struct Options(BTreeMap<&'static str, String>);

impl Options {
    /// Takes the value of one option. A bad value is an error.
    pub fn set(&mut self, knob: &Knob, value: OsString) -> Result<(), Failure> {
        let warnings = warnings(knob, &value);
        match value.into_string() {
            Ok(text) if warnings.is_empty() => {
                self.0.insert(knob.env, text);
                Ok(())
            }
            Ok(text) => Err(bad(knob, &format!("{text:?}"), &warnings)),
            Err(value) => Err(bad(knob, &format!("{value:?}"), &warnings)),
        }
    }

    /// The value that was given for the variable `env`.
    pub fn get(&self, env: &str) -> Option<&str> {
        self.0.get(env).map(String::as_str)
    }
}

/// The knob whose option is `--flag`.
pub fn knob(flag: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.flag == flag)
}

/// Whether the option of this knob has an argument. A flag has none: giving it switches it on.
pub fn takes_value(knob: &Knob) -> bool {
    knob.kind != Kind::Flag
}

/// The warnings that the shim would print for this value: both use the same reader.
fn warnings(knob: &Knob, value: &OsStr) -> Vec<Warning> {
    settings::read(|env| (env == knob.env).then(|| value.to_owned())).warnings
}

/// The error about a bad value. Where it has several rules, the bad ones are named.
fn bad(knob: &Knob, value: &str, warnings: &[Warning]) -> Failure {
    let rule = |warning: &Warning| {
        let (place, rule) = warning.rule.as_ref()?;
        Some(format!("; rule {place}, {rule:?}: {:?} is not {}", warning.value, warning.allowed))
    };
    let rules: String = warnings.iter().filter_map(rule).collect();
    let whole = warnings.iter().find(|warning| warning.rule.is_none());
    let allowed = whole.map_or(knob.allowed, |warning| warning.allowed);
    Failure::own(format_args!("--{}={value} is not {allowed}{rules}", knob.flag))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::help::{BEFORE, INSTEAD};

    #[test]
    fn a_bad_value_is_named_with_its_option_and_what_is_allowed() {
        let failure = Options::default().set(knob("idle").unwrap(), "fast".into()).unwrap_err();
        assert_eq!(failure.status, 125);
        assert_eq!(failure.message, "--idle=\"fast\" is not a duration such as 500ms, 2s, 1m or 1h, at most 24 hours");
    }

    /// The message said of an absolute path that it was none.
    #[test]
    fn a_value_that_is_no_text_is_said_to_be_none() {
        use std::os::unix::ffi::OsStringExt;
        for knob in KNOBS {
            let failure = Options::default().set(knob, OsString::from_vec(b"/\xff.log".to_vec())).unwrap_err();
            assert_eq!(failure.message, format!("--{}=\"/\\xFF.log\" is not text in UTF-8", knob.flag));
        }
    }

    #[test]
    fn bad_rules_are_named_with_their_places() {
        let rules = "accepted=drain;accepted=drian;local:80";
        let failure = Options::default().set(knob("rules").unwrap(), rules.into()).unwrap_err();
        assert_eq!(failure.status, 125);
        for part in [
            "; rule 2, \"accepted=drian\": \"drian\" is not a strategy: drain,",
            "; rule 3, \"local:80\": \"local:80\" is not",
        ] {
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
