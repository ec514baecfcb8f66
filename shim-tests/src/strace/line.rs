//! One line of strace(1), as `-f -o FILE` writes it.

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A system call.
    Call {
        /// Its name.
        name: &'a str,
        /// What is written between the parentheses, and the rest of the line.
        arguments: &'a str,
        /// What it returned, as text. `None` if it was not over when the line was written.
        result: Option<&'a str>,
    },
    /// The end of a call that was begun on another line.
    Resumed {
        /// Its name.
        name: &'a str,
        /// What it returned, as text.
        result: &'a str,
    },
    /// The end of the thread: `exited with 0`, `killed by SIGKILL`.
    Gone(&'a str),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StraceLine<'a> {
    /// The id of the thread that it is about.
    pub thread: u32,
    /// What it tells.
    pub event: Event<'a>,
}

impl<'a> StraceLine<'a> {
    /// Reads a line. `None` for one that is neither a call nor an end.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (thread, rest) = text.split_once(' ')?;
        let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
        Some(Self { thread, event: Event::parse(rest)? })
    }
}

impl<'a> Event<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("+++ ") {
            return Some(Self::Gone(rest.trim_end_matches(" +++")));
        }
        if let Some(rest) = text.strip_prefix("<... ") {
            let (name, rest) = rest.split_once(" resumed>")?;
            return Some(Self::Resumed { name, result: result(rest)? });
        }
        let (name, rest) = text.split_once('(')?;
        match rest.strip_suffix("<unfinished ...>") {
            Some(arguments) => Some(Self::Call { name, arguments, result: None }),
            None => Some(Self::Call { name, arguments: rest, result: Some(result(rest)?) }),
        }
    }
}

/// The result, which stands behind the last equals sign. Names of sockets have arrows and colons,
/// but no equals sign.
fn result(text: &str) -> Option<&str> {
    text.rsplit_once(" = ").map(|(_, result)| result.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_told_whole_or_in_two() {
        let whole = StraceLine::parse("12 close(5<TCP:[127.0.0.1:80->127.0.0.1:9]>) = 0").unwrap();
        assert_eq!(whole.thread, 12);
        assert!(matches!(whole.event, Event::Call { name: "close", result: Some("0"), .. }));
        let begun = StraceLine::parse("12 close(5<TCP:[a]> <unfinished ...>").unwrap();
        assert!(matches!(begun.event, Event::Call { name: "close", result: None, .. }));
        let over = StraceLine::parse("12 <... close resumed>) = 0").unwrap();
        assert_eq!(over.event, Event::Resumed { name: "close", result: "0" });
    }

    #[test]
    fn an_end_is_told() {
        assert_eq!(StraceLine::parse("7 +++ exited with 0 +++").unwrap().event, Event::Gone("exited with 0"));
        assert_eq!(StraceLine::parse("7 --- stopped"), None);
    }
}
