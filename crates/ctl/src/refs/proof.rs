//! Checks whether answers are right, by questions whose answers are known.

use anyhow::{Context, Result, bail};
use rustix::event::epoll;
use softclose_core::holders::refs::{Answer, ask_at};
use softclose_core::sys::Fd;
use std::ffi::CStr;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Asks the iterator at `path` about a socket, which is copied and watched between the questions.
pub fn check(path: &CStr) -> Result<()> {
    let (socket, number) = socket()?;
    let expect = |what: &str, count, is_watched| {
        let answer = ask_at(path, number).with_context(|| format!("no answer about {what}"))?;
        let right = Answer { count, is_watched, is_table_shared: false };
        if answer != right {
            bail!("the answer about {what} is {answer:?}, but {right:?} would be right");
        }
        Ok(())
    };
    expect("a socket", 1, false)?;
    let copy = socket.try_clone()?;
    expect("a socket with a copy", 2, false)?;
    drop(copy);
    expect("a socket whose copy was closed", 1, false)?;
    let set = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&set, &socket, epoll::EventData::new_u64(0), epoll::EventFlags::IN)?;
    expect("a socket in an epoll set", 1, true)?;
    epoll::delete(&set, &socket)?;
    expect("a socket that has left its epoll set", 1, false)?;
    expect_none(path)
}

/// How long a question takes: the median of a thousand.
pub fn cost(path: &CStr) -> Result<Duration> {
    let (_socket, number) = socket()?;
    let mut times: Vec<_> = (0..1000)
        .map(|_| {
            let begun = Instant::now();
            ask_at(path, number).map(|_| begun.elapsed())
        })
        .collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().flatten().context("no answer")
}

fn socket() -> Result<(UdpSocket, Fd)> {
    let socket = UdpSocket::bind(("127.0.0.1", 0)).or_else(|_| UdpSocket::bind(("::1", 0))).context("a socket")?;
    let number = Fd::new(socket.as_raw_fd()).context("a number")?;
    Ok((socket, number))
}

fn expect_none(path: &CStr) -> Result<()> {
    for number in [i32::MAX, 1 << 20] {
        if Fd::new(number).is_some_and(|number| ask_at(path, number).is_some()) {
            bail!("there is an answer about a descriptor that is not open");
        }
    }
    Ok(())
}
