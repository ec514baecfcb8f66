//! A program as text: one step a line, `ACTOR VERB ARGUMENTS`.
//!
//!     a0 listen v9
//!     a0 accept v0 v9 0
//!     peer psend k0 16384
//!     a0 write v0 1048576
//!     a0 end 1 0
//!
//! Variables have a `v`, streams an `s`, actors an `a`, connections, as the peer
//! counts them, a `k`.

use super::verb::{Arg, Doer, Verb};
use std::fmt;
use std::str::FromStr;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The actor that does it. If the peer does it, nobody looks at this.
    pub actor: usize,
    /// What is done.
    pub verb: &'static Verb,
    /// The arguments, as many as the verb has.
    pub args: [i32; 4],
}

/// A program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    /// The steps, in order.
    pub steps: Vec<Step>,
}

impl Step {
    /// A step of an actor. An unknown verb is a bug, and panics.
    pub fn new(actor: usize, verb: &str, args: &[i32]) -> Self {
        let verb = Verb::named(verb).unwrap_or_else(|| panic!("no such verb: {verb}"));
        let mut all = [0; 4];
        all[..args.len()].copy_from_slice(args);
        Self { actor, verb, args: all }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verb.doer {
            Doer::Actor => write!(f, "a{} {}", self.actor, self.verb.name)?,
            Doer::Peer => write!(f, "peer {}", self.verb.name)?,
        }
        self.verb.args.iter().zip(self.args).try_for_each(|(arg, value)| write!(f, " {}{value}", arg.letter()))
    }
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let wrong = || format!("not a step: {line:?}");
        let mut words = line.split_whitespace();
        let actor = match words.next().ok_or_else(wrong)? {
            "peer" => 0,
            actor => numbered(Arg::Actor, actor).ok_or_else(wrong)? as usize,
        };
        let verb = words.next().and_then(Verb::named).ok_or_else(wrong)?;
        let mut args = [0; 4];
        for (at, arg) in verb.args.iter().enumerate() {
            args[at] = words.next().and_then(|word| numbered(*arg, word)).ok_or_else(wrong)?;
        }
        Ok(Self { actor, verb, args })
    }
}

fn numbered(arg: Arg, word: &str) -> Option<i32> {
    word.strip_prefix(arg.letter())?.parse().ok()
}

/// Parses steps that are separated by line ends or semicolons. `#` begins a comment.
impl FromStr for Case {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let lines = text.split(['\n', ';']).map(|line| line.split('#').next().unwrap_or_default().trim());
        Ok(Self { steps: lines.filter(|line| !line.is_empty()).map(str::parse).collect::<Result<_, _>>()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_steps_are_the_same() {
        let text = "a0 accept v0 v9 1\npeer psend k0 100\na1 fork a2 0\na0 fwrite s1 7\n";
        let case: Case = text.parse().unwrap();
        assert_eq!(case.to_string(), text);
        assert_eq!(case.to_string().replace('\n', ";").parse(), Ok(case));
        assert!("a0 frobnicate v1".parse::<Case>().is_err());
    }
}
