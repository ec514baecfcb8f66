//! One socket: what the kernel says of it, which side opened it, and what can be done with it.
//!
//! | file | one idea |
//! |---|---|
//! | [`identity`] | what tells one socket from another |
//! | [`role`] | which side opened it |
//! | [`phase`] | how far the connection has come |
//! | [`state`] | `TCP_INFO` |
//! | [`options`] | `SO_LINGER`, `TCP_REPAIR` and others that change the end |
//! | [`queues`] | bytes unread, unsent, unacknowledged |
//! | [`readiness`] | what `poll(2)` says |
//! | [`address`] | both addresses |
//! | [`discard`](mod@discard) | discarding data that has arrived |
//! | [`shutdown`] | `shutdown(2)` |
//!
//! Context: async-signal-safe throughout.

pub mod address;
pub mod discard;
pub mod identity;
pub mod options;
pub mod phase;
pub mod queues;
pub mod readiness;
pub mod role;
pub mod shutdown;
pub mod state;

pub use address::{local_address, local_port, peer, peer_address};
pub use discard::{discard, discard_into, discard_news};
pub use identity::{cookie, inode, is_mptcp, is_socket, is_tcp, is_unix, is_would_block};
pub use options::{
    changes_the_end, is_nonblocking, is_under_repair, linger, linger_off, report_every_byte, set_linger, stop_signals,
};
pub use phase::Phase;
pub use queues::{
    consumed, may_be_connection, may_have_been_full, unacknowledged, undelivered, unread, unsent, written,
};
pub use readiness::{PeerEnd, is_full, is_writable, peer_end};
pub use role::Role;
pub use shutdown::{cut_off, half_close, shut_both, shut_receive};
pub use state::{TcpInfo, is_connected, may_connect, state_name, tcp_info};
