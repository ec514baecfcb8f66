//! `socketpair(2)` makes a pair of sockets. On a pair of unix sockets the program may send
//! connections to another process. After the call, such a pair is noted.

use crate::sys::guard::with_owner;
use crate::sys::real;
use crate::sys::retry::with_free_number;
use core::ffi::c_int;
use libc::{AF_UNIX, SOCK_DGRAM};
use softclose_core::sys::Fd;

/// `socketpair(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn socketpair(domain: c_int, kind: c_int, protocol: c_int, ends: *mut c_int) -> c_int {
    // SAFETY: the program's own call.
    let result = with_free_number(|| unsafe { real::socketpair(domain, kind, protocol, ends) });
    // A datagram socket can be connected to others, and others can send to it.
    if result == 0 && domain == AF_UNIX && kind & 0xf != SOCK_DGRAM {
        // SAFETY: the kernel has written two numbers there.
        let ends = unsafe { [*ends, *ends.add(1)] };
        if let [Some(one), Some(other)] = ends.map(Fd::new) {
            with_owner(|owner| owner.made_pair(one, other));
        }
    }
    result
}
