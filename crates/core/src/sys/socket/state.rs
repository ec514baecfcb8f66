//! The state of a TCP socket (`TCP_INFO`), and whether it has a connection.
//!
//! Context: async-signal-safe; each function makes one system call, or none.

use super::phase::Phase;
use crate::sys::fd::Fd;
use crate::sys::raw::{IPPROTO_TCP, nr, syscall6};
use core::mem::offset_of;
use rustix::io::Result;

const TCP_INFO: usize = 11;

/// The head of the kernel's `struct tcp_info` (`include/uapi/linux/tcp.h`), up to the last field that
/// is read here.
#[repr(C)]
struct Head {
    state: u8,
    _ca_state_to_flags: [u8; 7],
    _rto_to_rcv_mss: [u32; 4],
    unacked: u32,
    _sacked_to_last_ack_sent: [u32; 6],
    last_data_recv: u32,
    _last_ack_recv_to_segs_in: [u32; 22],
    notsent_bytes: u32,
    _min_rtt: u32,
    _data_segs_in: u32,
    _data_segs_out: u32,
    _delivery_rate_to_sndbuf_limited: [u64; 4],
    _delivered: u32,
    _delivered_ce: u32,
    bytes_sent: u64,
}

impl Head {
    /// All zeroes. It is a constant so that it takes no stack: a signal stack may be small.
    const NOTHING: Self = Self {
        state: 0,
        _ca_state_to_flags: [0; 7],
        _rto_to_rcv_mss: [0; 4],
        unacked: 0,
        _sacked_to_last_ack_sent: [0; 6],
        last_data_recv: 0,
        _last_ack_recv_to_segs_in: [0; 22],
        notsent_bytes: 0,
        _min_rtt: 0,
        _data_segs_in: 0,
        _data_segs_out: 0,
        _delivery_rate_to_sndbuf_limited: [0; 4],
        _delivered: 0,
        _delivered_ce: 0,
        bytes_sent: 0,
    };
}

/// The state of a TCP socket.
#[derive(Clone, Copy, Debug)]
pub struct TcpInfo {
    /// The TCP state as a number of `include/net/tcp_states.h`; `TCP_ESTABLISHED` is 1.
    pub state: u8,
    /// Milliseconds since the last data segment arrived.
    pub last_data_recv: u32,
    /// Whether everything that was written has been sent and acknowledged. For MPTCP, on the first
    /// subflow. False before Linux 4.6, which does not tell.
    pub is_acknowledged: bool,
    /// Whether anything was ever sent on the connection, through any descriptor of any process. For
    /// MPTCP, on the first subflow. True before Linux 4.19, which does not tell.
    pub has_sent: bool,
}

/// The state of a TCP socket (`getsockopt(TCP_INFO)`). This one call also tells a TCP socket from
/// anything else.
///
/// Source: `do_tcp_getsockopt`. MPTCP answers for its first subflow.
///
/// # Errors
/// `ENOTSOCK`, `EBADF`, `EOPNOTSUPP`, `ENOPROTOOPT`: it is no TCP socket.
pub fn tcp_info(fd: Fd) -> Result<TcpInfo> {
    let mut head = Head::NOTHING;
    let mut len = size_of::<Head>() as u32;
    let args = [fd.index(), IPPROTO_TCP, TCP_INFO, (&raw mut head) as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes at most `len` bytes into `head`, and `len`.
    unsafe { syscall6(nr::GETSOCKOPT, args) }?;
    let Head { state, unacked, last_data_recv, notsent_bytes, bytes_sent, .. } = head;
    let tells = |end: usize| len as usize >= end;
    Ok(TcpInfo {
        state,
        last_data_recv,
        is_acknowledged: tells(offset_of!(Head, _min_rtt)) && (unacked, notsent_bytes) == (0, 0),
        // Bytes in the queue are not counted as sent yet.
        has_sent: !tells(size_of::<Head>()) || bytes_sent != 0 || notsent_bytes != 0,
    })
}

/// Whether `fd` is a TCP socket with a connection.
pub fn is_connected(fd: Fd) -> bool {
    tcp_info(fd).is_ok_and(|info| Phase::of(info.state) != Phase::Unconnected)
}

/// Whether `fd` is a TCP socket that has a connection or may get one: any but a listener.
pub fn may_connect(fd: Fd) -> bool {
    const LISTEN: u8 = 10;
    tcp_info(fd).is_ok_and(|info| info.state != LISTEN)
}

/// The name of a TCP state in lower case, such as `close-wait`.
pub fn state_name(state: u8) -> &'static str {
    const NAMES: [&str; 12] = [
        "unknown",
        "established",
        "syn-sent",
        "syn-recv",
        "fin-wait-1",
        "fin-wait-2",
        "time-wait",
        "closed",
        "close-wait",
        "last-ack",
        "listen",
        "closing",
    ];
    NAMES.get(usize::from(state)).unwrap_or(&"unknown")
}

/// The 64-bit field of `struct tcp_info` at this offset; 0 where the kernel does not have it.
pub(super) fn counter(fd: Fd, offset: usize) -> u64 {
    let mut info = [0u8; 136];
    let mut len = info.len() as u32;
    let args = [fd.index(), IPPROTO_TCP, TCP_INFO, info.as_mut_ptr() as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes at most `len` bytes into `info`, and `len`.
    let _ = unsafe { syscall6(nr::GETSOCKOPT, args) };
    let field = info.get(offset..).and_then(<[u8]>::first_chunk);
    field.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}
