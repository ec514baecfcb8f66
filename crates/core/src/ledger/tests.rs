//! The ledger against real sockets, in one process. What needs a second process
//! is proved by the victims of `shim-tests`.

use super::*;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;

struct Stage {
    ledger: Ledger,
    _peer: TcpStream,
    stream: TcpStream,
}

impl Stage {
    /// A connection that a hook saw being accepted.
    fn accepted() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let stream = listener.accept().unwrap().0;
        let ledger = Ledger::new();
        ledger.begin(4096);
        let stage = Self { ledger, _peer: peer, stream };
        stage.owner().opened(stage.fd(), Role::Accepted, stage.ledger.stamp());
        stage
    }

    fn owner(&self) -> Owner<'_> {
        self.ledger.owner().unwrap()
    }

    fn fd(&self) -> Fd {
        Fd::new(self.stream.as_raw_fd()).unwrap()
    }

    fn standing(&self) -> Standing {
        // Other tests of this process have children.
        self.owner().spawned(None);
        self.owner().release(self.fd()).standing
    }
}

#[test]
fn the_only_holder_is_the_last() {
    assert_eq!(Stage::accepted().standing(), Standing::Last);
}

#[test]
fn a_duplicate_is_a_holder_until_it_is_released() {
    let stage = Stage::accepted();
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
    assert_eq!(stage.standing(), Standing::Shared);
    stage.owner().spawned(None);
    assert_eq!(stage.owner().release(copy_fd).standing, Standing::Last);
}

#[test]
fn a_child_that_is_being_made_is_a_holder_and_a_failed_fork_is_none() {
    let stage = Stage::accepted();
    let child = stage.owner().before_fork();
    assert!(child.is_some());
    stage.owner().after_fork();
    stage.owner().not_forked(child);
    assert_eq!(stage.standing(), Standing::Last);
}

#[test]
fn what_was_open_at_a_spawn_is_for_procfs_to_judge() {
    let stage = Stage::accepted();
    stage.owner().before_spawn();
    assert_eq!(stage.standing(), Standing::Doubtful);
}

#[test]
fn what_was_opened_while_another_thread_forked_is_for_procfs_to_judge() {
    let stage = Stage::accepted();
    let before = stage.ledger.stamp();
    stage.owner().before_fork();
    stage.owner().after_fork();
    stage.owner().opened(stage.fd(), Role::Accepted, before);
    assert_eq!(stage.standing(), Standing::Doubtful);
}

#[test]
fn what_was_passed_or_received_is_never_provable() {
    let stage = Stage::accepted();
    stage.owner().passed(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable);
    stage.owner().received(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable);
}

#[test]
fn another_socket_under_the_same_number_is_known_by_its_cookie() {
    let stage = Stage::accepted();
    let other = Stage::accepted();
    rustix::io::dup2(other.fd(), &mut std::mem::ManuallyDrop::new(as_owner(stage.fd()))).unwrap();
    assert_eq!(stage.standing(), Standing::Doubtful);
}

/// The number as rustix wants it; never dropped.
fn as_owner(fd: Fd) -> rustix::fd::OwnedFd {
    use rustix::fd::FromRawFd;
    // SAFETY: the number is open, and the caller never drops the owner.
    unsafe { rustix::fd::OwnedFd::from_raw_fd(fd.raw()) }
}

/// Of both numbers of a connection: in how many sets it is, and in how many as the number
/// that was released last.
fn watchers(act: impl FnOnce(&Stage, Fd)) -> (u32, u32) {
    let stage = Stage::accepted();
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
    act(&stage, copy_fd);
    stage.owner().spawned(None);
    assert_eq!(stage.standing(), Standing::Shared);
    let last = stage.owner().release(copy_fd);
    assert_eq!(last.standing, Standing::Last);
    (last.watchers, last.entry.watched.members())
}

fn set() -> Fd {
    Fd::new(9).unwrap()
}

#[test]
fn a_set_goes_on_watching_a_number_that_was_closed() {
    let seen = watchers(|stage, _| {
        stage.owner().joining(stage.fd(), set());
        stage.owner().joined(stage.fd(), Joined::Now);
    });
    assert_eq!(seen, (1, 0));
}

#[test]
fn a_number_that_was_taken_out_of_its_set_is_watched_no_more() {
    let seen = watchers(|stage, _| {
        stage.owner().joining(stage.fd(), set());
        stage.owner().joined(stage.fd(), Joined::Now);
        stage.owner().left(stage.fd());
        stage.owner().joining(stage.fd(), set());
        stage.owner().joined(stage.fd(), Joined::No);
    });
    assert_eq!(seen, (0, 0));
}

#[test]
fn the_last_number_knows_its_own_sets() {
    let seen = watchers(|stage, copy| {
        stage.owner().joining(copy, set());
        stage.owner().left(stage.fd());
    });
    assert_eq!(seen, (1, 1));
}

#[test]
fn sets_that_nobody_else_has_end_with_their_process() {
    let stage = Stage::accepted();
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
    stage.owner().made_set(set(), stage.ledger.stamp());
    stage.owner().joining(stage.fd(), set());
    stage.owner().release_at_end(stage.fd());
    assert_eq!(stage.owner().release(copy_fd).watchers, 0);
}
