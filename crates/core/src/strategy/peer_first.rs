//! The peer has a moment to send its FIN first, while its data is discarded; then as
//! [`super::drain`].
//!
//! The side that sends its FIN first holds TIME_WAIT (RFC 9293 section 3.6.1; `tcp_fin` from
//! `TCP_FIN_WAIT2`). An HTTP client that has got its `Content-Length`, or that was told
//! `Connection: close`, closes within a round trip. Then our close goes from `TCP_CLOSE_WAIT` to
//! `TCP_LAST_ACK`, and no port of ours is held.
//!
//! What it costs: a peer that waits for *our* FIN (a body without a length, `nc`, a
//! mail client after QUIT) gets it `SOFTCLOSE_PEER_FIRST` later, each time.

use super::drain::DrainStrategy;
use super::{CloseStrategy, delivered};
use crate::decision::{Facts, Verdict};
use crate::discard::Step;
use crate::settings::{Settings, Strategy};
use crate::sys::Fd;
use crate::sys::poller::Interest;

/// The strategy `peer-first`: as `drain`, after the peer has had a moment to close first.
pub struct PeerFirstStrategy;

impl CloseStrategy for PeerFirstStrategy {
    fn name(&self) -> Strategy {
        Strategy::PeerFirst
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        delivered(facts)
    }

    fn needs_receive_side(&self) -> bool {
        true
    }

    fn patience_ms(&self, settings: &Settings) -> u32 {
        settings.peer_first_ms
    }

    fn begin_close(&self, fd: Fd) {
        DrainStrategy.begin_close(fd);
    }

    fn reads(&self) -> bool {
        true
    }

    fn interest(&self) -> Interest {
        Interest::INPUT
    }

    fn step(&self, fd: Fd) -> Step {
        DrainStrategy.step(fd)
    }
}
