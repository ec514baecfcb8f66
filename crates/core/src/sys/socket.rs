//! What the kernel tells about one TCP socket, and what can be done with it.

use super::Fd;
use super::phase::Phase;
use super::raw::{nr, syscall6};
use core::mem::offset_of;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, OFlags};
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, Shutdown, ipproto, sockopt};
use rustix::time::Timespec;

const IPPROTO_TCP: usize = 6;
const TCP_INFO: usize = 11;
const MSG_DONTWAIT: usize = 0x40;
const MSG_TRUNC: usize = 0x20;
const TCP_REPAIR: usize = 19;
const SIOCOUTQ: usize = 0x5411;
const SIOCOUTQNSD: usize = 0x894B;

/// The head of the kernel's `struct tcp_info` (`include/uapi/linux/tcp.h`), up
/// to what we read.
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
    /// Nothing read. A constant: a signal stack may be small.
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

/// What a TCP socket says of itself.
#[derive(Clone, Copy, Debug)]
pub struct TcpInfo {
    /// A TCP state number, `TCP_ESTABLISHED` is 1.
    pub state: u8,
    /// Milliseconds since the last data segment came in.
    pub last_data_recv: u32,
    /// Whether all that was written has been sent and acknowledged; of MPTCP, on the first
    /// subflow. False where an old kernel (before 4.6) does not say.
    pub is_acknowledged: bool,
    /// Whether the program may have sent anything, on whichever number, in whichever
    /// process; of MPTCP, on the first subflow. True where an old kernel (before 4.19) does
    /// not say.
    pub has_sent: bool,
}

/// `getsockopt(TCP_INFO)`: the one call that tells a TCP socket from anything
/// else, and its state.
///
/// # Errors
/// `ENOTSOCK`, `EBADF`, `EOPNOTSUPP`, `ENOPROTOOPT`: not a TCP socket.
/// Source: `do_tcp_getsockopt`; MPTCP answers for its first subflow.
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
        // What lies in the queue has not been counted as sent yet.
        has_sent: !tells(size_of::<Head>()) || bytes_sent != 0 || notsent_bytes != 0,
    })
}

/// Whether `fd` is a TCP socket with a connection.
pub fn is_connected(fd: Fd) -> bool {
    tcp_info(fd).is_ok_and(|info| Phase::of(info.state) != Phase::Unconnected)
}

/// Whether `fd` is a TCP socket that is a connection, or may become one: no listener.
pub fn may_connect(fd: Fd) -> bool {
    const LISTEN: u8 = 10;
    tcp_info(fd).is_ok_and(|info| info.state != LISTEN)
}

/// Discards up to as many queued bytes as `nowhere` has in the kernel, without copying.
///
/// `Ok(0)` is the peer's FIN (or a receive side shut down here).
///
/// # Errors
/// `EAGAIN`: nothing queued. `EFAULT`: this socket copies even with `MSG_TRUNC`
/// (kTLS); use [`discard_into`]. Others end the connection.
/// Source: `tcp_recvmsg_locked`, which skips the copy under `MSG_TRUNC`.
pub fn discard(fd: Fd, nowhere: &'static [u8]) -> Result<usize> {
    let args = [fd.index(), nowhere.as_ptr().addr(), nowhere.len(), MSG_DONTWAIT | MSG_TRUNC, 0, 0];
    // SAFETY: with MSG_TRUNC the kernel writes nothing; a socket family that would write
    // answers EFAULT, as what is static and no atomic lies in memory that cannot be written.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// Reads queued bytes into `scratch` and forgets them.
///
/// # Errors
/// As [`discard`].
pub fn discard_into(fd: Fd, scratch: &mut [u8]) -> Result<usize> {
    let args = [fd.index(), scratch.as_mut_ptr() as usize, scratch.len(), MSG_DONTWAIT, 0, 0];
    // SAFETY: the kernel writes at most `scratch.len()` bytes into `scratch`.
    unsafe { syscall6(nr::RECVFROM, args) }
}

/// `SO_COOKIE`: unique for the life of the kernel, so it tells whether a number
/// still means the same socket.
pub fn cookie(fd: Fd) -> Option<u64> {
    sockopt::socket_cookie(fd).ok()
}

/// Whether it is a socket, of any kind: by `fstat`, for which no filter kills.
pub fn is_socket(fd: Fd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Socket)
}

/// Whether the socket is TCP or MPTCP. `TCP_INFO` is also answered by SMC.
pub fn is_tcp(fd: Fd) -> bool {
    matches!(sockopt::socket_protocol(fd), Ok(Some(ipproto::TCP | ipproto::MPTCP)))
}

/// Whether it is MPTCP.
pub fn is_mptcp(fd: Fd) -> bool {
    sockopt::socket_protocol(fd) == Ok(Some(ipproto::MPTCP))
}

/// Whether it is a unix socket.
pub fn is_unix(fd: Fd) -> bool {
    sockopt::socket_domain(fd) == Ok(AddressFamily::UNIX)
}

/// Whether an option, by level and name as in `setsockopt(2)`, changes how a connection
/// ends, or what may be under way by then: `SO_LINGER`, `TCP_REPAIR`, `SO_SNDBUF`.
pub fn changes_the_end(level: i32, name: i32) -> bool {
    const SOL_SOCKET: i32 = 1;
    const SO_SNDBUF: i32 = 7;
    const SO_LINGER: i32 = 13;
    const SO_SNDBUFFORCE: i32 = 32;
    matches!((level, name), (SOL_SOCKET, SO_LINGER | SO_SNDBUF | SO_SNDBUFFORCE))
        || (level, name) == (IPPROTO_TCP as i32, TCP_REPAIR as i32)
}

/// `SO_LINGER` in seconds, `None` where it is off.
pub fn linger(fd: Fd) -> Option<u64> {
    sockopt::socket_linger(fd).ok().flatten().map(|time| time.as_secs())
}

/// Switches `SO_LINGER` off; best effort.
pub fn linger_off(fd: Fd) {
    let _ = sockopt::set_socket_linger(fd, None);
}

/// `SO_LINGER{1,seconds}`: with 0 the close is a reset (`tcp_disconnect`), else it waits
/// for so long until all is acknowledged (`inet_release`, `sk_stream_wait_close`).
///
/// # Errors
/// `EBADF`.
pub fn set_linger(fd: Fd, seconds: u32) -> Result<()> {
    sockopt::set_socket_linger(fd, Some(Duration::from_secs(u64::from(seconds))))
}

/// Whether the send buffer is so small that it may have been full, though hardly anything is
/// left in it: then a writer may have been woken that has not come to run yet.
pub fn may_have_been_full(fd: Fd) -> bool {
    const SMALL: usize = 64 << 10;
    /// What lies in it takes so many times its length, where it is written piece by piece.
    const OVERHEAD: usize = 8;
    let size = sockopt::socket_send_buffer_size(fd).unwrap_or(0);
    size <= SMALL && written(fd) > (size / OVERHEAD) as u64
}

/// Bytes that wait to be read (`SIOCINQ`); 0 where the kernel does not say.
pub fn unread(fd: Fd) -> u64 {
    rustix::io::ioctl_fionread(fd).unwrap_or(0)
}

/// Bytes that the peer has not acknowledged (`SIOCOUTQ`, RFC 9293 3.10.4).
pub fn unacknowledged(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQ).unwrap_or(u32::MAX)
}

/// Bytes of the program's that the peer has not acknowledged: our FIN takes a sequence
/// number as well.
pub fn undelivered(fd: Fd) -> u32 {
    const ESTABLISHED: u8 = 1;
    const CLOSE_WAIT: u8 = 8;
    match queued(fd, SIOCOUTQ).unwrap_or(0) {
        0 => 0,
        queued if tcp_info(fd).is_ok_and(|info| matches!(info.state, ESTABLISHED | CLOSE_WAIT)) => queued,
        queued => queued - 1,
    }
}

/// Bytes that have not been sent even once (`SIOCOUTQNSD`); 0 where the kernel does not
/// say.
pub fn unsent(fd: Fd) -> u32 {
    queued(fd, SIOCOUTQNSD).unwrap_or(0)
}

fn queued(fd: Fd, which: usize) -> Result<u32> {
    let mut bytes = 0u32;
    // SAFETY: the kernel writes one int into `bytes`.
    unsafe { syscall6(nr::IOCTL, [fd.index(), which, (&raw mut bytes) as usize, 0, 0, 0]) }?;
    Ok(bytes)
}

/// Whether it may be a connection, asked as every filter allows it: getsockopt may be among
/// what a service is killed for.
pub fn may_be_connection(fd: Fd) -> bool {
    is_socket(fd) && queued(fd, SIOCOUTQNSD).is_ok()
}

/// Half-close: sends what is queued, then the FIN (`tcp_shutdown`).
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn half_close(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Write)
}

/// Shuts the receive side: readers get the end, and data that comes from now on is
/// answered with a RST once our own side is shut (`tcp_rcv_state_process`).
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn shut_receive(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Read)
}

/// Both halves at once; as [`half_close`] and [`shut_receive`].
///
/// # Errors
/// `ENOTCONN` where the connection has gone.
pub fn shut_both(fd: Fd) -> Result<()> {
    rustix::net::shutdown(fd, Shutdown::Both)
}

/// How a peer has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By a FIN.
    Orderly,
    /// By a reset, or the connection broke (`sk_err`).
    Broken,
}

/// Whether the peer has left, without reading what it sent; `None` where it may still
/// send. Source: `tcp_poll`. News in the error queue is no end of a connection, nor is an
/// ICMP error where the program has asked for those (`IP_RECVERR`).
pub fn left(fd: Fd) -> Option<Left> {
    let seen = events(fd, PollFlags::RDHUP);
    if seen.contains(PollFlags::NVAL) || seen.contains(PollFlags::ERR) && is_broken(fd) {
        Some(Left::Broken)
    } else {
        seen.intersects(PollFlags::RDHUP | PollFlags::HUP).then_some(Left::Orderly)
    }
}

fn is_broken(fd: Fd) -> bool {
    const CLOSE: u8 = 7;
    !matches!(sockopt::socket_error(fd), Ok(Ok(()))) && tcp_info(fd).is_ok_and(|info| info.state == CLOSE)
}

/// Address and port on this side; an IPv4 one as IPv4-mapped (RFC 4291 2.5.5.2).
pub fn local_address(fd: Fd) -> Option<(Ipv6Addr, u16)> {
    SocketAddr::try_from(rustix::net::getsockname(fd).ok()?).ok().map(mapped)
}

/// The same of the peer; `None` also where the connection has gone.
pub fn peer_address(fd: Fd) -> Option<(Ipv6Addr, u16)> {
    SocketAddr::try_from(rustix::net::getpeername(fd).ok()??).ok().map(mapped)
}

fn mapped(address: SocketAddr) -> (Ipv6Addr, u16) {
    let ip = match address.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    (ip, address.port())
}

/// The port on this side.
pub fn local_port(fd: Fd) -> Option<u16> {
    local_address(fd).map(|(_, port)| port)
}

/// The peer's address.
pub fn peer(fd: Fd) -> Option<Ipv6Addr> {
    peer_address(fd).map(|(address, _)| address)
}

/// A TCP state as `ss` and netstat(8) have it.
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

/// Whether there is room to write, or no connection any more: no thread stays blocked in a
/// write (`sk_stream_wait_memory` ends when it is writeable). An error queue with news in
/// it, which `poll` calls an error as well, changes nothing of that (`tcp_poll`).
pub fn is_writable(fd: Fd) -> bool {
    events(fd, PollFlags::OUT).contains(PollFlags::OUT)
}

/// Whether it is open, and has no room to write: a write to it waits.
pub fn is_full(fd: Fd) -> bool {
    events(fd, PollFlags::OUT).is_empty()
}

fn events(fd: Fd, wanted: PollFlags) -> PollFlags {
    let mut fds = [PollFd::new(&fd, wanted)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let _ = poll(&mut fds, Some(&now));
    fds.iter().fold(PollFlags::empty(), |seen, fd| seen | fd.revents())
}

/// Whether calls on this description do not wait (`O_NONBLOCK`).
pub fn is_nonblocking(fd: Fd) -> bool {
    rustix::fs::fcntl_getfl(fd).is_ok_and(|flags| flags.contains(OFlags::NONBLOCK))
}

/// Discards news of the error queue: completions of `MSG_ZEROCOPY`, timestamps of what was
/// sent (`SO_TIMESTAMPING`). As long as there is any, `poll` and epoll report an error.
/// Answers whether there was; not all of it, where there is very much.
pub fn discard_news(fd: Fd) -> bool {
    const MSG_ERRQUEUE: usize = 0x2000;
    const MOST: usize = 256;
    let args = [fd.index(), 0, 0, MSG_ERRQUEUE | MSG_DONTWAIT, 0, 0];
    // SAFETY: nothing is written through a null buffer of no length (`inet_recv_error`).
    let next = || unsafe { syscall6(nr::RECVFROM, args) };
    (0..MOST).take_while(|_| next().is_ok()).count() != 0
}

/// Bytes that the program has read from this connection so far:
/// `tcpi_bytes_received` without what is queued.
pub fn consumed(fd: Fd) -> u64 {
    const BYTES_RECEIVED: usize = 128;
    counter(fd, BYTES_RECEIVED).wrapping_sub(unread(fd))
}

/// One 64-bit field of `struct tcp_info`; 0 where the kernel has none.
fn counter(fd: Fd, offset: usize) -> u64 {
    let mut info = [0u8; 136];
    let mut len = info.len() as u32;
    let args = [fd.index(), IPPROTO_TCP, TCP_INFO, info.as_mut_ptr() as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes at most `len` bytes into `info`, and `len`.
    let _ = unsafe { syscall6(nr::GETSOCKOPT, args) };
    let field = info.get(offset..).and_then(<[u8]>::first_chunk);
    field.map_or(0, |bytes| u64::from_ne_bytes(*bytes))
}

/// Undoes the program's `SO_RCVLOWAT`: every byte is an event for the drain.
pub fn report_every_byte(fd: Fd) {
    const SOL_SOCKET: usize = 1;
    const SO_RCVLOWAT: usize = 18;
    let one = 1u32;
    // SAFETY: the kernel reads one int.
    let _ = unsafe { syscall6(nr::SETSOCKOPT, [fd.index(), SOL_SOCKET, SO_RCVLOWAT, (&raw const one) as usize, 4, 0]) };
}

/// Stops `SIGIO` and `SIGURG` from this description: the owner lives on it, not
/// on the descriptor (`F_SETOWN`, fcntl(2)).
pub fn stop_signals(fd: Fd) {
    const F_SETOWN: usize = 8;
    // SAFETY: fcntl with integer arguments only.
    let _ = unsafe { syscall6(nr::FCNTL, [fd.index(), F_SETOWN, 0, 0, 0, 0]) };
}

/// Whether the connection is being moved elsewhere (`TCP_REPAIR`): its close is
/// to be silent.
pub fn is_under_repair(fd: Fd) -> bool {
    let (mut mode, mut len) = (0u32, 4u32);
    let args = [fd.index(), IPPROTO_TCP, TCP_REPAIR, (&raw mut mode) as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes one int into `mode`, and `len`.
    let done = unsafe { syscall6(nr::GETSOCKOPT, args) };
    done.is_ok() && mode != 0
}

/// Bytes that the program has written to this connection so far: acknowledged
/// (`tcpi_bytes_acked`) and not yet. Two questions, between which something may be
/// acknowledged: then it looks as if something had been written.
pub fn written(fd: Fd) -> u64 {
    const BYTES_ACKED: usize = 120;
    const TRIES: u32 = 4;
    let acknowledged = || counter(fd, BYTES_ACKED);
    let mut before = acknowledged();
    for _ in 0..TRIES {
        let rest = unacknowledged(fd);
        let after = acknowledged();
        if after == before {
            return after.wrapping_add(u64::from(rest));
        }
        before = after;
    }
    before.wrapping_add(u64::from(unacknowledged(fd)))
}

/// The inode number of the socket, as in the `socket:[N]` links of procfs.
///
/// # Errors
/// `EBADF`.
pub fn inode(fd: Fd) -> Result<u64> {
    rustix::fs::fstat(fd).map(|stat| stat.st_ino)
}

/// Whether an error means "nothing now", as opposed to an ended connection.
pub fn is_would_block(errno: Errno) -> bool {
    matches!(errno, Errno::AGAIN | Errno::INTR)
}
