//! How far a TCP connection has come.
//!
//! Context: pure functions.

/// The TCP states of `include/net/tcp_states.h`, in three groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// There is no connection to close gracefully: closed, connecting, listening, or in TIME-WAIT.
    Unconnected,
    /// The peer may still send.
    Open,
    /// The peer's FIN has come: no data can arrive any more.
    PeerDone,
}

impl Phase {
    /// The group of a state as `tcpi_state` has it.
    pub fn of(state: u8) -> Self {
        const ESTABLISHED: u8 = 1;
        const FIN_WAIT1: u8 = 4;
        const FIN_WAIT2: u8 = 5;
        const CLOSE_WAIT: u8 = 8;
        const LAST_ACK: u8 = 9;
        const CLOSING: u8 = 11;
        match state {
            ESTABLISHED | FIN_WAIT1 | FIN_WAIT2 => Self::Open,
            CLOSE_WAIT | LAST_ACK | CLOSING => Self::PeerDone,
            _ => Self::Unconnected,
        }
    }
}
