//! From an environment to [`Settings`], with a warning for every bad value.
//!
//! A bad value in the environment never stops the program: the default is used, and the warning says
//! so.
//!
//! Context: the constructor and the launcher; it allocates.

use super::knobs::{KNOBS, Kind, Knob};
use super::parsed::{DrainBy, LogLevel, Settings};
use super::role::RolePolicy;
use super::rules::{Refused, Rules};
use super::strategy::Strategy;
use super::value;
use std::ffi::OsString;
use std::fmt;

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The variable is set, and its value is understood.
    Environment,
    /// The variable is not set, or its value is bad.
    Default,
}

/// A bad value, what is allowed, and what is used instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The environment variable.
    pub env: &'static str,
    /// The value as it was found.
    pub value: String,
    /// What is allowed.
    pub allowed: &'static str,
    /// The default, which is used instead.
    pub used: &'static str,
    /// Where the value is part of a rule: the position of the rule, from 1 on, and the whole of it. The other
    /// rules stay in force.
    pub rule: Option<(usize, String)>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { env, value, allowed, used, rule } = self;
        if let Some((place, rule)) = rule {
            return write!(
                f,
                "softclose: {env}: rule {place}, {rule:?}: {value:?} is not {allowed}; the rule is ignored"
            );
        }
        write!(f, "softclose: {env}={value:?} is not {allowed}; using ")?;
        if used.is_empty() { write!(f, "the default (unset)") } else { write!(f, "{used}") }
    }
}

/// The settings in force, where their values come from, and warnings.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The settings in force.
    pub settings: Settings,
    /// A warning for every bad value or rule, in the order of [`KNOBS`].
    pub warnings: Vec<Warning>,
    /// The value in force of every setting and its origin, in the order of [`KNOBS`].
    pub shown: Vec<(String, Origin)>,
}

/// What every value must be.
const TEXT: &str = "text in UTF-8";

/// Reads every setting. `lookup` answers the value of an environment variable, or `None` where it is
/// not set.
pub fn read<Value: Into<OsString>>(lookup: impl Fn(&str) -> Option<Value>) -> Reading {
    let mut reading = Reading { settings: Settings::DEFAULT, warnings: Vec::new(), shown: Vec::new() };
    for knob in KNOBS {
        let shown = match lookup(knob.env).map(|value| value.into().into_string()) {
            Some(Ok(text)) => reading.take(knob, text),
            // Another text would be another value: a log would go to another file.
            Some(Err(bytes)) => {
                reading.refuse(Warning { allowed: TEXT, ..warning(knob, bytes.to_string_lossy().into_owned()) })
            }
            None => (knob.default.to_owned(), Origin::Default),
        };
        reading.shown.push(shown);
    }
    reading
}

impl Reading {
    /// Puts a value in force, as far as it is good.
    fn take(&mut self, knob: &Knob, text: String) -> (String, Origin) {
        match apply(&mut self.settings, knob, &text) {
            Some(()) => (text, Origin::Environment),
            None if knob.kind == Kind::Rules => self.in_part(knob, &text),
            None => self.refuse(warning(knob, text)),
        }
    }

    /// Leaves the default in force, with a warning.
    fn refuse(&mut self, warning: Warning) -> (String, Origin) {
        let default = warning.used.to_owned();
        self.warnings.push(warning);
        (default, Origin::Default)
    }

    /// Puts the good rules of a text in force, and adds a warning for each bad one.
    fn in_part(&mut self, knob: &Knob, text: &str) -> (String, Origin) {
        let mut kept = Vec::new();
        self.settings.rules = Rules::parse(text, |place, rule, outcome| match outcome {
            Ok(()) => kept.push(rule.to_owned()),
            Err(Refused { part, allowed }) => {
                let rule = Some((place, rule.to_owned()));
                self.warnings.push(Warning { rule, allowed, ..warning(knob, part.to_owned()) });
            }
        });
        let origin = if kept.is_empty() { Origin::Default } else { Origin::Environment };
        (kept.join(";"), origin)
    }
}

fn warning(knob: &Knob, value: String) -> Warning {
    Warning { env: knob.env, value, allowed: knob.allowed, used: knob.default, rule: None }
}

/// Stores the value of one setting; `None` where it is bad.
fn apply(settings: &mut Settings, knob: &Knob, text: &str) -> Option<()> {
    match knob.env {
        "SOFTCLOSE_DISABLE" => settings.disable = value::flag(text)?,
        "SOFTCLOSE_TIMEOUT" => settings.timeout_ms = value::duration_ms(text)?,
        "SOFTCLOSE_IDLE" => settings.idle_ms = value::duration_ms(text)?,
        "SOFTCLOSE_MAX_BYTES" => settings.max_bytes = value::size(text)?,
        "SOFTCLOSE_CONNECTED_MAX_BYTES" => settings.connected_max_bytes = value::size(text)?,
        "SOFTCLOSE_MAX_PENDING" => settings.max_pending = value::count(text)?,
        "SOFTCLOSE_EXIT_TIMEOUT" => settings.exit_timeout_ms = value::duration_ms(text)?,
        "SOFTCLOSE_SHUTDOWN_GRACE" => settings.shutdown_grace_ms = value::duration_ms(text)?,
        "SOFTCLOSE_ROLE" => settings.role = role(text)?,
        "SOFTCLOSE_STRATEGY" => settings.strategy = Strategy::named(text)?,
        "SOFTCLOSE_PEER_FIRST" => settings.peer_first_ms = value::duration_ms(text)?,
        "SOFTCLOSE_RULES" => set_rules(&mut settings.rules, text)?,
        "SOFTCLOSE_ENGINE" => settings.engine = engine(text)?,
        "SOFTCLOSE_LOG" => settings.log = log_level(text)?,
        "SOFTCLOSE_LOG_FILE" => settings.log_file = log_file(text)?,
        "SOFTCLOSE_STATS" => settings.stats = value::flag(text).filter(|_| matches!(text, "on" | "off"))?,
        "SOFTCLOSE_STATS_DIR" => settings.stats_dir = path(text)?,
        _ => return None,
    }
    Some(())
}

fn role(text: &str) -> Option<RolePolicy> {
    match text {
        "both" => Some(RolePolicy::Both),
        "accepted" => Some(RolePolicy::Accepted),
        "connected" => Some(RolePolicy::Connected),
        _ => None,
    }
}

/// Puts the rules in force if all of them are good. Not inlined, so that they are on the stack only
/// here: they take half a page of memory.
#[inline(never)]
fn set_rules(rules: &mut Rules, text: &str) -> Option<()> {
    let mut all_good = true;
    let read = Rules::parse(text, |_, _, outcome| all_good &= outcome.is_ok());
    all_good.then(|| *rules = read)
}

fn engine(text: &str) -> Option<DrainBy> {
    match text {
        "thread" => Some(DrainBy::Thread),
        "inline" => Some(DrainBy::Inline),
        _ => None,
    }
}

fn log_level(text: &str) -> Option<LogLevel> {
    match text {
        "off" => Some(LogLevel::Off),
        "error" => Some(LogLevel::Error),
        "info" => Some(LogLevel::Info),
        "debug" => Some(LogLevel::Debug),
        _ => None,
    }
}

fn log_file(text: &str) -> Option<String> {
    match text.strip_prefix("syslog") {
        Some("") => Some(text.to_owned()),
        Some(rest) => rest.strip_prefix(":/").map(|_| text.to_owned()),
        None => path(text),
    }
}

fn path(text: &str) -> Option<String> {
    (text.is_empty() || text.starts_with('/')).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The defaults are written down twice, as text for users and as values for programs that set nothing.
    #[test]
    fn the_defaults_are_those_of_the_table() {
        let mut settings = Settings {
            disable: true,
            timeout_ms: 1,
            idle_ms: 1,
            max_bytes: 1,
            connected_max_bytes: 1,
            max_pending: Some(1),
            exit_timeout_ms: 1,
            shutdown_grace_ms: 1,
            role: RolePolicy::Connected,
            strategy: Strategy::Abort,
            peer_first_ms: 1,
            engine: DrainBy::Inline,
            log: LogLevel::Debug,
            stats: false,
            ..Settings::DEFAULT
        };
        // Those with an empty default are empty.
        for knob in KNOBS.iter().filter(|knob| !knob.default.is_empty()) {
            assert!(apply(&mut settings, knob, knob.default).is_some(), "{}", knob.env);
        }
        assert_eq!(settings, Settings::DEFAULT);
    }

    #[test]
    fn a_bad_value_is_named_and_the_default_is_used() {
        let reading = read(|name| (name == "SOFTCLOSE_IDLE").then(|| "fast".to_owned()));
        assert_eq!(reading.settings, Settings::DEFAULT);
        assert_eq!(
            reading.warnings[0].to_string(),
            "softclose: SOFTCLOSE_IDLE=\"fast\" is not a duration such as 500ms, 2s, 1m or 1h, at most 24 hours; using 5s"
        );
    }

    /// A log went to another file, in whose name a question mark stood for the byte.
    #[test]
    fn a_value_that_is_no_text_is_refused() {
        use std::os::unix::ffi::OsStringExt;
        for knob in KNOBS {
            let reading = read(|name| (name == knob.env).then(|| OsString::from_vec(b"/tmp/\xff.log".to_vec())));
            assert_eq!(reading.settings, Settings::DEFAULT);
            let [warning] = &reading.warnings[..] else { panic!("{:?}", reading.warnings) };
            assert_eq!((warning.env, warning.allowed), (knob.env, "text in UTF-8"));
        }
    }

    /// The message about `1441m` said that it was no duration.
    #[test]
    fn what_is_allowed_says_how_long_a_duration_may_be() {
        let hours = format!("at most {} hours", value::MAX_DURATION_MS / 3_600_000);
        for knob in KNOBS.iter().filter(|knob| knob.kind == Kind::Duration) {
            assert!(knob.allowed.contains(&hours), "{}", knob.env);
        }
    }

    /// softclose(7) named two of the eight words.
    #[test]
    fn what_is_allowed_names_every_word_of_a_flag() {
        for knob in KNOBS.iter().filter(|knob| knob.kind == Kind::Flag) {
            let words = knob.allowed.split(|one: char| !one.is_alphanumeric());
            assert_eq!(words.filter(|word| value::flag(word).is_some()).count(), 8, "{}", knob.env);
        }
    }

    #[test]
    fn a_good_value_is_used_and_says_where_it_comes_from() {
        let reading = read(|name| (name == "SOFTCLOSE_ENGINE").then(|| "inline".to_owned()));
        assert_eq!(reading.settings.engine, DrainBy::Inline);
        let at = KNOBS.iter().position(|knob| knob.env == "SOFTCLOSE_ENGINE").unwrap();
        assert_eq!(reading.shown[at], ("inline".to_owned(), Origin::Environment));
        assert!(reading.warnings.is_empty());
    }

    /// Of a rule with five conditions it was not said which is bad.
    #[test]
    fn a_bad_rule_is_named_with_its_place_and_its_bad_part_and_the_others_stay_in_force() {
        let text = "local:80=drain;accepted,bogus=abort;accepted=abort";
        let reading = read(|name| (name == "SOFTCLOSE_RULES").then(|| text.to_owned()));
        assert_eq!(
            reading.settings.rules,
            Rules::parse("local:80=drain;accepted=abort", |_, _, outcome| assert!(outcome.is_ok()))
        );
        let at = KNOBS.iter().position(|knob| knob.env == "SOFTCLOSE_RULES").unwrap();
        assert_eq!(reading.shown[at], ("local:80=drain;accepted=abort".to_owned(), Origin::Environment));
        let [warning] = &reading.warnings[..] else { panic!("{:?}", reading.warnings) };
        let begin =
            "softclose: SOFTCLOSE_RULES: rule 2, \"accepted,bogus=abort\": \"bogus\" is not a condition such as";
        assert!(warning.to_string().starts_with(begin), "{warning}");
        assert!(warning.to_string().ends_with("; the rule is ignored"), "{warning}");
    }

    #[test]
    fn a_relative_log_file_is_refused() {
        let reading = read(|name| (name == "SOFTCLOSE_LOG_FILE").then(|| "log".to_owned()));
        assert_eq!(reading.settings.log_file, "");
        assert_eq!(reading.warnings.len(), 1);
    }

    #[test]
    fn syslog_is_a_log_file_with_or_without_the_path_of_its_socket() {
        for good in ["syslog", "syslog:/run/log", "/var/log/syslog", ""] {
            assert_eq!(log_file(good).as_deref(), Some(good));
        }
        for bad in ["syslog:", "syslog:log", "syslogd", "log"] {
            assert_eq!(log_file(bad), None, "{bad}");
        }
    }
}
