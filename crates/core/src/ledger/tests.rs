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

/// Streams of the standard library are close-on-exec.
#[test]
fn what_another_program_gets_is_never_provable() {
    for (is_kept, standing) in [(false, Standing::Last), (true, Standing::Unprovable(Doubt::Spawned))] {
        let stage = Stage::accepted();
        if is_kept {
            rustix::io::fcntl_setfd(stage.fd(), rustix::io::FdFlags::empty()).unwrap();
        }
        stage.owner().before_spawn(Child::Executes, Return::Seen);
        stage.owner().after_spawn(Child::Executes);
        assert_eq!(stage.standing(), standing);
    }
}

#[test]
fn what_is_given_to_another_program_by_name_is_never_provable() {
    let stage = Stage::accepted();
    stage.ledger.hand(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Spawned));
}

#[test]
fn what_is_kept_while_another_thread_spawns_is_never_provable() {
    let stage = Stage::accepted();
    let before = stage.ledger.stamp();
    stage.owner().before_spawn(Child::Executes, Return::Seen);
    rustix::io::fcntl_setfd(stage.fd(), rustix::io::FdFlags::empty()).unwrap();
    stage.owner().kept(stage.fd(), before);
    stage.owner().after_spawn(Child::Executes);
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Spawned));
}

#[test]
fn while_somebody_takes_descriptors_nothing_is_provable() {
    let stage = Stage::accepted();
    stage.ledger.takes(true);
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
    let stage = Stage::accepted();
    stage.ledger.takes(true);
    stage.ledger.takes(false);
    assert_eq!(stage.standing(), Standing::Last);
}

#[test]
fn while_a_double_may_run_on_its_memory_nobody_is_the_owner() {
    let stage = Stage::accepted();
    assert!(!stage.ledger.may_have_double(true));
    stage.owner().is_outside();
    assert!(stage.ledger.may_have_double(false));
    assert!(stage.ledger.owner().is_none());
    stage.ledger.has_no_double();
    assert!(stage.ledger.owner().is_some());
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
    stage.owner().passes(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
    stage.owner().received(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
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

#[test]
fn a_number_that_is_still_watched_cannot_be_left() {
    let stage = Stage::accepted();
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
    stage.owner().watched(stage.fd(), Fd::new(9).unwrap());
    assert_eq!(stage.standing(), Standing::Shared);
    assert_eq!(stage.owner().release(copy_fd).standing, Standing::Unprovable(Doubt::Watched));
}
