//! Scenes with several programs: what one executes, hands on in a message, or holds for another.

use super::steps::{PAIR, Scene, fixed, together};
use crate::fuzz::case::Step;
use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::strategy::Union;

/// Another image, in a child or in the process itself.
pub fn image() -> Scene {
    (0..3_i32, 0..4_i32)
        .prop_flat_map(|(actor, var)| {
            together(vec![
                fixed(0, "fork", vec![Some(actor)]),
                fixed(actor, "cloexec", vec![Some(var), Some(1)]),
                fixed(actor, "exec", vec![]),
                fixed(actor, "write", vec![None]),
            ])
        })
        .boxed()
}

/// Another program beside a close, with the connection or without.
pub fn spawned() -> Scene {
    (1..4_i32, 0..4_i32, 0..4_i32, Union::new(["spawn", "vspawn", "forkexec", "spawnon", "system"].map(Just)))
        .prop_flat_map(|(child, var, link, way)| {
            let has_actor = matches!(way, "spawn" | "vspawn" | "forkexec");
            let first = match way {
                "spawnon" => vec![Some(var)],
                "system" => vec![],
                _ => vec![Some(child)],
            };
            let mut steps = vec![fixed(0, "cloexec", vec![Some(var)]), fixed(0, way, first)];
            steps.push(fixed(0, "close", vec![Some(var)]));
            steps.push(fixed(0, "check", vec![Some(link)]));
            if has_actor {
                steps.push(fixed(child, "write", vec![Some(var)]));
                steps.push(fixed(child, "end", vec![]));
            }
            together(steps)
        })
        .boxed()
}

/// A connection in a message to another process, which answers later; or that one
/// sends it on to a third, and ends.
pub fn held_by_another() -> Scene {
    (0..4_i32, 0..4_i32, any::<bool>(), any::<bool>())
        .prop_flat_map(|(var, link, is_passed_on, is_late)| {
            let (holder, sender) = (1, if is_passed_on { 2 } else { 0 });
            let mut steps = vec![fixed(0, "pair", PAIR.map(Some).to_vec()), fixed(0, "fork", vec![Some(holder)])];
            if is_passed_on {
                steps.push(fixed(0, "fork", vec![Some(sender)]));
            }
            let mut ends =
                vec![fixed(sender, "scmsend", vec![Some(PAIR[0]), Some(var)]), fixed(0, "close", vec![Some(var)])];
            if is_late {
                ends.reverse();
            }
            steps.extend(ends);
            if is_passed_on {
                steps.push(fixed(sender, "end", vec![]));
            }
            steps.push(fixed(0, "check", vec![Some(link)]));
            steps.push(fixed(holder, "close", vec![Some(var)]));
            steps.push(fixed(holder, "scmrecv", vec![Some(var), Some(PAIR[1]), Some(0)]));
            steps.push(fixed(holder, "write", vec![Some(var)]));
            steps.push(fixed(holder, "close", vec![Some(var)]));
            together(steps)
        })
        .boxed()
}

/// How a program is executed: as another actor, or in the place of one that was forked for it.
fn way() -> Union<Just<&'static str>> {
    Union::new(["spawn", "vspawn", "forkexec", "exec"].map(Just))
}

/// Whether a program is executed without what is loaded before it: most often not.
fn is_bare() -> BoxedStrategy<i32> {
    prop_oneof![5 => Just(0), 1 => Just(1)].boxed()
}

/// `parent` executes the program again, as `child`.
fn executed(parent: i32, child: i32, way: &'static str, is_bare: i32) -> Vec<BoxedStrategy<Step>> {
    match way {
        "exec" => {
            let image = if is_bare == 1 { 5 } else { 0 };
            vec![fixed(parent, "fork", vec![Some(child)]), fixed(child, "exec", vec![Some(image)])]
        }
        _ => vec![fixed(parent, way, vec![Some(child), Some(is_bare)])],
    }
}

/// Programs that execute each other with a connection, up to three generations; each may close its
/// copy, and the last one answers.
pub fn lineage() -> Scene {
    let generation = || (way(), is_bare(), any::<bool>());
    (0..4_i32, 0..4_i32, vec(generation(), 1..4), any::<bool>())
        .prop_flat_map(|(var, link, generations, has_copy)| {
            let mut steps = vec![fixed(0, "cloexec", vec![Some(var), Some(0)])];
            let last = generations.len() as i32;
            for (parent, (way, is_bare, closes)) in (0..).zip(generations) {
                steps.extend(executed(parent, parent + 1, way, is_bare));
                if closes {
                    steps.push(fixed(parent, "close", vec![Some(var)]));
                    steps.push(fixed(0, "check", vec![Some(link)]));
                }
            }
            if has_copy {
                steps.push(fixed(last, "dup", vec![Some(4), Some(var)]));
            }
            for name in ["write", "close"] {
                steps.push(fixed(last, name, vec![Some(var)]));
            }
            steps.push(fixed(0, "check", vec![Some(link)]));
            steps.push(fixed(last, "end", vec![]));
            together(steps)
        })
        .boxed()
}

/// Two unix sockets that are connected with each other: most often a pair that can be followed.
fn two_sockets(kind: i32, both: [i32; 2]) -> BoxedStrategy<Step> {
    let [one, other] = both.map(Some);
    match kind {
        0..4 => fixed(0, "unix", vec![one, other, Some(kind)]),
        _ => fixed(0, "pair", vec![one, other]),
    }
}

/// A connection in a message to a program that was executed with the other end, or from it to its parent;
/// sent before it is executed, or after.
pub fn sent_to_executed() -> Scene {
    let order = (any::<bool>(), any::<bool>(), prop_oneof![3 => Just(false), 1 => Just(true)]);
    (0..4_i32, 0..4_i32, 0..10_i32, way(), is_bare(), order)
        .prop_flat_map(|(var, link, kind, way, is_bare, (is_late, is_early_sent, from_child))| {
            let (sender, receiver) = if from_child { (1, 0) } else { (0, 1) };
            let sent = fixed(sender, "scmsend", vec![Some(PAIR[0]), Some(var)]);
            let gone = fixed(sender, "close", vec![Some(var)]);
            let came = fixed(receiver, "scmrecv", vec![Some(var), Some(PAIR[1])]);
            let closes_on_exec = Some(i32::from(!from_child));
            let mut steps = vec![two_sockets(kind, PAIR), fixed(0, "cloexec", vec![Some(var), closes_on_exec])];
            let execution = executed(0, 1, way, is_bare);
            match is_early_sent && !from_child {
                true => steps.extend([sent].into_iter().chain(execution)),
                false => steps.extend(execution.into_iter().chain([sent])),
            }
            if from_child {
                steps.push(fixed(0, "close", vec![Some(var)]));
            }
            steps.extend(if is_late { [came, gone] } else { [gone, came] });
            steps.push(fixed(0, "check", vec![Some(link)]));
            steps.push(fixed(receiver, "write", vec![Some(var)]));
            steps.push(fixed(receiver, "close", vec![Some(var)]));
            steps.push(fixed(0, "check", vec![Some(link)]));
            together(steps)
        })
        .boxed()
}

/// A connection in two messages to two processes, on one pair or on two.
pub fn sent_twice() -> Scene {
    const OTHER_PAIR: [i32; 2] = [4, 7];
    (0..4_i32, 0..4_i32, 0..10_i32, any::<bool>())
        .prop_flat_map(|(var, link, kind, has_two)| {
            let second = if has_two { OTHER_PAIR } else { PAIR };
            let mut steps = vec![two_sockets(9, PAIR), two_sockets(kind, OTHER_PAIR)];
            steps.extend([1, 2].map(|child| fixed(0, "fork", vec![Some(child)])));
            steps.extend([PAIR, second].map(|pair| fixed(0, "scmsend", vec![Some(pair[0]), Some(var)])));
            steps.extend([0, 1, 2].map(|actor| fixed(actor, "close", vec![Some(var)])));
            for (receiver, pair) in [(1, PAIR), (2, second)] {
                steps.push(fixed(receiver, "scmrecv", vec![Some(var), Some(pair[1]), Some(0)]));
                steps.push(fixed(receiver, "write", vec![Some(var)]));
                steps.push(fixed(receiver, "close", vec![Some(var)]));
                steps.push(fixed(0, "check", vec![Some(link)]));
            }
            together(steps)
        })
        .boxed()
}

/// A message that is looked at, or for which there is no room.
pub fn cut_off() -> Scene {
    (0..4_i32, 0..4_i32, 0..4_i32, any::<bool>())
        .prop_flat_map(|(var, other, link, has_two)| {
            let message = if has_two {
                fixed(0, "scmtwo", vec![Some(PAIR[0]), Some(var), Some(other)])
            } else {
                fixed(0, "scmsend", vec![Some(PAIR[0]), Some(var)])
            };
            together(vec![
                fixed(0, "pair", PAIR.map(Some).to_vec()),
                fixed(0, "fork", vec![Some(1)]),
                message,
                fixed(1, "close", vec![Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(1, "scmrecv", vec![Some(var), Some(PAIR[1])]),
                fixed(0, "check", vec![Some(link)]),
                fixed(1, "scmrecv", vec![Some(4), Some(PAIR[1])]),
                fixed(1, "write", vec![Some(var)]),
                fixed(1, "close", vec![Some(var)]),
                fixed(0, "check", vec![Some(link)]),
                fixed(1, "close", vec![Some(4)]),
            ])
        })
        .boxed()
}

/// The program again, with its connection or without.
pub fn reexecuted() -> Scene {
    (0..2_i32, 0..4_i32, 0..4_i32)
        .prop_flat_map(|(actor, var, link)| {
            together(vec![
                fixed(0, "fork", vec![Some(1)]),
                fixed(actor, "cloexec", vec![Some(var)]),
                fixed(actor, "exec", vec![Some(0)]),
                fixed(0, "check", vec![Some(link)]),
                fixed(actor, "write", vec![Some(var)]),
                fixed(actor, "close", vec![Some(var)]),
                fixed(0, "check", vec![Some(link)]),
            ])
        })
        .boxed()
}
