//! Captures the TCP packets of the network namespace that it is started in: says
//! `tap ready`, then one line a packet, and ends with its standard input.
//!
//!     packet NANOSECONDS SOURCE FLAGS PAYLOAD
//!
//! The time is the kernel's, of `CLOCK_REALTIME`; FLAGS are of S, F, R and A. A packet
//! may be larger than the link's: segmentation is left to a device, and a virtual one
//! leaves it undone.

use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Write};
use std::mem;
use std::os::fd::AsRawFd;

/// The size of the largest IPv4 packet.
const LARGEST: usize = 64 << 10;

/// Room for bursts: a packet that the kernel drops is missing in the page.
const BUFFER: usize = 16 << 20;

fn main() -> io::Result<()> {
    let tap = open()?;
    let mut out = io::stdout().lock();
    writeln!(out, "tap ready")?;
    out.flush()?;
    while is_wanted(&tap)? {
        while let Some(line) = next(&tap)? {
            out.write_all(line.as_bytes())?;
        }
        out.flush()?;
    }
    Ok(())
}

/// Opens a packet socket that gives packets without the header of the link: a TUN device has none.
fn open() -> io::Result<Socket> {
    let every = i32::from((libc::ETH_P_ALL as u16).to_be());
    // What goes out is only seen by who asks for every protocol.
    let tap = Socket::new(Domain::from(libc::AF_PACKET), Type::DGRAM, Some(Protocol::from(every)))?;
    tap.set_nonblocking(true)?;
    set(&tap, libc::SO_RCVBUFFORCE, BUFFER as libc::c_int).or_else(|_| tap.set_recv_buffer_size(BUFFER))?;
    set(&tap, libc::SO_TIMESTAMPNS, 1)?;
    Ok(tap)
}

fn set(tap: &Socket, option: libc::c_int, value: libc::c_int) -> io::Result<()> {
    let length = size_of_val(&value) as libc::socklen_t;
    // SAFETY: both options read one int.
    match unsafe { libc::setsockopt(tap.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Waits for a packet or the end of standard input. Packets that came before the end are still
/// read.
fn is_wanted(tap: &Socket) -> io::Result<bool> {
    let poll = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut both = [poll(tap.as_raw_fd()), poll(libc::STDIN_FILENO)];
    // SAFETY: two valid pollfds.
    match unsafe { libc::poll(both.as_mut_ptr(), 2, -1) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(both[0].revents != 0 || both[1].revents == 0),
    }
}

/// The line of the next packet. It is empty if the packet is not TCP. `None` if there is no packet
/// now.
fn next(tap: &Socket) -> io::Result<Option<String>> {
    let mut packet = [0; LARGEST];
    // Of u64, for its alignment.
    let mut control = [0_u64; 8];
    let mut part = libc::iovec { iov_base: packet.as_mut_ptr().cast(), iov_len: packet.len() };
    // SAFETY: msghdr is plain data, for which zeroes are valid.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = control.as_mut_ptr().cast();
    message.msg_controllen = size_of_val(&control);
    // SAFETY: the message points to two buffers that are valid for their lengths.
    let length = unsafe { libc::recvmsg(tap.as_raw_fd(), &mut message, 0) };
    match usize::try_from(length) {
        Ok(length) => Ok(Some(line(time(&message), &packet[..length]).unwrap_or_default())),
        Err(_) if io::Error::last_os_error().kind() == io::ErrorKind::WouldBlock => Ok(None),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// The kernel's time of a packet, in nanoseconds since 1970.
fn time(message: &libc::msghdr) -> i128 {
    // SAFETY: the kernel has filled the control buffer of this message.
    let header = unsafe { libc::CMSG_FIRSTHDR(message).as_ref() }.expect("a time was asked for");
    assert_eq!((header.cmsg_level, header.cmsg_type), (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS));
    // SAFETY: the data of this kind is one timespec.
    let time: libc::timespec = unsafe { libc::CMSG_DATA(header).cast::<libc::timespec>().read_unaligned() };
    i128::from(time.tv_sec) * 1_000_000_000 + i128::from(time.tv_nsec)
}

fn line(time: i128, packet: &[u8]) -> Option<String> {
    let sliced = SlicedPacket::from_ip(packet).ok()?;
    let Some(NetSlice::Ipv4(ip)) = sliced.net else { return None };
    let Some(TransportSlice::Tcp(tcp)) = sliced.transport else { return None };
    let flags = [(tcp.syn(), 'S'), (tcp.fin(), 'F'), (tcp.rst(), 'R'), (tcp.ack(), 'A')];
    let flags: String = flags.iter().filter(|(set, _)| *set).map(|(_, letter)| letter).collect();
    Some(format!("packet {time} {} {flags} {}\n", ip.header().source_addr(), tcp.payload().len()))
}
