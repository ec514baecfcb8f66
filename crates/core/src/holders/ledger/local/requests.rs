//! Requests of a ring, and which of them are harmless.
//!
//! Context: pure functions, and reads of the memory that a ring shares with the kernel.

use crate::sys::Fd;
use crate::sys::ring_memory::{Request, View};

/// `IORING_OP_NOP`.
pub const OP_NOP: u8 = 0;
/// `IORING_OP_EPOLL_CTL`.
pub const OP_EPOLL_CTL: u8 = 29;

/// Whether `one` is `other`, or comes before it; both numbers wrap around.
pub fn is_at_most(one: u32, other: u32) -> bool {
    other.wrapping_sub(one) as i32 >= 0
}

/// The numbers of the requests that are queued from `from` on, before `end`.
pub fn between(from: u32, end: u32, view: &View<'_>) -> impl Iterator<Item = u32> + use<> {
    let count = if is_at_most(from, end) { end.wrapping_sub(from).min(view.capacity()) } else { 0 };
    (0..count).map(move |at| from.wrapping_add(at))
}

/// Whether the request changes epoll sets, or nothing. A request without flags has one completion, and
/// waits for no other request. A `NOP` with flags may hold a file.
pub fn is_harmless(request: Request) -> bool {
    request.flags == 0
        && match request.operation {
            OP_NOP => request.operation_flags == 0,
            OP_EPOLL_CTL => true,
            _ => false,
        }
}

/// A change of an epoll set that a request asks for.
#[derive(Clone, Copy)]
pub struct Change {
    /// The epoll set.
    pub set: Fd,
    /// [`ADD`], [`DEL`] or [`MOD`].
    pub operation: i32,
    /// The number that the set is to watch.
    pub fd: Fd,
    /// What the completion of the request will name.
    pub data: u64,
}

/// `EPOLL_CTL_ADD`.
pub const ADD: i32 = 1;
/// `EPOLL_CTL_DEL`.
pub const DEL: i32 = 2;
/// `EPOLL_CTL_MOD`.
pub const MOD: i32 = 3;

/// The change of an epoll set that the request asks for, if it asks for one.
pub fn change(request: Request) -> Option<Change> {
    let Request { operation, fd, offset, len, data, .. } = request;
    let change = || Some(Change { set: Fd::new(fd)?, operation: len as i32, fd: Fd::new(offset as i32)?, data });
    (operation == OP_EPOLL_CTL).then(change)?
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: Request =
        Request { operation: OP_EPOLL_CTL, flags: 0, fd: 5, offset: 7, len: 1, operation_flags: 0, data: 0 };

    #[test]
    fn only_changes_of_sets_and_no_operations_are_harmless() {
        const SEND: u8 = 26;
        let nothing = Request { operation: OP_NOP, ..CHANGE };
        assert!(is_harmless(CHANGE) && is_harmless(nothing));
        let harmful = [
            Request { operation: SEND, ..CHANGE },
            Request { flags: 1, ..CHANGE },
            Request { operation_flags: 2, ..nothing },
        ];
        assert!(!harmful.into_iter().any(is_harmless));
    }

    #[test]
    fn the_offset_of_a_change_is_the_number_to_watch() {
        let found = change(CHANGE).map(|change| (change.set.raw(), change.fd.raw(), change.operation));
        assert_eq!(found, Some((5, 7, ADD)));
        assert!(change(Request { fd: -1, ..CHANGE }).is_none());
    }

    #[test]
    fn numbers_of_requests_wrap_around() {
        assert!(is_at_most(u32::MAX, 2) && is_at_most(2, 2) && !is_at_most(2, u32::MAX));
    }
}
