//! What a peer of the matrix says and must hear, and what it reports.
//!
//! The peer is a process of its own, `src/bin/talker`, in the namespace of the run. It gets a
//! [`TalkOrder`] as JSON and prints a [`TalkReport`] as JSON.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One step on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Sends this text.
    Say(String),
    /// Sends these bytes, written in hexadecimal, for protocols that are not text.
    Bytes(Hex),
    /// Sends so many bytes of filler.
    Upload(usize),
    /// Waits for an answer. [`super::hear`] has the words.
    Hear(String),
}

/// Bytes as a row writes them: `"e0 00"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Hex(pub Vec<u8>);

impl TryFrom<String> for Hex {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let byte =
            |digits: &str| u8::from_str_radix(digits, 16).map_err(|error| format!("{digits:?} in {text:?}: {error}"));
        text.split_whitespace().map(byte).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        hex.0.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
    }
}

/// What a peer does on one connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Script {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// Whether the reader has a small window and pauses.
    #[serde(default)]
    pub slow: bool,
}

/// What a peer process is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TalkOrder {
    /// The port of 127.0.0.1 to which it connects.
    pub port: u16,
    /// The scripts, which the connections run in turn.
    pub scripts: Vec<Script>,
    /// How many connections it makes in all.
    pub connections: usize,
    /// How many threads make them. Each makes one connection after the other.
    pub concurrency: usize,
    /// Regular expressions that are masked in transcripts.
    pub mask: Vec<String>,
    /// For how many milliseconds any one step may wait.
    pub patience: u64,
    /// Whether the peer prints a line `first` once the first bytes have come, and then waits for a
    /// line of its standard input. A download is then under way.
    #[serde(default)]
    pub pause: bool,
    /// Whether it ends its connections with a reset (`SO_LINGER {1, 0}`) once the
    /// first bytes have come.
    #[serde(default)]
    pub reset: bool,
}

/// How one connection went.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ConversationOutcome {
    /// Every answer was heard, and no call on the way failed.
    pub full: bool,
    /// A call failed with ECONNRESET or EPIPE, before all was heard or after.
    pub reset: bool,
    /// A step did not come to its end in time.
    pub stalled: bool,
}

/// What a peer process saw.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TalkReport {
    /// Each different outcome, with the number of connections that had it.
    pub outcomes: Vec<(ConversationOutcome, usize)>,
    /// Each different transcript, masked, with the number of connections that had it.
    pub transcripts: BTreeMap<String, usize>,
}

impl TalkReport {
    /// How many connections fulfil the condition.
    pub fn count(&self, condition: impl Fn(&ConversationOutcome) -> bool) -> usize {
        self.outcomes.iter().filter(|(outcome, _)| condition(outcome)).map(|(_, count)| count).sum()
    }

    /// Notes one more connection.
    pub fn add(&mut self, outcome: ConversationOutcome, transcript: String) {
        match self.outcomes.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => self.outcomes.push((outcome, 1)),
        }
        *self.transcripts.entry(transcript).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_hexadecimal() {
        let hex = Hex::try_from("e0 00".to_owned()).unwrap();
        assert_eq!(hex.0, [0xe0, 0]);
        assert_eq!(String::from(hex), "e0 00");
        assert!(Hex::try_from("e000".to_owned()).is_err());
    }
}
