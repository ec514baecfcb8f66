//! The settings of a process that has no counters to tell them: from the environment with which it was
//! executed.

use crate::printable::printable;
use crate::proc;
use softclose_core::settings::knobs::{KNOBS, is_unknown};
use softclose_core::settings::{Reading, read};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// What the environment of a process says to softclose.
#[derive(Clone, Debug)]
pub struct Environment {
    reading: Reading,
    /// Names that begin as ours do, and are none of ours.
    pub unknown: Vec<String>,
}

impl Environment {
    /// Reads the environment of a process, as far as this user may.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self::parsed(&proc::environment(pid).ok()?))
    }

    fn parsed(bytes: &[u8]) -> Self {
        /// A process can have any number of them.
        const MOST_NAMES: usize = 16;
        let all = || bytes.split(|&byte| byte == 0);
        let value = |name: &str| all().find_map(|word| word.strip_prefix(name.as_bytes())?.strip_prefix(b"="));
        let reading = read(|name| value(name).map(|value| OsStr::from_bytes(value).to_owned()));
        let unknown = all().filter_map(unknown).take(MOST_NAMES).map(|name| printable(&String::from_utf8_lossy(name)));
        Self { reading, unknown: unknown.collect() }
    }

    /// Whether softclose is switched off.
    pub fn is_disabled(&self) -> bool {
        self.reading.settings.disable
    }

    /// Whether the counters are not to be published.
    pub fn is_unpublished(&self) -> bool {
        !self.reading.settings.stats
    }

    /// The name and value of each setting.
    pub fn settings(&self) -> Vec<(String, String)> {
        let shown = KNOBS.iter().zip(&self.reading.shown);
        shown.map(|(knob, (value, _))| (knob.env.to_owned(), printable(value))).collect()
    }
}

/// The name of a variable, if it begins as ours do and is none of ours.
fn unknown(word: &[u8]) -> Option<&[u8]> {
    word.split(|&byte| byte == b'=').next().filter(|name| is_unknown(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_and_mistyped_names_are_found() {
        let environment = Environment::parsed(b"A=1\0SOFTCLOSE_DISABLE=1\0SOFTCLOSE_IDEL\x1b=7s\0SOFTCLOSE_IDLE=7s\0");
        assert!(environment.is_disabled() && !environment.is_unpublished());
        assert_eq!(environment.unknown, ["SOFTCLOSE_IDEL?"]);
        assert!(environment.settings().contains(&("SOFTCLOSE_IDLE".to_owned(), "7s".to_owned())));
        assert!(!Environment::parsed(b"\0\xff\0=\0").is_disabled());
    }
}
