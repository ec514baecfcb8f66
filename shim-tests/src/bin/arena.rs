//! Holds a network namespace for one test: makes it, brings `lo` up, gives it large send buffers,
//! says `arena ready`, and ends with its standard input. With the path of `softclosectl` as its
//! argument it also makes a mount namespace, in which `softclosectl` installs the kernel's own
//! count of references.
//!
//! This is a process of its own because `unshare` of a user namespace needs a process with one
//! thread. A test harness has several.

use std::ffi::OsStr;
use std::io::{self, Read};
use std::process::Command;
use std::{env, fs, mem, ptr};

/// Room for a whole response, for every socket from its start.
const SEND_BUFFER: &str = "4096 8388608 8388608";

fn main() {
    match open() {
        Ok(words) => println!("arena {words}"),
        Err(error) => return println!("arena refused: {error}"),
    }
    let _ = io::stdin().read_to_end(&mut Vec::new());
}

fn open() -> Result<&'static str, String> {
    let words = unshare()?;
    loopback_up().map_err(|error| format!("lo up: {error}"))?;
    fs::write("/proc/sys/net/ipv4/tcp_wmem", SEND_BUFFER).map_err(|error| format!("tcp_wmem: {error}"))?;
    match env::args_os().nth(1) {
        None => Ok(words),
        Some(_) if words != "ready" => Err("the kernel's own count: not root".to_owned()),
        Some(ctl) => count(&ctl).map(|()| "ready counted"),
    }
}

fn count(ctl: &OsStr) -> Result<(), String> {
    let failed = |what: &str| Err(format!("the kernel's own count: {what}: {}", io::Error::last_os_error()));
    // SAFETY: no memory is passed; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNS) } != 0 {
        return failed("unshare");
    }
    let (none, private) = (ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    // SAFETY: terminated strings, and no data.
    if unsafe { libc::mount(none, c"/".as_ptr(), none, private, ptr::null()) } != 0 {
        return failed("mount --make-rprivate");
    }
    let (kind, place) = (c"bpf".as_ptr(), c"/sys/fs/bpf".as_ptr());
    // SAFETY: as above.
    if unsafe { libc::mount(kind, place, kind, 0, c"mode=0700".as_ptr().cast()) } != 0 {
        return failed("mount -t bpf");
    }
    let output = Command::new(ctl).args(["refs", "install"]).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).replace('\n', " ")) }
}

/// Makes a network namespace: directly with privileges, else inside a new user namespace.
fn unshare() -> Result<&'static str, String> {
    // SAFETY: no memory is passed; this process has one thread.
    if unsafe { libc::unshare(libc::CLONE_NEWNET) } == 0 {
        return Ok("ready");
    }
    // SAFETY: getuid and getgid cannot fail.
    let (uid, gid) = unsafe { (libc::getuid(), libc::getgid()) };
    // SAFETY: as above.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } != 0 {
        return Err(format!("unshare: {}", io::Error::last_os_error()));
    }
    let map = |file: &str, text: String| fs::write(file, text).map_err(|error| format!("{file}: {error}"));
    map("/proc/self/setgroups", "deny".to_owned())?;
    map("/proc/self/uid_map", format!("0 {uid} 1"))?;
    map("/proc/self/gid_map", format!("0 {gid} 1"))?;
    Ok("ready unprivileged")
}

fn loopback_up() -> io::Result<()> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    // SAFETY: ifreq is plain data, for which zeroes are valid.
    let mut request: libc::ifreq = unsafe { mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: SIOCSIFFLAGS reads one ifreq.
    match unsafe { libc::ioctl(std::os::fd::AsRawFd::as_raw_fd(&socket), libc::SIOCSIFFLAGS, &request) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
