//! The ledger with real sockets, in one process. What takes a second process is tested by the victims of
//! `shim-tests`.

use super::local::table::Entry;
use super::memory::descriptions::{Descriptions, SlotId};
use super::memory::family::Family;
use super::memory::family_memory;
use super::memory::marks::Marks;
use super::owner::{Ledger, Owner};
use super::{Child, Joined, Return, Token};
use crate::holders::standing::{Doubt, Standing};
use crate::sys::socket::Role;
use crate::sys::{Fd, process, socket};
use core::sync::atomic::Ordering::SeqCst;
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
fn a_connection_that_another_program_gets_is_never_provable() {
    for (is_kept, standing) in [(false, Standing::Last), (true, Standing::Unprovable(Doubt::Spawned))] {
        let stage = Stage::accepted();
        if is_kept {
            rustix::io::fcntl_setfd(stage.fd(), rustix::io::FdFlags::empty()).unwrap();
        }
        stage.owner().before_spawn(Child::Executes, Return::Seen);
        stage.ledger.hand_on_kept();
        stage.owner().after_spawn(Child::Executes);
        assert_eq!(stage.standing(), standing);
    }
}

#[test]
fn a_connection_that_is_given_to_another_program_is_never_provable() {
    let stage = Stage::accepted();
    stage.ledger.hand_on(stage.fd());
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Spawned));
}

#[test]
fn a_connection_that_loses_close_on_exec_during_a_spawn_is_never_provable() {
    let stage = Stage::accepted();
    let before = stage.ledger.stamp();
    stage.owner().before_spawn(Child::Executes, Return::Seen);
    rustix::io::fcntl_setfd(stage.fd(), rustix::io::FdFlags::empty()).unwrap();
    stage.owner().kept(stage.fd(), before);
    stage.owner().after_spawn(Child::Executes);
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Spawned));
}

#[test]
fn while_a_process_takes_descriptors_nothing_is_provable() {
    let stage = Stage::accepted();
    stage.ledger.takes(true);
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
    let stage = Stage::accepted();
    stage.ledger.takes(true);
    stage.ledger.takes(false);
    assert_eq!(stage.standing(), Standing::Last);
}

#[test]
fn while_a_double_may_run_on_the_memory_no_process_is_the_owner() {
    let stage = Stage::accepted();
    assert!(!stage.ledger.may_have_double(true));
    stage.owner().makes_inner_children();
    assert!(stage.ledger.may_have_double(false));
    assert!(stage.ledger.owner().is_none());
    stage.ledger.has_no_double();
    assert!(stage.ledger.owner().is_some());
}

#[test]
fn a_connection_that_was_opened_during_a_fork_is_doubtful() {
    let stage = Stage::accepted();
    let before = stage.ledger.stamp();
    stage.owner().before_fork();
    stage.owner().after_fork();
    stage.owner().opened(stage.fd(), Role::Accepted, before);
    assert_eq!(stage.standing(), Standing::Doubtful);
}

#[test]
fn a_connection_that_was_passed_or_received_uncounted_is_never_provable() {
    let stage = Stage::accepted();
    stage.owner().passes(stage.fd(), None);
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
    stage.owner().received(stage.fd(), None, stage.ledger.stamp());
    assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Passed));
}

#[test]
fn another_socket_under_the_same_number_is_known_by_its_cookie() {
    let stage = Stage::accepted();
    let other = Stage::accepted();
    rustix::io::dup2(other.fd(), &mut std::mem::ManuallyDrop::new(as_owner(stage.fd()))).unwrap();
    assert_eq!(stage.standing(), Standing::Doubtful);
}

/// The number as rustix wants it. The caller must not drop it.
#[allow(unsafe_code)]
fn as_owner(fd: Fd) -> rustix::fd::OwnedFd {
    use rustix::fd::FromRawFd;
    // SAFETY: the number is open, and the caller never drops the owner.
    unsafe { rustix::fd::OwnedFd::from_raw_fd(fd.raw()) }
}

/// For a connection with two numbers: how many sets watched it when the second number was released, and how
/// many of them under that number.
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
fn a_number_that_was_taken_out_of_its_set_is_not_watched() {
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
fn sets_that_no_other_process_has_end_with_their_process() {
    let stage = Stage::accepted();
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
    stage.owner().made_set(set(), stage.ledger.stamp());
    stage.owner().joining(stage.fd(), set());
    stage.owner().release_at_end(stage.fd());
    assert_eq!(stage.owner().release(copy_fd).watchers, 0);
}

mod after_detach {
    use super::*;

    fn child_of(stage: &Stage) -> Token {
        let child = stage.owner().before_fork().unwrap();
        stage.owner().after_fork();
        child
    }

    #[test]
    fn a_process_goes_on_counting_what_only_it_holds() {
        let stage = Stage::accepted();
        let copy = stage.stream.try_clone().unwrap();
        let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
        stage.owner().duplicated(stage.fd(), copy_fd, stage.ledger.stamp());
        stage.owner().detach();
        assert_eq!(stage.standing(), Standing::Shared);
        stage.owner().spawned(None);
        assert_eq!(stage.owner().release(copy_fd).standing, Standing::Last);
    }

    #[test]
    fn a_process_counts_what_it_gets_and_the_children_that_it_makes() {
        let stage = Stage::accepted();
        stage.owner().detach();
        let other = Stage::accepted();
        let fd = other.fd();
        stage.owner().opened(fd, Role::Accepted, stage.ledger.stamp());
        let (child, slot) = (child_of(&stage), stage.ledger.table.slot(fd).unwrap());
        assert_eq!(stage.owner().release(fd).standing, Standing::Shared);
        assert!(stage.ledger.descriptions().holders(slot).eq([child]));
    }

    #[test]
    fn a_process_trusts_no_count_of_what_others_held_with_it() {
        let stage = Stage::accepted();
        let child = child_of(&stage);
        stage.owner().detach();
        // In the memory that was left the child may have forked since.
        stage.ledger.family().remove(child);
        assert_eq!(stage.standing(), Standing::Unprovable(Doubt::Spawned));
    }

    #[test]
    fn a_process_is_not_followed_in_the_old_memory_and_what_it_alone_held_is_free_there() {
        let stage = Stage::accepted();
        child_of(&stage);
        let (shared, own) = (stage.fd(), Stage::accepted());
        stage.owner().opened(own.fd(), Role::Accepted, stage.ledger.stamp());
        let me = stage.ledger.me().unwrap();
        let old = stage.ledger.memory.second_mapping().unwrap();
        stage.owner().detach();
        let (family, slots) = (Family::of(&old), Descriptions::of(&old));
        let [first, second] = [1, 2].map(|raw| SlotId::new(raw).unwrap());
        assert!(!family.is_followed(me) && family.has_options());
        assert!(slots.holders(first).any(|holder| holder == me) && slots.marks(first).has(Marks::HANDED_ON));
        assert!(slots.is(first, socket::cookie(shared).unwrap()) && slots.is(second, 0));
        assert!(stage.ledger.family().is_followed(me));
    }

    #[test]
    fn a_process_that_goes_unseen_knows_no_count() {
        let stage = Stage::accepted();
        stage.owner().goes_unseen();
        assert_eq!(stage.ledger.me(), None);
        assert_eq!(stage.standing(), Standing::Doubtful);
    }
}

/// Whatever another process writes to the shared memory: nothing panics, overflows or loops for ever.
#[test]
fn rubbish_in_the_shared_memory_is_survived() {
    const ROUNDS: u32 = 300;
    let stage = Stage::accepted();
    let mut random = 88172645463325252u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    for _ in 0..ROUNDS {
        let words = stage.ledger.memory.words();
        let near = words.len().min((size_of::<family_memory::Head>() + 4096) / size_of::<u64>());
        for word in &words[..near] {
            let rubbish = next();
            word.store([0, u64::MAX, rubbish % 9, rubbish << 32 | 1, rubbish, 1 << 63][rubbish as usize % 6], SeqCst);
        }
        use_everything(&stage);
    }
}

fn use_everything(stage: &Stage) {
    let (owner, fd) = (stage.owner(), stage.fd());
    let since = stage.ledger.stamp();
    owner.opened(fd, Role::Accepted, since);
    let copy = stage.stream.try_clone().unwrap();
    let copy_fd = Fd::new(copy.as_raw_fd()).unwrap();
    owner.duplicated(fd, copy_fd, since);
    let child = owner.before_fork();
    owner.after_fork();
    owner.not_forked(child);
    let child = owner.before_fork();
    owner.after_fork();
    owner.forked(child, process::pid().unwrap());
    owner.before_spawn(Child::Executes, Return::Seen);
    owner.passes(copy_fd, None);
    stage.ledger.hand_on_kept();
    let _ = (owner.is_only_ours(fd), owner.may_have_options(Entry::UNKNOWN), stage.ledger.number_of(7));
    let _ = owner.release(copy_fd);
    owner.opened(copy_fd, Role::Connected, since);
    let _ = owner.release(copy_fd);
    let _ = owner.release(fd);
    let execution = owner.before_exec(true, || false);
    execution.into_iter().for_each(|execution| stage.ledger.execution_failed(execution));
    owner.opened(fd, Role::Accepted, since);
    owner.detach();
    stage.ledger.become_child(child);
}

/// A server whose numbers lay beyond the table took a slot of the shared memory for each connection, and never
/// gave one back.
#[test]
fn a_connection_that_cannot_be_noted_takes_no_slot() {
    let stage = Stage::accepted();
    let ledger = Ledger::new();
    ledger.begin(64);
    let beyond = Fd::adopt(rustix::io::fcntl_dupfd_cloexec(stage.fd(), 100).unwrap());
    ledger.owner().unwrap().opened(beyond, Role::Accepted, ledger.stamp());
    assert_eq!((ledger.family().reach(), ledger.table.slot(beyond)), (0, None));
    assert!(matches!(ledger.owner().unwrap().release(beyond).standing, Standing::Doubtful));
    beyond.close();
}
