//! Random programs that are worth a run: connections with data in flight, things
//! that hold them, and things that close them.
//!
//! A program is a list of scenes: single steps for the most part, and short
//! sequences that chance would seldom find, now and then with one step missing.

use super::case::{Case, Step};
use super::verb::{ACTORS, Arg, Doer, STREAMS, VARS, VERBS, Verb};
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop_oneof};
use proptest::strategy::Union;

/// The variables that usually have the epoll set, the listener, another set and a pair of unix
/// sockets.
const SET: i32 = 8;
const LISTENER: i32 = 9;
const OTHER_SET: i32 = 7;
const PAIR: [i32; 2] = [5, 6];

type Scene = BoxedStrategy<Vec<Step>>;

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

/// A scene of steps that belong together. Now and then one of them is missing.
fn together(steps: Vec<BoxedStrategy<Step>>) -> Scene {
    let droppable: Vec<_> = steps.into_iter().map(|step| weighted(0.97, step)).collect();
    droppable.prop_map(|steps| steps.into_iter().flatten().collect()).boxed()
}

/// A step with these arguments. Those that are `None` are random.
fn fixed(actor: i32, name: &str, args: Vec<Option<i32>>) -> BoxedStrategy<Step> {
    let verb = Verb::named(name).expect("a verb");
    let given = verb.args.iter().enumerate().map(|(at, arg)| match args.get(at).copied().flatten() {
        Some(value) => Just(value).boxed(),
        None => value_of(*arg),
    });
    of(verb, Just(actor).boxed(), given.collect())
}

fn step() -> BoxedStrategy<Step> {
    let row = |verb: &'static Verb| of(verb, actor(verb.name), verb.args.iter().map(|arg| value_of(*arg)).collect());
    let rows = VERBS.iter().filter(|verb| verb.weight != 0).map(|verb| (verb.weight, row(verb)));
    Union::new_weighted(rows.collect()).boxed()
}

fn of(verb: &'static Verb, actor: BoxedStrategy<i32>, args: Vec<BoxedStrategy<i32>>) -> BoxedStrategy<Step> {
    (actor, args)
        .prop_map(move |(actor, args)| {
            Step::new(if verb.doer == Doer::Peer { 0 } else { actor as usize }, verb.name, &args)
        })
        .boxed()
}

/// A random actor. The first actor seldom ends, because then most often nobody is left.
fn actor(verb: &str) -> BoxedStrategy<i32> {
    let first = if matches!(verb, "end" | "exec") { 1 } else { 6 };
    prop_oneof![first => Just(0), 3 => 1..3_i32, 1 => 3..5_i32].boxed()
}

fn value_of(arg: Arg) -> BoxedStrategy<i32> {
    match arg {
        Arg::Any => prop_oneof![8 => 0..4_i32, 2 => 4..VARS as i32].boxed(),
        Arg::Target => (0..5_i32).boxed(),
        Arg::Other => prop_oneof![6 => 5..8_i32, 1 => 0..VARS as i32].boxed(),
        Arg::Set => prop_oneof![9 => Just(SET), 1 => 0..VARS as i32].boxed(),
        Arg::Listener => prop_oneof![19 => Just(LISTENER), 1 => 0..VARS as i32].boxed(),
        Arg::Stream => (0..STREAMS as i32).boxed(),
        Arg::Actor => prop_oneof![4 => 1..3_i32, 2 => 3..5_i32, 1 => 5..ACTORS as i32].boxed(),
        Arg::Link => (0..4_i32).boxed(),
        Arg::Below(most) => (0..most).boxed(),
        Arg::Much => prop_oneof![2 => 1..100_i32, 2 => 4000..70_000_i32, 3 => (1..9_i32).prop_map(|n| n << 17)].boxed(),
        Arg::Little => prop_oneof![2 => 1..100_i32, 2 => 1000..16_000_i32].boxed(),
    }
}

/// A connection, most often with a request that is not read, and a response that
/// is in flight.
fn connection() -> Scene {
    (0..4_i32, any::<bool>(), 0..4_i32)
        .prop_flat_map(|(var, accepts, link)| {
            let open = if accepts {
                fixed(0, "accept", vec![Some(var), Some(LISTENER)])
            } else {
                fixed(0, "connect", vec![Some(var)])
            };
            let request = fixed(0, "psend", vec![Some(link)]);
            let response = fixed(0, "write", vec![Some(var)]);
            together(vec![open, request, response])
        })
        .boxed()
}

/// A child that serves, while its parent closes its copy.
fn worker() -> Scene {
    (1..4_i32, 0..4_i32, any::<bool>())
        .prop_flat_map(|(child, var, ends)| {
            let mut steps = vec![
                fixed(0, "fork", vec![Some(child)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(child, "write", vec![Some(var)]),
            ];
            if ends {
                steps.push(fixed(child, "end", vec![]));
            }
            together(steps)
        })
        .boxed()
}

/// A copy, which is used after the original is closed.
fn copies() -> Scene {
    (0..4_i32, 0..5_i32, Union::new(["dup", "sysdup", "dupfd", "dup2"].map(Just)))
        .prop_flat_map(|(var, copy, way)| {
            together(vec![
                fixed(0, way, vec![Some(copy), Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(0, "write", vec![Some(copy)]),
                fixed(0, "close", vec![Some(copy)]),
            ])
        })
        .boxed()
}

/// A connection in an epoll set, before and after it is closed.
fn watched() -> Scene {
    (0..4_i32, actor("close"))
        .prop_flat_map(|(var, closer)| {
            together(vec![
                fixed(0, "epoll", vec![Some(SET)]),
                fixed(0, "ctl", vec![Some(SET), Some(0), Some(var)]),
                fixed(0, "wait", vec![Some(SET)]),
                fixed(closer, "close", vec![Some(var)]),
                fixed(0, "wait", vec![Some(SET)]),
            ])
        })
        .boxed()
}

/// A connection in an epoll set under a number that is closed before its copy is.
fn ghost() -> Scene {
    (0..4_i32, 0..5_i32)
        .prop_flat_map(|(var, copy)| {
            together(vec![
                fixed(0, "epoll", vec![Some(SET)]),
                fixed(0, "ctl", vec![Some(SET), Some(0), Some(var)]),
                fixed(0, "dup", vec![Some(copy), Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(0, "close", vec![Some(copy)]),
                fixed(0, "wait", vec![Some(SET)]),
            ])
        })
        .boxed()
}

/// A stream over a connection.
fn stream() -> Scene {
    (0..4_i32, 0..STREAMS as i32, Union::new(["fclose", "freopen", "fflush"].map(Just)))
        .prop_flat_map(|(var, stream, way)| {
            together(vec![
                fixed(0, "fdopen", vec![Some(stream), Some(var)]),
                fixed(0, "fwrite", vec![Some(stream)]),
                fixed(0, way, vec![Some(stream)]),
            ])
        })
        .boxed()
}

/// A connection in a message, closed while it is there.
fn passed() -> Scene {
    (0..4_i32, 0..4_i32)
        .prop_flat_map(|(var, copy)| {
            together(vec![
                fixed(0, "pair", PAIR.map(Some).to_vec()),
                fixed(0, "scmsend", vec![Some(PAIR[0]), Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(0, "scmrecv", vec![Some(copy), Some(PAIR[1])]),
                fixed(0, "write", vec![Some(copy)]),
            ])
        })
        .boxed()
}

/// A thread that closes what the process has.
fn threads() -> Scene {
    (1..4_i32, 0..4_i32)
        .prop_flat_map(|(thread, var)| {
            together(vec![
                fixed(0, "thread", vec![Some(thread)]),
                fixed(thread, "close", vec![Some(var)]),
                fixed(thread, "end", vec![]),
            ])
        })
        .boxed()
}

/// Another image, in a child or in the process itself.
fn image() -> Scene {
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

/// A thread that accepts, and one that waits, answers and closes.
fn pool() -> Scene {
    (1..4_i32, 0..4_i32, 0..4_i32)
        .prop_flat_map(|(worker, var, link)| {
            together(vec![
                fixed(0, "epoll", vec![Some(SET)]),
                fixed(0, "thread", vec![Some(worker)]),
                fixed(0, "accept", vec![Some(var), Some(LISTENER)]),
                fixed(0, "ctl", vec![Some(SET), Some(0), Some(var)]),
                fixed(0, "psend", vec![Some(link)]),
                fixed(worker, "wait", vec![Some(SET)]),
                fixed(worker, "write", vec![Some(var)]),
                fixed(worker, "close", vec![Some(var)]),
                fixed(0, "wait", vec![Some(SET)]),
            ])
        })
        .boxed()
}

/// Connections that are closed while another thread adds them to a set.
fn added_late() -> Scene {
    let set = |name| fixed(0, name, vec![Some(SET)]);
    together(vec![set("epoll"), set("addclose"), set("wait")])
}

/// Unusual epoll sets: one under another number than its first, one inside another, and one that no
/// hook has seen.
fn sets() -> Scene {
    (0..4_i32, Union::new(["dup", "nested", "raw", "reused"].map(Just)), Union::new(["ctl", "rawctl"].map(Just)))
        .prop_flat_map(|(var, kind, add)| {
            let by_libc = |set| fixed(0, "epoll", vec![Some(set)]);
            let by_instruction = || fixed(0, "rawepoll", vec![Some(SET)]);
            let gone = || fixed(0, "close", vec![Some(SET)]);
            let first = match kind {
                "dup" => vec![by_libc(SET), fixed(0, "dup", vec![Some(OTHER_SET), Some(SET)])],
                "raw" => vec![by_instruction()],
                "reused" => vec![by_libc(SET), gone(), by_instruction()],
                _ => vec![by_libc(SET), by_libc(OTHER_SET)],
            };
            let mut steps = first;
            steps.push(fixed(0, add, vec![Some(SET), Some(0), Some(var)]));
            match kind {
                "dup" => steps.push(gone()),
                "nested" => steps.push(fixed(0, "ctl", vec![Some(OTHER_SET), Some(0), Some(SET)])),
                _ => {}
            }
            steps.push(fixed(0, "close", vec![Some(var)]));
            steps.push(fixed(0, "wait", vec![Some(if kind == "raw" || kind == "reused" { SET } else { OTHER_SET })]));
            together(steps)
        })
        .boxed()
}

/// More sets than a small table has room for; the last one watches.
fn many_sets() -> Scene {
    const MANY: usize = 18;
    (0..4_i32)
        .prop_flat_map(|var| {
            let mut steps: Vec<_> = (0..MANY).map(|_| fixed(0, "epoll", vec![Some(SET), Some(1)])).collect();
            steps.push(fixed(0, "ctl", vec![Some(SET), Some(0), Some(var)]));
            steps.push(fixed(0, "close", vec![Some(var)]));
            steps.push(fixed(0, "wait", vec![Some(SET)]));
            together(steps)
        })
        .boxed()
}

/// Another program beside a close, with the connection or without.
fn spawned() -> Scene {
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
fn held_by_another() -> Scene {
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
fn lineage() -> Scene {
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
fn sent_to_executed() -> Scene {
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
fn sent_twice() -> Scene {
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
fn cut_off() -> Scene {
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

/// A ring that is not used, or that changes a set; of a child, or of the first process.
fn ring_of_a_set() -> Scene {
    (0..2_i32, 0..4_i32, 0..4_i32, 0..2_i32, any::<bool>())
        .prop_flat_map(|(actor, var, link, is_raw, is_used)| {
            let mut steps = Vec::new();
            if actor != 0 {
                steps.push(fixed(0, "fork", vec![Some(actor)]));
                steps.push(fixed(0, "close", vec![Some(var)]));
            }
            steps.push(fixed(actor, "ring", vec![Some(OTHER_SET), Some(is_raw)]));
            if is_used {
                steps.push(fixed(actor, "epoll", vec![Some(SET)]));
                steps.push(fixed(actor, "ringctl", vec![Some(SET), Some(0), Some(var)]));
                steps.push(fixed(actor, "wait", vec![Some(SET)]));
            }
            steps.push(fixed(actor, "close", vec![Some(var)]));
            steps.push(fixed(0, "check", vec![Some(link)]));
            steps.push(fixed(actor, "wait", vec![Some(SET)]));
            together(steps)
        })
        .boxed()
}

/// A request of a ring that is pending when its connection is closed.
fn ring() -> Scene {
    (0..4_i32, 0..4_i32)
        .prop_flat_map(|(var, link)| {
            together(vec![
                fixed(0, "ring", vec![Some(OTHER_SET)]),
                fixed(0, "submit", vec![Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(0, "check", vec![Some(link)]),
                fixed(0, "psend", vec![Some(link)]),
                fixed(0, "close", vec![Some(OTHER_SET)]),
            ])
        })
        .boxed()
}

/// A handler that leaves a close.
fn jump() -> Scene {
    (0..4_i32, 0..4_i32)
        .prop_flat_map(|(var, link)| {
            together(vec![
                fixed(0, "jumpclose", vec![Some(var)]),
                fixed(0, "check", vec![Some(link)]),
                fixed(0, "connect", vec![Some(var)]),
                fixed(0, "write", vec![Some(var)]),
                fixed(0, "close", vec![Some(var)]),
            ])
        })
        .boxed()
}

/// The program again, with its connection or without.
fn reexecuted() -> Scene {
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

/// A child that closes one of its connections, and goes on with others.
fn session() -> Scene {
    (1..4_i32, 0..4_i32, 0..4_i32)
        .prop_flat_map(|(child, var, link)| {
            together(vec![
                fixed(0, "fork", vec![Some(child)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(child, "write", vec![Some(var)]),
                fixed(child, "close", vec![Some(var)]),
                fixed(0, "check", vec![Some(link)]),
                fixed(0, "psend", vec![Some(link)]),
                fixed(0, "pread", vec![Some(link)]),
                fixed(child, "connect", vec![Some(var)]),
                fixed(child, "write", vec![Some(var)]),
            ])
        })
        .boxed()
}

/// A connection on which nothing is ever sent, closed while its peer sends.
fn silent() -> Scene {
    (0..4_i32, 0..4_i32)
        .prop_flat_map(|(var, link)| {
            together(vec![
                fixed(0, "accept", vec![Some(var), Some(LISTENER)]),
                fixed(0, "psend", vec![Some(link)]),
                fixed(0, "recv", vec![Some(var)]),
                fixed(0, "close", vec![Some(var)]),
                fixed(0, "psend", vec![Some(link)]),
                fixed(0, "check", vec![Some(link)]),
            ])
        })
        .boxed()
}

/// A process that ends with a connection, a listener and a pipe open.
fn departure() -> Scene {
    (0..3_i32, 0..4_i32, 0..4_i32)
        .prop_flat_map(|(actor, var, link)| {
            together(vec![
                fixed(0, "pipe", PAIR.map(Some).to_vec()),
                fixed(0, "fork", vec![Some(1)]),
                fixed(0, "fork", vec![Some(2)]),
                fixed(actor, "write", vec![Some(var)]),
                fixed(actor, "psend", vec![Some(link)]),
                fixed(actor, "leave", vec![]),
                fixed(actor, "probe", vec![]),
                fixed(0, "poll", vec![Some(PAIR[0])]),
            ])
        })
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::super::hunt::program;
    use super::*;

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
