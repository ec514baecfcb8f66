//! `io_submit(2)` through `syscall(2)`. A request to poll a connection (`IOCB_CMD_POLL`) holds the
//! connection after its close, as a message in flight does. Before the call, such connections are
//! noted. libaio makes a raw system call, which no hook sees.

use super::sendmsg::{NO_SOCKET, passed};
use core::ffi::c_long;
use softclose_core::sys::{Fd, probe};

/// The head of `struct iocb` (`linux/aio_abi.h`).
#[repr(C)]
#[derive(Clone, Copy)]
struct Request {
    _data_key_flags: [u64; 2],
    operation: u16,
    _priority: i16,
    descriptor: u32,
}

const IOCB_CMD_POLL: u16 = 5;
/// How many requests of one call are looked at, the first ones. Programs read files like this,
/// and hardly ever poll connections.
const MOST: usize = 256;

/// Before the call: notes the connections that its requests poll.
pub fn note(count: c_long, requests: usize) {
    let requests = requests as *const *const Request;
    for at in 0..usize::try_from(count).unwrap_or(0).min(MOST) {
        // SAFETY: any bytes are a pointer, and a request.
        let request = unsafe { probe::read(requests.wrapping_add(at)).and_then(|request| probe::read(request)) };
        let polled = request.filter(|request| request.operation == IOCB_CMD_POLL);
        if let Some(fd) = polled.and_then(|request| Fd::new(request.descriptor as i32)) {
            let _ = passed(fd, NO_SOCKET);
        }
    }
}
