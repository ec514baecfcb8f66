//! Scenes within one program: connections, copies, streams, threads, epoll sets, io_urings and
//! ways to end.

use super::steps::{LISTENER, OTHER_SET, PAIR, SET, Scene, actor, fixed, together};
use crate::fuzz::verb::STREAMS;
use proptest::prelude::{Just, Strategy, any};
use proptest::strategy::Union;

/// A connection, most often with a request that is not read, and a response that
/// is in flight.
pub fn connection() -> Scene {
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
pub fn worker() -> Scene {
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
pub fn copies() -> Scene {
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
pub fn watched() -> Scene {
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
pub fn ghost() -> Scene {
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
pub fn stream() -> Scene {
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
pub fn passed() -> Scene {
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
pub fn threads() -> Scene {
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

/// A thread that accepts, and one that waits, answers and closes.
pub fn pool() -> Scene {
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
pub fn added_late() -> Scene {
    let set = |name| fixed(0, name, vec![Some(SET)]);
    together(vec![set("epoll"), set("addclose"), set("wait")])
}

/// Unusual epoll sets: one under another number than its first, one inside another, and one that no
/// hook has seen.
pub fn sets() -> Scene {
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
pub fn many_sets() -> Scene {
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

/// A ring that is not used, or that changes a set; of a child, or of the first process.
pub fn ring_of_a_set() -> Scene {
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
pub fn ring() -> Scene {
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
pub fn jump() -> Scene {
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

/// A child that closes one of its connections, and goes on with others.
pub fn session() -> Scene {
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
pub fn silent() -> Scene {
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
pub fn departure() -> Scene {
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
