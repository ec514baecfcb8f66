//! One line of strace, as `-f -o FILE` writes it.

/// What a line tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told<'a> {
    /// A call, and its result as text; none, if it is not over.
    Call { name: &'a str, arguments: &'a str, result: Option<&'a str> },
    /// A call that was begun on another line is over.
    Resumed { name: &'a str, result: &'a str },
    /// The thread is gone: `exited with 0`, `killed by SIGKILL`.
    Gone(&'a str),
}

/// A line and its thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StraceLine<'a> {
    /// Thread id.
    pub thread: u32,
    /// What it tells.
    pub told: Told<'a>,
}

impl<'a> StraceLine<'a> {
    /// `None` for what tells nothing.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (thread, rest) = text.split_once(' ')?;
        let (thread, rest) = (thread.parse().ok()?, rest.trim_start());
        Some(Self { thread, told: Told::parse(rest)? })
    }
}

impl<'a> Told<'a> {
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

/// Behind the last equals sign; sockets have arrows and colons, but none.
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
        assert!(matches!(whole.told, Told::Call { name: "close", result: Some("0"), .. }));
        let begun = StraceLine::parse("12 close(5<TCP:[a]> <unfinished ...>").unwrap();
        assert!(matches!(begun.told, Told::Call { name: "close", result: None, .. }));
        let over = StraceLine::parse("12 <... close resumed>) = 0").unwrap();
        assert_eq!(over.told, Told::Resumed { name: "close", result: "0" });
    }

    #[test]
    fn an_end_is_told() {
        assert_eq!(StraceLine::parse("7 +++ exited with 0 +++").unwrap().told, Told::Gone("exited with 0"));
        assert_eq!(StraceLine::parse("7 --- stopped"), None);
    }
}
