//! epoll, as the drain and the end of a process use it.
//!
//! Context: async-signal-safe.

use crate::sys::clock::timespec;
use crate::sys::fd::Fd;
use crate::sys::raw::{nr, syscall6};
use core::mem::MaybeUninit;
use rustix::event::PollFlags;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::Result;

/// Where one number is wanted for an epoll set, this many from it on are as good.
pub const A_FEW: i32 = 8;

/// Most events that one call of [`Poller::wait`] takes.
pub const BATCH: usize = 64;

/// Which changes of a socket are events.
///
/// Most are one-shot. So a registration that outlives its descriptor is reported at most once;
/// that happens where a child, made by a raw `clone`, still has the open file description.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest(EventFlags);

impl Interest {
    /// Data to read, and the peer's FIN.
    pub const INPUT: Self = Self(EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ONESHOT));
    /// The peer's FIN alone, for a socket that is not read: data would be reported again and again.
    pub const FIN: Self = Self(EventFlags::RDHUP.union(EventFlags::ONESHOT));
    /// Every change of the TCP state. For a socket that is shut both ways, which reports
    /// `EPOLLHUP` for ever: edge-triggered, it is reported once per change (`sk_state_change`).
    pub const CHANGE: Self = Self(EventFlags::ET);

    /// This interest, and room in the send buffer.
    pub fn or_room(self) -> Self {
        Self(self.0.union(EventFlags::OUT))
    }

    /// Whether it stays in force after an event.
    fn is_standing(self) -> bool {
        !self.0.contains(EventFlags::ONESHOT)
    }

    /// The same events, for `poll(2)`.
    pub fn poll_flags(self) -> PollFlags {
        let input = if self.0.contains(EventFlags::IN) { PollFlags::IN } else { PollFlags::empty() };
        input | PollFlags::RDHUP
    }
}

/// The descriptor of an epoll instance. No drop closes it.
#[derive(Clone, Copy, Debug)]
pub struct Poller(Fd);

impl Poller {
    /// Makes a close-on-exec epoll instance. Its number is one of the first [`A_FEW`] from `low`
    /// on, where `low` is below `min` and one of these is free, otherwise `min` or more.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn create_from(low: i32, min: i32) -> Result<Self> {
        let made = Fd::adopt(epoll::create(CreateFlags::CLOEXEC)?);
        // The high number comes first, even if it is not kept: so the table of descriptors grows
        // only once.
        let high = made.duplicate_from(min);
        let near = if high.is_ok() && low < min { made.duplicate_near(low, A_FEW) } else { None };
        made.close();
        let number = near.map_or(high, Ok)?;
        high.into_iter().filter(|&high| high != number).for_each(Fd::close);
        sign(number)?;
        Ok(Self(number))
    }

    /// The epoll instance with this number, if it is one of ours. The program may have closed
    /// our number, which it does not know, and opened another file there.
    pub fn verified(fd: Fd) -> Option<Self> {
        is_signed(fd).then_some(Self(fd))
    }

    /// Its number.
    pub fn fd(self) -> Fd {
        self.0
    }

    /// Adds `fd` to the set. With `wake` an event is reported at once: it also asks for room to
    /// write, which a socket nearly always has.
    ///
    /// # Errors
    /// `EEXIST`, `EBADF`, `ENOSPC`, `ENOMEM`.
    pub fn add(self, fd: Fd, data: u64, interest: Interest, wake: bool) -> Result<()> {
        let out = if wake { EventFlags::OUT } else { EventFlags::empty() };
        epoll::add(self.0, fd, EventData::new_u64(data), interest.0 | out)
    }

    /// Makes `fd`, which is in the set, report an event at once, as `wake` does in [`Poller::add`].
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn nudge(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        epoll::modify(self.0, fd, EventData::new_u64(data), interest.0 | EventFlags::OUT)
    }

    /// Asks for the next event of `fd`. Nothing is done where `interest` is not one-shot: to set
    /// it again would report an event at once.
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn rearm(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        if interest.is_standing() { Ok(()) } else { self.set(fd, data, interest) }
    }

    /// Changes the interest in `fd`, which is in the set.
    ///
    /// # Errors
    /// `ENOENT`, `EBADF`.
    pub fn set(self, fd: Fd, data: u64, interest: Interest) -> Result<()> {
        epoll::modify(self.0, fd, EventData::new_u64(data), interest.0)
    }

    /// Waits for events, at most `timeout_ms` milliseconds, or without limit for `None`. Writes
    /// the data of each event to `ready`, and answers how many there are.
    ///
    /// # Errors
    /// `EINTR`, `EBADF`, `EINVAL`.
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

/// Removes `fd` from `set`, an epoll set of the program.
///
/// # Errors
/// `ENOENT`: `fd` is not in the set. `EINVAL`: `set` is no epoll instance. `EBADF`.
pub fn leave(set: Fd, fd: Fd) -> Result<()> {
    epoll::delete(set, fd)
}

/// The signal number that we store in our epoll instances (`F_SETSIG`), to recognise them. An
/// epoll instance never sends a signal: its file has no `fasync`.
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
