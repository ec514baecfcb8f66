//! A program and the programs that it executes. Counts tell which of them has a connection, also
//! where procfs would not, and no program that still has one is harmed.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::inside::{can, inside};
use shim_tests::peer::Peer;
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use shim_tests::strace::{self, Traced};
use shim_tests::twice::Service;
use shim_tests::victim::Victim;
use shim_tests::{RESPONSE, UNREAD, UPLOAD, here};

fn with(name: &str, words: &[&str]) -> Victim {
    words.iter().fold(Victim::c(name), |victim, word| victim.arg(word))
}

const WAYS: [&[&str]; 6] = [
    &["fork-exec", "serve"],
    &["vfork", "serve"],
    &["spawn", "serve"],
    &["fork-exec", "exec", "serve"],
    &["fork-exec", "spawn", "vfork", "serve"],
    &["spawn", "exec", "fork-exec", "serve"],
];

/// The whole family of inetd.
mod a_program_that_was_executed_with_a_connection {
    use super::*;

    #[test]
    fn delivers() {
        WAYS.iter().for_each(|ways| Gauntlet::of(with("lineage", ways)).prove(here!()));
    }

    #[test]
    fn delivers_in_a_pid_namespace() {
        delivers_inside(here!(), &["pid-1", "own-proc"]);
    }

    #[test]
    fn delivers_in_a_pid_namespace_with_the_procfs_of_another() {
        delivers_inside(here!(), &["pid-1"]);
    }

    #[test]
    fn delivers_in_a_container() {
        delivers_inside(here!(), &["pid-1", "own-proc", "nobody", "docker"]);
    }

    #[test]
    fn delivers_as_an_ordinary_user() {
        delivers_inside(here!(), &["nobody"]);
    }

    fn delivers_inside(test: &str, words: &[&str]) {
        if can(test, words) {
            WAYS.iter().for_each(|ways| Gauntlet::of(inside(words, with("lineage", ways))).prove(test));
            ["two", "three", "66"].iter().for_each(|place| {
                Gauntlet::of(inside(words, Victim::c("inetd").arg(*place))).prove(test);
            });
        }
    }

    #[test]
    fn goes_on_when_those_before_it_have_closed() {
        for way in ["fork-exec", "vfork", "spawn"] {
            Service::of(with("lineage", &[way, "keep"])).when_closed().prove(here!());
            Service::of(with("lineage", &["fork-exec", "exec", way, "keep"])).when_closed().prove(here!());
        }
    }

    #[test]
    fn sees_nothing_of_it() {
        for way in ["fork-exec", "vfork", "spawn"] {
            Gauntlet::of(with("lineage", &[way, "ask-environment"])).prove(here!());
        }
    }

    #[test]
    fn looks_at_no_process() {
        let Some(arena) = strace::arena_or_skip(here!()) else { return };
        let traced = Traced::of(&with("lineage", &["fork-exec", "spawn", "serve"]));
        let mut victim = traced.start(&arena, Shim::Preloaded);
        let report = Peer::to(victim.port()).ask(RESPONSE, UNREAD).upload(UPLOAD).read_to_end().start(&arena).finish();
        let finished = victim.finish();
        assert!(report.has_all_of(RESPONSE), "{report:#?}\n{finished:#?}");
        assert_eq!((finished.exit, traced.looks()), (Exit::Code(0), 0), "{finished:#?}");
    }
}

/// As Node's cluster does it.
mod a_connection_that_is_sent_to_an_executed_worker {
    use super::*;

    fn proves(test: &str, way: &str) {
        Gauntlet::of(Victim::c("cluster").arg(way)).prove(test);
    }

    #[test]
    fn is_delivered_when_the_sender_closes_before() {
        proves(here!(), "before");
    }

    #[test]
    fn is_delivered_when_the_sender_closes_after() {
        proves(here!(), "after");
    }

    #[test]
    fn is_delivered_when_it_was_peeked_at() {
        proves(here!(), "peeked");
    }

    #[test]
    fn is_delivered_by_the_sender_when_the_receiver_was_killed() {
        proves(here!(), "killed");
    }

    #[test]
    fn works_on_with_the_second_receiver() {
        Service::of(Victim::c("cluster").arg("twice")).when_closed().prove(here!());
    }

    #[test]
    fn works_on_where_the_receiver_ended_before_it_received_it() {
        Service::of(Victim::c("cluster").arg("lost")).when_closed().prove(here!());
    }

    #[test]
    fn works_on_with_a_receiver_without_the_shim() {
        Service::of(Victim::c("cluster").arg("bare")).when_closed().prove(here!());
    }
}

/// Places in its memory, names and messages are used again.
#[test]
fn a_lineage_that_lives_for_thousands_of_connections_does_not_grow() {
    const MOST_KIB: i64 = 128;
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let finished = with("lasts", &["10000"]).start(&arena, Shim::Preloaded).finish();
    let [more, answered] = finished.stdout.as_slice() else { panic!("{finished:#?}") };
    let kib: i64 = more.strip_suffix(" KiB more").expect("a number").parse().expect("a number");
    assert!(kib <= MOST_KIB, "{finished:#?}");
    assert_eq!((answered.as_str(), finished.exit), ("10000 of 10000 answered", Exit::Code(0)));
}
