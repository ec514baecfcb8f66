//! A link with delay and loss, where the kernel has no netem: a TUN device in each of
//! two network namespaces, and this between them.
//!
//!     relay DEVICE NAMESPACE DELAY_MS LOSS_PERCENT SEED
//!
//! One end is in the namespace that it is started in, the other one in NAMESPACE (a
//! file of `/proc/PID/ns`). Says `relay ready`, and ends with its standard input. Packets
//! keep their order. The same SEED loses the same ones of the same packets.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

/// `_IOW('T', 202, int)`.
const TUNSETIFF: libc::c_ulong = 0x4004_54CA;

const LARGEST: usize = 64 << 10;

/// One direction of the link.
struct Way {
    from: File,
    to: File,
    /// Packets on their way, and when they arrive.
    flying: VecDeque<(Instant, Vec<u8>)>,
}

struct Weather {
    delay: Duration,
    loss: f64,
    dice: fastrand::Rng,
}

fn main() -> io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [device, namespace, delay, loss, seed] = &words[..] else { panic!("five arguments") };
    let mut weather = Weather {
        delay: Duration::from_millis(delay.parse().expect("milliseconds")),
        loss: loss.parse::<f64>().expect("percent") / 100.0,
        dice: fastrand::Rng::with_seed(seed.parse().expect("a number")),
    };
    let near = tun(device)?;
    enter(&File::open(namespace)?)?;
    let far = tun(device)?;
    let way = |from: &File, to: &File| -> io::Result<Way> {
        Ok(Way { from: from.try_clone()?, to: to.try_clone()?, flying: VecDeque::new() })
    };
    let mut ways = [way(&near, &far)?, way(&far, &near)?];
    println!("relay ready");
    while wait(&ways)? {
        for way in &mut ways {
            way.take_in(&mut weather)?;
            way.deliver();
        }
    }
    Ok(())
}

impl Way {
    fn take_in(&mut self, weather: &mut Weather) -> io::Result<()> {
        let mut packet = [0; LARGEST];
        loop {
            match self.from.read(&mut packet) {
                Ok(_) if weather.dice.f64() < weather.loss => {}
                Ok(length) => self.flying.push_back((Instant::now() + weather.delay, packet[..length].to_vec())),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes the packets that are due. A device that is down loses them, as a cable would.
    fn deliver(&mut self) {
        let now = Instant::now();
        while self.flying.front().is_some_and(|(due, _)| *due <= now) {
            let (_, packet) = self.flying.pop_front().expect("there is one");
            let _ = self.to.write(&packet);
        }
    }
}

/// Waits until a packet comes or one is due. Answers false at the end of standard input.
fn wait(ways: &[Way; 2]) -> io::Result<bool> {
    let due = ways.iter().filter_map(|way| way.flying.front()).map(|(due, _)| *due).min();
    // Rounded up, or it would be asked again and again within the last millisecond.
    let patience =
        due.map_or(-1, |due| due.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000) as i32);
    let poll = |fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut all = [poll(ways[0].from.as_raw_fd()), poll(ways[1].from.as_raw_fd()), poll(libc::STDIN_FILENO)];
    // SAFETY: three valid pollfds.
    match unsafe { libc::poll(all.as_mut_ptr(), 3, patience) } {
        -1 => Err(io::Error::last_os_error()),
        _ => Ok(all[2].revents == 0),
    }
}

/// A TUN device in the namespace that this process is in.
fn tun(name: &str) -> io::Result<File> {
    let tun = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")?;
    // SAFETY: ifreq is plain data, for which zeroes are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TUN | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: TUNSETIFF reads and writes one ifreq.
    match unsafe { libc::ioctl(tun.as_raw_fd(), TUNSETIFF, &mut request) } {
        0 => Ok(tun),
        _ => Err(io::Error::last_os_error()),
    }
}

fn enter(namespace: &File) -> io::Result<()> {
    // SAFETY: no memory is passed; this process has one thread.
    match unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
