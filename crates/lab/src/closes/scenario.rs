//! What the peer of a run does.

use shim_tests::peer::Peer;
use std::time::Duration;

/// The response that the program writes before its close: beyond any window of the
/// peer's.
pub const RESPONSE: usize = 256 << 10;

/// What the program has not read of the request when it closes.
pub const UNREAD: usize = 64 << 10;

/// What a peer uploads beyond that: more than a window and its own send buffer take.
pub const UPLOAD: usize = 448 << 10;

/// The peer's receive buffer.
const RECEIVE_BUFFER: usize = 32 << 10;

/// The peer's send buffer: not enough for its upload. One that fits is not blocked by
/// a program that does not read, and so shows nothing.
const SEND_BUFFER: usize = 64 << 10;

/// The time between the last byte of the response and the close of a peer that closes later.
const PAUSE: Duration = Duration::from_millis(30);

/// How long a peer that was cut off waits.
const CUT_OFF: Duration = Duration::from_secs(3);

/// How long any other peer waits for anything.
const PATIENCE: Duration = Duration::from_secs(8);

/// What a peer does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scenario {
    /// Reads the response a little at a time.
    Slow,
    /// Sends on, and reads afterwards.
    Uploads,
    /// Its FIN comes before the close.
    First,
    /// Reads to the end and keeps the connection.
    Never,
    /// Sends a FIN behind its request, part of which is not read.
    HalfCloses,
    /// Is cut off: not a packet comes through any more.
    Vanishes,
    /// Has the whole response, and closes within 50 ms.
    Later,
}

impl Scenario {
    /// All of them, in the order of the page.
    pub const ALL: [Self; 7] =
        [Self::Slow, Self::Uploads, Self::First, Self::Never, Self::HalfCloses, Self::Vanishes, Self::Later];

    /// Its name in the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Slow => "reads slowly",
            Self::Uploads => "uploads on",
            Self::First => "closes first",
            Self::Never => "never closes",
            Self::HalfCloses => "half-closes",
            Self::Vanishes => "vanishes",
            Self::Later => "closes within 50 ms",
        }
    }

    /// What it does, in a sentence for the page.
    pub fn what(self) -> &'static str {
        match self {
            Self::Slow => "It reads 8 KiB every 20 ms, and closes at the end of the response.",
            Self::Uploads => {
                "It has sent 64 KiB that the program does not read. It sends 448 KiB more before it reads the \
                 response, and closes at the end of the response."
            }
            Self::First => {
                "It knows how long the response is, and half-closes when it has all of it. The program closes when \
                 it has seen that FIN. Nothing is unread."
            }
            Self::Never => "It reads to the end of the response. Then it keeps the connection open and sends nothing.",
            Self::HalfCloses => {
                "It sends its request and its FIN. The program leaves 64 KiB of the request unread, like a program \
                 that refuses a request. The peer begins to read when the program has closed."
            }
            Self::Vanishes => {
                "The link is cut before the program writes the response: no packet passes in either direction. The \
                 peer gives up after 3 s."
            }
            Self::Later => {
                "It knows how long the response is, and half-closes 30 ms after it has all of it, without waiting \
                 for a FIN. Nothing is unread."
            }
        }
    }

    /// Whether the program waits for the peer's FIN before its close.
    pub fn awaits_fin(self) -> bool {
        matches!(self, Self::First | Self::HalfCloses)
    }

    /// Whether the peer reads when the program has closed.
    pub fn reads_after_close(self) -> bool {
        self == Self::HalfCloses
    }

    /// The rest of the script of a peer, after its request.
    pub fn script(self, peer: Peer) -> Peer {
        let patience = if self == Self::Vanishes { CUT_OFF } else { PATIENCE };
        let peer = peer.patience(patience).receive_buffer(RECEIVE_BUFFER).send_buffer(SEND_BUFFER);
        let plain = |peer: Peer| peer.ask(RESPONSE, 0);
        let unread = |peer: Peer| peer.ask(RESPONSE, UNREAD).upload(UNREAD);
        match self {
            Self::Slow => plain(peer).read_slowly(Duration::from_millis(20)),
            Self::Uploads => unread(peer).upload(UPLOAD).read_to_end(),
            Self::First => plain(peer).read(RESPONSE).fin().read_to_end(),
            Self::Never => plain(peer).read_to_end().tell("end").wait(),
            Self::HalfCloses => unread(peer).fin().wait().read_to_end(),
            Self::Vanishes => plain(peer).read_to_end(),
            Self::Later => plain(peer).read(RESPONSE).rest(PAUSE).fin().read_to_end(),
        }
    }
}
