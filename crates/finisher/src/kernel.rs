//! The system calls that the program makes, one function each.

use super::machine::{nr, syscall6};
use core::ffi::CStr;
use core::slice;

const MSG_TRUNC: usize = 0x20;
const MSG_DONTWAIT: usize = 0x40;
const MSG_ERRQUEUE: usize = 0x2000;

const EINTR: isize = -4;
const EAGAIN: isize = -11;
const EFAULT: isize = -14;

/// `struct pollfd`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct PollFd {
    /// The descriptor number. The kernel ignores a negative one.
    pub fd: i32,
    /// The events to wait for.
    pub events: i16,
    /// The events that the kernel has found.
    pub found: i16,
}

/// `POLLIN`.
pub const POLLIN: i16 = 0x1;
/// `POLLERR`.
pub const POLLERR: i16 = 0x8;
/// `POLLRDHUP`.
pub const POLLRDHUP: i16 = 0x2000;

/// What a receive queue had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// So many bytes, which were discarded.
    Bytes(usize),
    /// Nothing so far.
    Nothing,
    /// The end: the peer's FIN, or an error.
    End,
}

/// The part of `TCP_INFO` that matters here.
#[derive(Clone, Copy, Debug)]
pub struct Info {
    /// The state of the connection; `TCP_ESTABLISHED` is 1.
    pub state: u8,
    /// Milliseconds since the last data came in.
    pub silent_ms: u32,
}

/// Discards up to `most` queued bytes.
pub fn discard(fd: i32, most: usize) -> Received {
    // SAFETY: with MSG_TRUNC nothing is written through the null buffer, and a socket that
    // would write answers EFAULT.
    let answer = unsafe { syscall6(nr::RECVFROM, [fd as usize, 0, most, MSG_DONTWAIT | MSG_TRUNC, 0, 0]) };
    match answer {
        EFAULT => discard_by_copy(fd),
        answer => received(answer),
    }
}

/// Discards by copying: kTLS copies even with `MSG_TRUNC`.
fn discard_by_copy(fd: i32) -> Received {
    let mut room = [0u8; 1024];
    let (at, len) = (room.as_mut_ptr() as usize, room.len());
    // SAFETY: the kernel writes at most `len` bytes there.
    received(unsafe { syscall6(nr::RECVFROM, [fd as usize, at, len, MSG_DONTWAIT, 0, 0]) })
}

fn received(answer: isize) -> Received {
    match answer {
        EAGAIN | EINTR => Received::Nothing,
        answer if answer > 0 => Received::Bytes(answer as usize),
        _ => Received::End,
    }
}

/// Empties the error queue (`MSG_ZEROCOPY`, `SO_TIMESTAMPING`). While something is in it, `poll`
/// does not wait.
pub fn discard_errors(fd: i32) {
    const MOST: u32 = 256;
    for _ in 0..MOST {
        // SAFETY: no memory is passed.
        if unsafe { syscall6(nr::RECVFROM, [fd as usize, 0, 0, MSG_DONTWAIT | MSG_ERRQUEUE, 0, 0]) } < 0 {
            return;
        }
    }
}

/// Asks for `TCP_INFO`. `None` where `fd` is no TCP socket.
pub fn info(fd: i32) -> Option<Info> {
    const IPPROTO_TCP: usize = 6;
    const TCP_INFO: usize = 11;
    /// `tcpi_last_data_recv` is the twelfth word of 32 bits behind the head of 8 bytes.
    const LAST_DATA_RECV: usize = 2 + 11;
    let mut words = [0u32; LAST_DATA_RECV + 1];
    let silent = get(fd, [IPPROTO_TCP, TCP_INFO], &mut words).then(|| words.last().copied()).flatten();
    Some(Info { state: words.first()?.to_ne_bytes()[0], silent_ms: silent? })
}

/// Asks for `SO_COOKIE`, the identity of a socket.
pub fn cookie(fd: i32) -> Option<u64> {
    const SOL_SOCKET: usize = 1;
    const SO_COOKIE: usize = 57;
    let mut cookie = [0u64];
    get(fd, [SOL_SOCKET, SO_COOKIE], &mut cookie).then_some(cookie[0])
}

fn get<T>(fd: i32, [level, name]: [usize; 2], into: &mut [T]) -> bool {
    let mut len = size_of_val(into) as u32;
    let args = [fd as usize, level, name, into.as_mut_ptr() as usize, (&raw mut len) as usize, 0];
    // SAFETY: the kernel writes at most `len` bytes of integers, and `len`.
    unsafe { syscall6(nr::GETSOCKOPT, args) == 0 }
}

/// The number of bytes in the receive queue.
pub fn unread(fd: i32) -> u32 {
    const SIOCINQ: usize = 0x541B;
    count(fd, SIOCINQ)
}

/// The number of bytes that the peer has not acknowledged, our FIN included.
pub fn unacknowledged(fd: i32) -> u32 {
    const SIOCOUTQ: usize = 0x5411;
    count(fd, SIOCOUTQ)
}

fn count(fd: i32, which: usize) -> u32 {
    let mut bytes = 0u32;
    // SAFETY: the kernel writes one int.
    unsafe { syscall6(nr::IOCTL, [fd as usize, which, (&raw mut bytes) as usize, 0, 0, 0]) };
    bytes
}

/// `shutdown(SHUT_WR)`.
pub fn half_close(fd: i32) {
    const SHUT_WR: usize = 1;
    // SAFETY: integers only.
    unsafe { syscall6(nr::SHUTDOWN, [fd as usize, SHUT_WR, 0, 0, 0, 0]) };
}

/// `close(2)`.
pub fn close(fd: i32) {
    // SAFETY: integers only; the number was verified.
    unsafe { syscall6(nr::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) };
}

/// Waits up to `ms` milliseconds, and answers whether the kernel has found an event.
pub fn poll(fds: &mut [PollFd], ms: u64) -> bool {
    let time = [ms / 1000, ms % 1000 * 1_000_000];
    // SAFETY: the kernel writes what it found into `fds`, and the time that is left.
    unsafe { syscall6(nr::PPOLL, [fds.as_mut_ptr() as usize, fds.len(), time.as_ptr() as usize, 0, 8, 0]) > 0 }
}

/// The time in milliseconds since an arbitrary moment.
pub fn now_ms() -> u64 {
    const CLOCK_MONOTONIC: usize = 1;
    let mut now = [0u64; 2];
    // SAFETY: the kernel writes one timespec.
    unsafe { syscall6(nr::CLOCK_GETTIME, [CLOCK_MONOTONIC, now.as_mut_ptr() as usize, 0, 0, 0, 0]) };
    now[0] * 1000 + now[1] / 1_000_000
}

/// The pid of the parent. It changes when the parent ends.
pub fn parent() -> i32 {
    // SAFETY: no arguments.
    unsafe { syscall6(nr::GETPPID, [0; 6]) as i32 }
}

/// Opens a descriptor of a process, which `poll` reports when the process ends (`pidfd_open`). A
/// negative number where that fails.
pub fn open_process(pid: i32) -> i32 {
    // SAFETY: integers only.
    unsafe { syscall6(nr::PIDFD_OPEN, [pid as usize, 0, 0, 0, 0, 0]) as i32 }
}

/// Blocks every signal that can be blocked.
pub fn block_signals() {
    const SIG_SETMASK: usize = 2;
    let all = u64::MAX;
    // SAFETY: the kernel reads one u64.
    unsafe { syscall6(nr::RT_SIGPROCMASK, [SIG_SETMASK, (&raw const all) as usize, 0, 8, 0, 0]) };
}

/// Sets the name of the process, which `ps` shows.
pub fn set_name(name: &CStr) {
    const PR_SET_NAME: usize = 15;
    // SAFETY: the kernel reads a terminated text.
    unsafe { syscall6(nr::PRCTL, [PR_SET_NAME, name.as_ptr() as usize, 0, 0, 0, 0]) };
}

/// Maps zeroed memory for `len` elements, for as long as the process lives. Empty where that fails.
///
/// # Safety
///
/// Zero must be a value of `T`.
pub unsafe fn memory<T>(len: usize) -> &'static mut [T] {
    const READ_WRITE: usize = 3;
    const PRIVATE_ANONYMOUS: usize = 0x22;
    let bytes = len.saturating_mul(size_of::<T>());
    // SAFETY: a fresh mapping at an address of the kernel's choice.
    let at = unsafe { syscall6(nr::MMAP, [0, bytes, READ_WRITE, PRIVATE_ANONYMOUS, usize::MAX, 0]) };
    if at <= 0 {
        return &mut [];
    }
    // SAFETY: so many zeroed elements, aligned to a page, which are used nowhere else; zero
    // is a value, as the caller says.
    unsafe { slice::from_raw_parts_mut(at as *mut T, len) }
}

/// Ends the process.
pub fn exit(status: usize) -> ! {
    loop {
        // SAFETY: integers only.
        unsafe { syscall6(nr::EXIT_GROUP, [status, 0, 0, 0, 0, 0]) };
    }
}
