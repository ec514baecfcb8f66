//! Random programs that are worth a run: connections with data in flight, things
//! that hold them, and things that close them.
//!
//! A program is a list of scenes: single steps for the most part, and short
//! sequences that chance would seldom find, now and then with one step missing.

mod programs;
mod scenes;
mod steps;

use super::case::{Case, Step};
use programs::{cut_off, held_by_another, image, lineage, reexecuted, sent_to_executed, sent_twice, spawned};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Just, Strategy, prop_oneof};
use scenes::{
    added_late, connection, copies, departure, ghost, jump, many_sets, passed, pool, ring, ring_of_a_set, session,
    sets, silent, stream, threads, watched, worker,
};
use steps::{LISTENER, Scene, fixed, step};

/// Any program.
pub fn cases() -> impl Strategy<Value = Case> {
    let listen = (weighted(0.05, fixed(0, "inetd", vec![])), Just(Step::new(0, "listen", &[LISTENER])))
        .prop_map(|(first, listen)| first.into_iter().chain([listen]).collect::<Vec<_>>());
    let last = weighted(0.5, fixed(0, "end", vec![]));
    (listen, vec(connection(), 1..4), vec(scene(), 2..14), last).prop_map(|(first, links, scenes, last)| Case {
        steps: [first].into_iter().chain(links).chain(scenes).flatten().chain(last).collect(),
    })
}

fn scene() -> Scene {
    prop_oneof![
        16 => vec(step(), 1..4),
        2 => connection(),
        2 => worker(),
        2 => copies(),
        2 => watched(),
        1 => ghost(),
        2 => stream(),
        1 => passed(),
        1 => threads(),
        1 => image(),
        2 => pool(),
        1 => added_late(),
        2 => sets(),
        1 => many_sets(),
        2 => spawned(),
        2 => held_by_another(),
        2 => lineage(),
        2 => sent_to_executed(),
        1 => sent_twice(),
        1 => cut_off(),
        2 => ring(),
        1 => ring_of_a_set(),
        1 => jump(),
        1 => reexecuted(),
        2 => session(),
        1 => silent(),
        1 => departure(),
    ]
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::super::hunt::program;
    use super::*;
    use crate::fuzz::verb::VERBS;

    const PROGRAMS: u64 = 800;

    fn programs() -> Vec<Case> {
        (0..PROGRAMS).map(|at| program(1, at)).collect()
    }

    #[test]
    fn every_act_is_in_some_programs() {
        let programs = programs();
        for verb in VERBS {
            let count = programs.iter().filter(|case| case.steps.iter().any(|step| step.verb == verb)).count();
            assert!(count >= 8, "{}: in {count} of {PROGRAMS} programs", verb.name);
        }
    }

    /// Whether these happen in this order, by whoever, with anything in between.
    fn has_in_order(case: &Case, names: &[&str]) -> bool {
        let mut steps = case.steps.iter();
        names.iter().all(|name| steps.any(|step| step.verb.name == *name))
    }

    #[test]
    fn every_shape_is_in_some_programs() {
        let programs = programs();
        let shapes: [&[&str]; 26] = [
            &["listen", "accept", "psend", "write", "close"],
            &["fork", "close", "write", "end"],
            &["thread", "close", "end"],
            &["epoll", "thread", "accept", "ctl", "psend", "wait", "write", "close", "wait"],
            &["epoll", "addclose", "wait"],
            &["epoll", "dup", "ctl", "close", "close", "wait"],
            &["epoll", "close", "rawepoll", "rawctl", "close", "wait"],
            &["epoll", "epoll", "ctl", "ctl", "close", "wait"],
            &["spawn", "close", "check", "write"],
            &["spawnon", "close", "check"],
            &["pair", "fork", "scmsend", "close", "scmrecv", "write"],
            &["pair", "scmsend", "close", "end"],
            &["ring", "submit", "close", "psend"],
            &["ring", "close", "check"],
            &["ring", "epoll", "ringctl", "wait", "close", "check", "wait"],
            &["vspawn", "close", "forkexec", "close", "write", "close", "check"],
            &["spawn", "close", "fork", "exec", "close", "write", "close", "check"],
            &["fork", "exec", "fork", "exec", "close", "write"],
            &["pair", "cloexec", "forkexec", "scmsend", "close", "scmrecv", "write"],
            &["unix", "cloexec", "spawn", "scmsend", "scmrecv", "close", "write"],
            &["pair", "fork", "fork", "scmsend", "scmsend", "close", "scmrecv", "close", "scmrecv", "close"],
            &["pair", "scmtwo", "close", "scmrecv", "check", "scmrecv"],
            &["jumpclose", "check"],
            &["cloexec", "exec", "write", "close"],
            &["fork", "close", "write", "close", "check", "psend"],
            &["write", "leave", "probe"],
        ];
        for shape in shapes {
            let count = programs.iter().filter(|case| has_in_order(case, shape)).count();
            assert!(count >= 3, "{shape:?}: in {count} of {PROGRAMS} programs");
        }
    }
}
