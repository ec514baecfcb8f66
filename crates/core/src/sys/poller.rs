//! epoll, as the drain and the exit use it.

use super::Fd;
use super::clock::timespec;
use super::raw::{nr, syscall6};
use core::mem::MaybeUninit;
use rustix::event::PollFlags;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Result;

/// So many numbers are as good as the lowest of them for an epoll set.
pub const A_FEW: i32 = 8;

/// Most events taken in one call.
pub const BATCH: usize = 64;

/// What of a socket is an event.
///
/// One-shot as a rule, so that a registration which outlives its number (a raw clone
/// child may hold the description) can be reported once at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest(EventFlags);

impl Interest {
    /// Input, and the peer's FIN.
    pub const INPUT: Self = Self(EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ONESHOT));
    /// The peer's FIN alone: what is not read must not be reported again and again.
    pub const FIN: Self = Self(EventFlags::RDHUP.union(EventFlags::ONESHOT));
    /// Every change of the state of a socket that is shut both ways, and so reports
    /// `EPOLLHUP` for ever: edge-triggered, as `sk_state_change` wakes who waits.
    pub const CHANGE: Self = Self(EventFlags::ET);

    /// The same, and room to write.
    pub fn or_room(self) -> Self {
        Self(self.0.union(EventFlags::OUT))
    }

    /// Whether an event leaves it in force.
    fn is_standing(self) -> bool {
        !self.0.contains(EventFlags::ONESHOT)
    }

    /// The same for `poll`.
    pub fn poll_flags(self) -> PollFlags {
        let input = if self.0.contains(EventFlags::IN) { PollFlags::IN } else { PollFlags::empty() };
        input | PollFlags::RDHUP
    }
}

/// An epoll descriptor; a number, not an owner.
#[derive(Clone, Copy, Debug)]
pub struct Poller(Fd);

impl Poller {
    /// A close-on-exec epoll instance on a number that is `min` or more; on one of the
    /// first few from `low` on, if that is free.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn create_from(low: i32, min: i32) -> Result<Self> {
        let made = Fd::adopt(epoll::create(CreateFlags::CLOEXEC)?);
        // The high one first, also where it is not kept: the kernel's table grows once.
        let high = made.duplicate_from(min);
        let near = if high.is_ok() && low < min { made.duplicate_near(low, A_FEW) } else { None };
        made.close();
        let number = near.map_or(high, Ok)?;
        high.into_iter().filter(|&high| high != number).for_each(Fd::close);
        sign(number)?;
        Ok(Self(number))
    }

    /// The instance behind a number, if it is still one of ours: the program may
    /// have closed a number that it does not know, and put its own epoll there.
    pub fn verified(fd: Fd) -> Option<Self> {
        is_signed(fd).then_some(Self(fd))
    }

    /// Its number.
    pub fn fd(self) -> Fd {
        self.0
    }

    /// Watches `fd`; `wake` asks for an event at once as well (a socket is as good as
    /// always writable).
    ///
    /// # Errors
    /// `EEXIST`, `EBADF`, `ENOSPC`, `ENOMEM`.
    pub fn add(self, fd: Fd, data: u64, interest: Interest, wake: bool) -> Result<()> {
        let out = if wake { EventFlags::OUT } else { EventFlags::empty() };
        epoll::add(self.0, fd, EventData::new_u64(data), interest.0 | out)
    }

    /// Makes `fd`, which is in the set, report an event at once.
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn nudge(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        epoll::modify(self.0, fd, EventData::new_u64(data), interest.0 | EventFlags::OUT)
    }

    /// Watches `fd` once more after an event, where that takes something: to ask again
    /// would report a standing interest at once.
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn rearm(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        if interest.is_standing() { Ok(()) } else { self.set(fd, data, interest) }
    }

    /// Watches `fd`, which is in the set already, for this.
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn set(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        epoll::modify(self.0, fd, EventData::new_u64(data), interest.0)
    }

    /// Waits up to `timeout_ms` for events and writes their data to `ready`;
    /// answers how many. `None` waits for ever.
    #[inline(never)]
    pub fn wait(self, timeout_ms: Option<u32>, ready: &mut [u64; BATCH]) -> Result<usize> {
        let mut events = [MaybeUninit::<Event>::uninit(); BATCH];
        let timeout = timeout_ms.map(timespec);
        let (events, _) = epoll::wait(self.0, &mut events, timeout.as_ref())?;
        for (data, event) in ready.iter_mut().zip(events.iter()) {
            *data = event.data.u64();
        }
        Ok(events.len())
    }
}

/// Takes `fd` out of `set`, an epoll set of the program's.
///
/// # Errors
/// `ENOENT`: not in it. `EINVAL`: not an epoll instance. `EBADF`.
pub fn leave(set: Fd, fd: Fd) -> Result<()> {
    epoll::delete(set, fd)
}

/// The signal number that we write into our epoll descriptions (`F_SETSIG`) to
/// know them again. An epoll file never sends one: it has no `fasync`.
const SIGNATURE: usize = 62;
const F_SETSIG: usize = 10;
const F_GETSIG: usize = 11;

fn sign(fd: Fd) -> Result<()> {
    // SAFETY: fcntl with integer arguments only.
    unsafe { syscall6(nr::FCNTL, [fd.index(), F_SETSIG, SIGNATURE, 0, 0, 0]) }.map(drop)
}

fn is_signed(fd: Fd) -> bool {
    // SAFETY: fcntl with integer arguments only.
    let found = unsafe { syscall6(nr::FCNTL, [fd.index(), F_GETSIG, 0, 0, 0, 0]) };
    found == Ok(SIGNATURE)
}
