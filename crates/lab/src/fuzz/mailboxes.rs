//! The shared memory between the director and the actors, as
//! `victims/stage.h` has it: a mailbox (`struct slot` there) for each actor.
//!
//! An actor is idle while `done` equals `turn`. Only then does the director write
//! to its mailbox; only while they differ does the actor.

use super::verb::{ACTORS, VARS};
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

const EVENTS: usize = 16;
const NUMBERS: usize = 48;

/// One open number, as the actor sees it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct OpenNumber {
    /// The number.
    pub number: u8,
    /// The type of the file: `S_IFMT` of its mode, shifted to the right.
    pub kind: u8,
    /// 1: `O_NONBLOCK`, 2: `FD_CLOEXEC`.
    pub flags: u8,
    /// The state of the connection, `tcpi_state`.
    pub state: u8,
    /// The bytes that can be read, `FIONREAD`.
    pub unread: u32,
    /// Local port.
    pub local: u16,
    /// Port of the peer.
    pub remote: u16,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Event {
    data: u64,
    events: u32,
    unused: u32,
}

#[repr(C)]
struct Mailbox {
    turn: AtomicU32,
    done: AtomicU32,
    births: AtomicU32,
    pid: AtomicI32,
    tid: AtomicI32,
    verb: [u8; 12],
    args: [i32; 4],
    vars: [i32; VARS],
    numbers: [i32; 2],
    value: i32,
    error: i32,
    seen_count: u32,
    event_count: u32,
    seen: [OpenNumber; NUMBERS],
    event: [Event; EVENTS],
}

/// What an act came to.
#[derive(Clone, Debug)]
pub struct ActResult {
    /// What the call returned.
    pub value: i32,
    /// `errno` after it.
    pub error: i32,
    /// What the first two arguments stood for, if they are variables.
    pub numbers: [i32; 2],
    /// Every open number after it.
    pub seen: Vec<OpenNumber>,
    /// What an `epoll_wait` found: data and events, in order.
    pub events: Vec<(u64, u32)>,
}

/// What the director waits for on an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// The end of its act.
    Done,
    /// Its birth.
    Births,
}

/// The mailboxes of all actors, in a mapped file.
pub struct Mailboxes {
    path: PathBuf,
    mailboxes: *mut Mailbox,
}

impl Mailboxes {
    /// Makes new mailboxes, in a file that is removed when they are dropped.
    pub fn new() -> Self {
        let path = std::env::temp_dir().join(format!("softclose-fuzz-{}", std::process::id()));
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path).expect("a file");
        let length = size_of::<[Mailbox; ACTORS]>();
        file.set_len(length as u64).expect("room for it");
        // SAFETY: a new mapping of a file that is long enough.
        let mailboxes = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        assert_ne!(mailboxes, libc::MAP_FAILED, "mmap: {}", std::io::Error::last_os_error());
        Self { path, mailboxes: mailboxes.cast() }
    }

    /// The path of the file, under which an actor finds it.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn mailbox(&self, actor: usize) -> *mut Mailbox {
        assert!(actor < ACTORS);
        // SAFETY: within the mapping.
        unsafe { self.mailboxes.add(actor) }
    }

    fn word(&self, actor: usize, word: Awaited) -> &AtomicU32 {
        let mailbox = self.mailbox(actor);
        // SAFETY: atomics in a mapping that lives as long as we do.
        unsafe {
            match word {
                Awaited::Done => &(*mailbox).done,
                Awaited::Births => &(*mailbox).births,
            }
        }
    }

    /// Puts every mailbox back to its beginning, and sets the variables of the first actor. No
    /// actor may be acting.
    pub fn clear(&self, vars: &[i32]) {
        for actor in 0..ACTORS {
            // SAFETY: zeroes are valid for a mailbox, and nobody else uses it.
            unsafe {
                self.mailbox(actor).write_bytes(0, 1);
                (*self.mailbox(actor)).vars = [-1; VARS];
            }
        }
        // SAFETY: as above.
        unsafe { (&mut (*self.mailbox(0)).vars)[..vars.len()].copy_from_slice(vars) };
    }

    /// Makes the mailbox of an actor idle that is gone in the middle of an act.
    pub fn retire(&self, actor: usize) {
        let mailbox = self.mailbox(actor);
        // SAFETY: atomics in the mapping.
        unsafe { (*mailbox).done.store((*mailbox).turn.load(SeqCst), SeqCst) };
    }

    /// Tells an idle actor what to do.
    pub fn tell(&self, actor: usize, verb: &str, args: [i32; 4]) {
        let mailbox = self.mailbox(actor);
        // SAFETY: the actor is idle, so its mailbox is ours; then it is told.
        unsafe {
            (*mailbox).verb = [0; 12];
            (&mut (*mailbox).verb)[..verb.len()].copy_from_slice(verb.as_bytes());
            (*mailbox).args = args;
            (*mailbox).value = 0;
            (*mailbox).turn.fetch_add(1, SeqCst);
            futex(&(*mailbox).turn, libc::FUTEX_WAKE, 1, None);
        }
    }

    /// Whether the actor is idle.
    pub fn is_done(&self, actor: usize) -> bool {
        let mailbox = self.mailbox(actor);
        // SAFETY: atomics in the mapping.
        unsafe { (*mailbox).turn.load(SeqCst) == (*mailbox).done.load(SeqCst) }
    }

    /// How often a thread became this actor.
    pub fn births(&self, actor: usize) -> u32 {
        self.word(actor, Awaited::Births).load(SeqCst)
    }

    /// The ids of the process and the thread of an actor that was born.
    pub fn ids(&self, actor: usize) -> (i32, i32) {
        let mailbox = self.mailbox(actor);
        // SAFETY: atomics in the mapping.
        unsafe { ((*mailbox).pid.load(SeqCst), (*mailbox).tid.load(SeqCst)) }
    }

    /// Waits until `word` of the actor changes, is told of, or `patience` is over.
    pub fn wait(&self, actor: usize, word: Awaited, patience: Duration, is_ready: impl FnOnce() -> bool) {
        let word = self.word(actor, word);
        let before = word.load(SeqCst);
        if !is_ready() {
            futex(word, libc::FUTEX_WAIT, before, Some(patience));
        }
    }

    /// What the act of an idle actor came to.
    pub fn answer(&self, actor: usize) -> ActResult {
        let mailbox = self.mailbox(actor);
        // SAFETY: the actor is idle, so its mailbox does not change.
        let mailbox = unsafe { &*mailbox };
        let mut events: Vec<_> =
            mailbox.event[..mailbox.event_count as usize].iter().map(|event| (event.data, event.events)).collect();
        events.sort_unstable();
        ActResult {
            value: mailbox.value,
            error: mailbox.error,
            numbers: mailbox.numbers,
            seen: mailbox.seen[..mailbox.seen_count as usize].to_vec(),
            events,
        }
    }
}

impl Drop for Mailboxes {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        // SAFETY: our own mapping, of that length; nobody refers to it any more.
        unsafe { libc::munmap(self.mailboxes.cast(), size_of::<[Mailbox; ACTORS]>()) };
    }
}

fn futex(word: &AtomicU32, call: libc::c_int, value: u32, patience: Option<Duration>) {
    let timeout = patience
        .map(|patience| libc::timespec { tv_sec: patience.as_secs() as _, tv_nsec: patience.subsec_nanos() as _ });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: an aligned word and a valid or null timeout.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), call, value, timeout) };
}
