//! In which way a connection was cut off, by what the kernel says of the reset.
//!
//! Source: `tcp_close`, `tcp_disconnect`, `tcp_rcv_state_process` and `tcp_timewait_state_process` in `net/ipv4`, and
//! `include/net/rstreason.h`.

use super::description::Description;

/// In which way a connection was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It was closed with data in it that the program had not read.
    Unread,
    /// Data came in after the close.
    Late,
    /// The program asked for it, by `SO_LINGER{1,0}` mostly.
    Asked,
    /// The kernel had too many closed connections, or too little memory for them.
    Memory,
    /// At a close. Before Linux 6.12 the kernel does not say whether by unread data, by request or for want of memory.
    Closed,
}

/// All kinds, with their names in JSON and the heads of their columns.
pub const KINDS: [(Kind, &str, &str); 5] = [
    (Kind::Unread, "unread", "UNREAD"),
    (Kind::Late, "late", "LATE"),
    (Kind::Asked, "asked", "ASKED"),
    (Kind::Memory, "memory", "MEM"),
    (Kind::Closed, "closed", "CLOSED"),
];

/// The state that a socket has when the kernel resets it at a close (`TCP_CLOSE`).
const CLOSED: u64 = 7;

/// The numbers of the reasons on this kernel.
#[derive(Clone, Debug, Default)]
pub struct Reasons {
    /// Each number that cuts off a connection, with its kind.
    known: Vec<(u64, Reason)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// This kind, whatever else the record says.
    Is(Kind),
    /// `tcp_disconnect`: `SO_LINGER{1,0}`, `connect` to `AF_UNSPEC`, and the end of a listener with connections that
    /// nobody has accepted. This is also the reason of `ss --kill`, which acts on a connection that is not closed, and of
    /// answers to packets that make no sense.
    Disconnect,
}

/// The kernel's words. `SO_LINGER{1,0}` ends in `tcp_disconnect`, for which it says `TCP_STATE`; `TCP_ABORT_ON_LINGER`
/// is about `TCP_LINGER2`.
const WORDS: [(&str, Reason); 7] = [
    ("TCP_ABORT_ON_CLOSE", Reason::Is(Kind::Unread)),
    ("TCP_ABORT_ON_DATA", Reason::Is(Kind::Late)),
    // Everything was acknowledged already, and only the shadow of the connection was left.
    ("TCP_TIMEWAIT_SOCKET", Reason::Is(Kind::Late)),
    ("TCP_ABORT_ON_LINGER", Reason::Is(Kind::Asked)),
    ("TCP_ABORT_ON_MEMORY", Reason::Is(Kind::Memory)),
    ("TCP_STATE", Reason::Disconnect),
    ("TCP_DISCONNECT_WITH_DATA", Reason::Disconnect),
];

impl Reasons {
    /// The reasons by the description of `tcp_send_reset`. None where the kernel does not tell why it resets at a
    /// close: Linux 6.10 and 6.11 have a field for it, but no such reasons.
    pub fn of(format: &Description) -> Self {
        let number = |word| format.field("reason").and_then(|_| format.symbol("reason", word));
        if number("TCP_ABORT_ON_CLOSE").is_none() {
            return Self::default();
        }
        Self { known: WORDS.iter().filter_map(|&(word, reason)| Some((number(word)?, reason))).collect() }
    }

    /// Whether this kernel tells why.
    pub fn are_told(&self) -> bool {
        !self.known.is_empty()
    }

    /// The filter of the tracepoint: only records that may cut off a connection get into the buffer.
    pub fn filter(&self) -> String {
        if !self.are_told() {
            return format!("state == {CLOSED}");
        }
        let terms = self.known.iter().map(|(number, _)| format!("reason == {number}"));
        terms.collect::<Vec<_>>().join(" || ")
    }

    /// The kind of a reset. `None` where it cuts off nothing. It is an answer where a packet has caused it.
    pub fn kind(&self, reason: Option<u64>, is_answer: bool, state: u64) -> Option<Kind> {
        if !self.are_told() {
            return (state == CLOSED).then_some(if is_answer { Kind::Late } else { Kind::Closed });
        }
        match self.known.iter().find(|(number, _)| Some(*number) == reason)?.1 {
            Reason::Is(kind) => Some(kind),
            Reason::Disconnect => (!is_answer && state == CLOSED).then_some(Kind::Asked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn reasons(text: &str) -> Reasons {
        Reasons::of(&Description::parse(text))
    }

    #[test]
    fn a_kernel_that_tells_why_is_asked_by_its_own_numbers() {
        let told = reasons(samples::RESET_6_18);
        assert!(told.are_told());
        assert_eq!(
            told.filter(),
            "reason == 11 || reason == 8 || reason == 9 || reason == 12 || reason == 13 || reason == 14 || reason == 16"
        );
        assert_eq!(told.kind(Some(11), false, 7), Some(Kind::Unread));
        assert_eq!(told.kind(Some(9), true, 6), Some(Kind::Late));
        assert_eq!(told.kind(Some(14), false, 7), Some(Kind::Asked));
        assert_eq!(told.kind(Some(14), false, 1), None, "ss --kill");
        assert_eq!(told.kind(Some(14), true, 7), None, "an answer to a packet that makes no sense");
        assert_eq!(told.kind(Some(1), true, 0), None, "nobody listens");
    }

    #[test]
    fn an_older_kernel_tells_a_close_from_late_data() {
        for text in [samples::RESET_5_10, samples::RESET_6_1] {
            let old = reasons(text);
            assert!(!old.are_told());
            assert_eq!(old.filter(), "state == 7");
            assert_eq!(old.kind(None, false, 7), Some(Kind::Closed));
            assert_eq!(old.kind(None, true, 7), Some(Kind::Late));
            assert_eq!(old.kind(None, true, 10), None, "an answer of a listener");
        }
    }

    /// Linux 6.10 has the field, but no reason for a close.
    #[test]
    fn a_field_without_the_reasons_is_no_help() {
        let text = samples::RESET_6_12.replace("TCP_ABORT_ON_CLOSE", "ERROR");
        assert!(!reasons(&text).are_told());
    }
}
