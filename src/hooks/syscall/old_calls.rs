//! Calls that the kernel has on x86_64 alone: newer machines have begun with those that replace them.

use core::ffi::{c_int, c_long, c_void};
use libc::{CLONE_VFORK, CLONE_VM};
use softclose_core::sys::raw::nr;

/// Where each number leads.
pub const ROUTES: [(usize, *const c_void); 4] = [
    (nr::DUP2, dup2 as *const c_void),
    (nr::EPOLL_CREATE, epoll_create as *const c_void),
    (nr::FORK, super::looked_at as *const c_void),
    (nr::VFORK, super::looked_at as *const c_void),
];

/// The flags of `clone(2)` that make the same process as this call.
pub fn flags_of(number: usize) -> c_int {
    if number == nr::VFORK { CLONE_VM | CLONE_VFORK } else { 0 }
}

forward! {
    dup2(old: c_int, new: c_int) = crate::hooks::dup::dup2;
    epoll_create(size: c_int) = crate::hooks::epoll_create::epoll_create;
}
