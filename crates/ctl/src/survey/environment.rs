//! The settings of a process that has no counters to tell them: from the environment with which it was
//! executed.

use crate::patience::patiently;
use crate::printable::printable;
use crate::proc;
use softclose_core::settings::knobs::{KNOBS, is_unknown};
use softclose_core::settings::read;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What the environment of a process says to softclose. A user can have thousands of processes, each with any number of
/// variables of any length: of each little is kept.
#[derive(Clone, Debug)]
pub struct Environment {
    /// Whether softclose is switched off.
    pub is_disabled: bool,
    /// Whether the counters are not to be published.
    pub is_unpublished: bool,
    /// The name and value of each setting.
    pub settings: Vec<(String, String)>,
    /// Names that begin as ours do, and are none of ours.
    pub unknown: Vec<String>,
}

impl Environment {
    /// Reads the environment of a process, as far as this user may.
    pub fn of(pid: u32) -> Option<Self> {
        patiently(pid, move || Some(Self::parsed(&proc::environment(pid).ok()?)))?
    }

    fn parsed(bytes: &[u8]) -> Self {
        const MOST_NAMES: usize = 16;
        const MOST_OURS: usize = KNOBS.len() + MOST_NAMES;
        let ours = bytes.split(|&byte| byte == 0).filter(|word| word.starts_with(b"SOFTCLOSE_"));
        let ours: Vec<_> = ours.take(MOST_OURS).collect();
        let value = |name: &str| ours.iter().find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let reading = read(|name| value(name).map(|value| OsStr::from_bytes(value).to_owned()));
        let shown = KNOBS.iter().zip(&reading.shown);
        let unknown = ours.iter().filter_map(|word| unknown(word)).take(MOST_NAMES);
        Self {
            is_disabled: reading.settings.disable,
            is_unpublished: !reading.settings.stats,
            settings: shown.map(|(knob, (value, _))| (knob.env.to_owned(), short(value))).collect(),
            unknown: unknown.map(|name| short(&String::from_utf8_lossy(name))).collect(),
        }
    }
}

/// The name of a variable, if it begins as ours do and is none of ours.
fn unknown(word: &[u8]) -> Option<&[u8]> {
    word.split(|&byte| byte == b'=').next().filter(|name| is_unknown(name))
}

/// The beginning of a text, with dots where it goes on.
fn short(text: &str) -> String {
    const MOST: usize = 256;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => printable(text.get(..end).unwrap_or_default()) + "...",
        None => printable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_mistyped_names_are_found() {
        let environment = Environment::parsed(b"A=1\0SOFTCLOSE_DISABLE=1\0SOFTCLOSE_IDEL\x1b=7s\0SOFTCLOSE_IDLE=7s\0");
        assert!(environment.is_disabled && !environment.is_unpublished);
        assert_eq!(environment.unknown, ["SOFTCLOSE_IDEL?"]);
        assert!(environment.settings.contains(&("SOFTCLOSE_IDLE".to_owned(), "7s".to_owned())));
        assert!(!Environment::parsed(b"\0\xff\0=\0").is_disabled);
    }

    /// Root's memory took what a thousand processes had in their environments, and the terminal 16 MB of it.
    #[test]
    fn of_long_names_and_values_only_the_beginning_is_kept() {
        let long = "X".repeat(100_000);
        let all = format!("SOFTCLOSE_{long}=1\0SOFTCLOSE_LOG_FILE=/{long}\0SOFTCLOSE_BAD=1\0");
        let environment = Environment::parsed((all.clone() + &all.repeat(20)).as_bytes());
        let kept = environment.settings.iter().map(|(_, value)| value).chain(&environment.unknown);
        assert!(kept.map(String::len).sum::<usize>() < 10_000);
        let file = environment.settings.iter().find(|(name, _)| name == "SOFTCLOSE_LOG_FILE").unwrap();
        assert!(file.1.starts_with("/XXX") && file.1.ends_with("XXX..."));
    }
}
