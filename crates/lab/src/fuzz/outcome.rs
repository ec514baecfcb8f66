//! What a run came to: what the program saw, and what its peer did.
//!
//! Written on one line by the process that plays the peer, and read by the test.

use std::fmt;
use std::str::FromStr;

/// How a connection looks to the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on.
    Open,
    /// The program's FIN has come.
    Eof,
    /// It was reset.
    Reset,
    /// The peer itself has closed it.
    Closed,
}

const ENDS: [(End, &str); 4] = [(End::Open, "open"), (End::Eof, "eof"), (End::Reset, "reset"), (End::Closed, "closed")];

/// Bytes, as runs of the same value: each step writes a value of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(pub Vec<(u8, usize)>);

impl Runs {
    /// Adds what came next.
    pub fn take(&mut self, bytes: &[u8]) {
        bytes.chunk_by(|a, b| a == b).for_each(|run| self.push(run[0], run.len()));
    }

    /// Adds `count` bytes of one value.
    pub fn push(&mut self, value: u8, count: usize) {
        match self.0.last_mut() {
            _ if count == 0 => {}
            Some((last, length)) if *last == value => *length += count,
            _ => self.0.push((value, count)),
        }
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many bytes of that value.
    pub fn count(&self, value: u8) -> usize {
        self.0.iter().filter(|(candidate, _)| *candidate == value).map(|(_, count)| count).sum()
    }

    /// Whether `other` begins with these bytes.
    pub fn begins(&self, other: &Self) -> bool {
        let Some(((value, count), before)) = self.0.split_last() else { return true };
        let there = other.0.get(before.len()).copied();
        other.0.starts_with(before) && there.is_some_and(|(same, most)| same == *value && most >= *count)
    }
}

/// What one connection came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionReport {
    /// How it ended.
    pub end: End,
    /// What the peer received.
    pub received: Runs,
    /// What the program is known to have written: not what stdio wrote for it.
    pub written: Runs,
    /// The program's last word was `SO_LINGER{1,0}`.
    pub wants_reset: bool,
    /// It was in a message with descriptors.
    pub was_passed: bool,
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunOutcome {
    /// What each step answered, and the program's end: all that it could see.
    pub seen: Vec<String>,
    /// What the peer saw at each check, of which connection.
    pub checks: Vec<(usize, End)>,
    /// What each connection came to.
    pub links: Vec<ConnectionReport>,
    /// What it wrote to standard error.
    pub stderr: String,
    /// The first thing that did not end.
    pub hung: Option<String>,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = ENDS.iter().find(|(end, _)| end == self);
        f.write_str(found.map_or("", |(_, name)| name))
    }
}

impl FromStr for End {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        ENDS.iter().find(|(_, name)| *name == text).map(|(end, _)| *end).ok_or(())
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("-")?;
        self.0.iter().try_for_each(|(value, count)| write!(f, ",{value}x{count}"))
    }
}

impl FromStr for Runs {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let run = |word: &str| -> Option<(u8, usize)> {
            let (value, count) = word.split_once('x')?;
            Some((value.parse().ok()?, count.parse().ok()?))
        };
        text.split(',').skip(1).map(run).collect::<Option<_>>().map(Self).ok_or(())
    }
}

impl fmt::Display for ConnectionReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { end, received, written, wants_reset, was_passed } = self;
        write!(f, "{end} {received} {written} {wants_reset} {was_passed}")
    }
}

impl FromStr for ConnectionReport {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let words: Vec<&str> = text.split(' ').collect();
        let [end, received, written, wants_reset, was_passed] = words[..] else { return Err(()) };
        Ok(Self {
            end: end.parse()?,
            received: received.parse()?,
            written: written.parse()?,
            wants_reset: wants_reset == "true",
            was_passed: was_passed == "true",
        })
    }
}

/// Between the parts of an outcome on its line.
const TAB: &str = "\t";

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.seen.iter().try_for_each(|text| write!(f, "seen {text}{TAB}"))?;
        self.checks.iter().try_for_each(|(link, end)| write!(f, "check {link} {end}{TAB}"))?;
        self.links.iter().try_for_each(|link| write!(f, "link {link}{TAB}"))?;
        self.hung.iter().try_for_each(|what| write!(f, "hung {what}{TAB}"))?;
        write!(f, "stderr {}", self.stderr.replace(['\n', '\t'], "|"))
    }
}

impl FromStr for RunOutcome {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut outcome = Self::default();
        for part in line.split(TAB) {
            let (kind, text) = part.split_once(' ').unwrap_or((part, ""));
            match kind {
                "seen" => outcome.seen.push(text.to_owned()),
                "check" => outcome.checks.push(parse_check(text)?),
                "link" => outcome.links.push(text.parse()?),
                "hung" => outcome.hung = Some(text.to_owned()),
                "stderr" => outcome.stderr = text.to_owned(),
                _ => return Err(()),
            }
        }
        Ok(outcome)
    }
}

fn parse_check(text: &str) -> Result<(usize, End), ()> {
    let (link, end) = text.split_once(' ').ok_or(())?;
    Ok((link.parse().map_err(|_| ())?, end.parse()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_begin_runs() {
        let runs = |text: &str| text.parse::<Runs>().unwrap();
        assert!(runs("-").begins(&runs("-,1x5")));
        assert!(runs("-,1x5,2x1").begins(&runs("-,1x5,2x9,3x1")));
        assert!(!runs("-,1x5,2x1").begins(&runs("-,1x6,2x9")));
        assert!(!runs("-,1x5").begins(&runs("-,1x4")));
    }

    #[test]
    fn an_outcome_survives_its_line() {
        let link = ConnectionReport {
            end: End::Eof,
            received: "-,7x100".parse().unwrap(),
            written: Runs::default(),
            wants_reset: true,
            was_passed: false,
        };
        let outcome = RunOutcome {
            seen: vec!["a0 close v1: 0".to_owned(), String::new()],
            checks: vec![(1, End::Open)],
            links: vec![link],
            stderr: "a|b".to_owned(),
            hung: Some("a0 end".to_owned()),
        };
        assert_eq!(outcome.to_string().parse(), Ok(outcome));
    }
}
