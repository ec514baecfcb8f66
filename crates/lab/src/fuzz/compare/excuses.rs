//! What excuses a loss: things that a program may do after which `docs/limits.md` promises nothing
//! any more, and what else has to be known of its steps.

use crate::fuzz::case::Step;
use crate::fuzz::verb::ACTORS;

/// Whether a step has mapped a connection. A mapping holds the connection after its close, but
/// nobody can send through it, so the FIN comes with the close.
pub fn is_mapped(line: &str) -> bool {
    line.contains(" map v") && line.contains(": 0 errno")
}

/// Whether a request of an io_uring, submitted by a raw system call, may hold a connection for a
/// process that has closed it. Another process that closes it last cannot know. `docs/limits.md`
/// says so.
pub fn has_ring_of_another(seen: &[String]) -> bool {
    let is_raw = |line: &String| {
        step_of(line).is_some_and(|(Step { verb, args, .. }, result)| {
            verb.name == "submit" && args[1] != NOP && args[3] == 1 && !result.starts_with(['-', 's'])
        })
    };
    may_have_spread(seen) && seen.iter().any(is_raw)
}

/// Whether a connection was sent in a message, and a program has it that was executed by one without softclose. Nobody
/// has told that program of the message, and no look finds it. `docs/limits.md` says so.
pub fn has_message_untold(seen: &[String]) -> bool {
    let steps: Vec<_> = seen.iter().filter_map(|line| step_of(line)).collect();
    let is_told_again = |at: usize| {
        let (Step { actor, verb, args }, _) = &steps[at];
        let has_library = match verb.name {
            "exec" => args[0] != BARE_IMAGE,
            "spawn" | "vspawn" | "forkexec" => args[1] == 0,
            _ => false,
        };
        has_library && is_bare(*actor, &steps[..at])
    };
    seen.iter().any(|line| is_sent(line)) && (0..steps.len()).any(is_told_again)
}

/// Whether an actor runs, or has run, a program without softclose.
fn is_bare(actor: usize, before: &[(Step, &str)]) -> bool {
    (0..before.len()).any(|at| {
        let (Step { actor: by, verb, args }, _) = &before[at];
        match verb.name {
            "spawn" | "vspawn" | "forkexec" => args[0] as usize == actor && args[1] == 1,
            "fork" => args[0] as usize == actor && is_bare(*by, &before[..at]),
            "exec" => *by == actor && args[0] == BARE_IMAGE,
            _ => false,
        }
    })
}

/// Whether anything was done that excuses a loss.
pub fn has_excuse(seen: &[String]) -> bool {
    (0..seen.len()).any(|at| is_excuse(&seen[at], &seen[..at], &seen[at + 1..]))
        || may_be_under_way(seen)
        || may_be_inside_vfork(seen)
        || (seen.iter().any(|line| is_ring(line)) && may_have_spread(seen))
}

/// Whether a connection may be in a message that softclose does not count, or that nobody receives.
/// It counts what is sent on one pair of `socketpair` between programs that have the library.
fn may_be_under_way(seen: &[String]) -> bool {
    let count = |is_one: fn(&str) -> bool| seen.iter().filter(|line| is_one(line)).count();
    let sent = count(is_sent);
    sent != 0 && (count(is_no_plain_message) != 0 || count(is_pair) > 1 || sent != count(is_received))
}

/// Whether a thread has made a process by `vfork` and has ended. No hook has seen it go on after
/// the `vfork`, so softclose leaves the closes of other threads alone.
fn may_be_inside_vfork(seen: &[String]) -> bool {
    let has = |is_one: fn(&str) -> bool| seen.iter().any(|line| is_one(line));
    has(|line| line.contains(" vfork ") || line.contains(" vspawn a"))
        && has(|line| line.ends_with(": the thread is gone"))
}

fn is_pair(line: &str) -> bool {
    step_of(line).is_some_and(|(step, result)| step.verb.name == "pair" && !result.starts_with(['-', 's']))
}

fn is_sent(line: &str) -> bool {
    step_of(line).is_some_and(|(step, result)| is_message(&step) && !result.starts_with('s'))
}

fn is_message(step: &Step) -> bool {
    matches!(step.verb.name, "scmsend" | "scmtwo")
}

/// Whether a message with descriptors was sent in a way that softclose cannot count: on a socket
/// that is not of a pair, with an error, or with a socket of a pair in it.
fn is_no_plain_message(line: &str) -> bool {
    step_of(line).is_some_and(|(step, result)| {
        is_message(&step) && (!result.starts_with("1 ") || step.args[1] > 3 || step.args[2] > 3)
            || step.verb.name == "unix" && !result.starts_with('s')
    })
}

/// Whether a message was received in whole and for good, not just peeked at.
fn is_received(line: &str) -> bool {
    step_of(line).is_some_and(|(step, result)| {
        step.verb.name == "scmrecv" && matches!(step.args[2], 0 | 4) && !result.starts_with(['-', 's'])
    })
}

fn step_of(line: &str) -> Option<(Step, &str)> {
    let (step, result) = line.split_once(": ")?;
    Some((step.parse().ok()?, result))
}

/// Whether a process has a connection that is close-on-exec, or may have one from another of its
/// threads.
fn has_one_for_exec_to_close(actor: usize, before: &[String]) -> bool {
    let own = format!("a{actor} ");
    let last = before.iter().rfind(|line| line.starts_with(&own));
    last.is_none_or(|line| line.split([' ', '[', ']']).any(is_link_closed_by_exec))
        || before.iter().any(|line| line.contains(" thread "))
}

/// Whether no other process has the lineage's shared memory. Then the kernel takes the memory back
/// in `exec`, and the next program asks procfs what it has. A process that does nothing any more
/// may have ended by then, so it does not count.
fn is_last_of_its_lineage(actor: usize, before: &[String], after: &[String]) -> bool {
    let is_alive = |other: usize| {
        let (own, born) = (format!("a{other} "), format!("a{other} is born"));
        let born = before.iter().rposition(|line| line.starts_with(&born));
        born.is_some_and(|at| !before[at..].iter().any(|line| line.starts_with(&own) && line.contains(": ended, ")))
            && after.iter().any(|line| line.starts_with(&own) && !line.contains(" leaves: "))
    };
    !(0..ACTORS).any(|other| other != actor && is_alive(other))
}

/// Whether this word of the director's, such as `3=12/2/1/0k0`, names a connection that is
/// close-on-exec.
fn is_link_closed_by_exec(word: &str) -> bool {
    let flags = word.split('/').nth(1).and_then(|flags| flags.parse::<u32>().ok());
    word.contains('k') && flags.is_some_and(|flags| flags & 2 != 0)
}

fn is_ring(line: &str) -> bool {
    step_of(line).is_some_and(|(step, result)| step.verb.name == "ring" && !result.starts_with(['-', 's']))
}

/// Whether an io_uring may belong to another process too, or be where softclose does not look.
fn may_have_spread(seen: &[String]) -> bool {
    const SPREADS: [&str; 9] = ["fork", "forkexec", "spawn", "vspawn", "popen", "thread", "dup", "system", "exec"];
    seen.iter().any(|line| SPREADS.iter().any(|word| line.contains(word)))
}

/// Whether a step was done after which `docs/limits.md` promises nothing any more.
fn is_excuse(line: &str, before: &[String], after: &[String]) -> bool {
    // Whoever has started it cannot be ruled out as a holder from within a container.
    if line.starts_with("peer inetd") {
        return true;
    }
    let Some((_, result)) = line.split_once(": ") else { return false };
    if is_crash(result) {
        return true;
    }
    let Some((Step { actor, verb, args }, _)) = step_of(line) else { return false };
    if result.starts_with(['-', 's']) {
        return false;
    }
    match verb.name {
        "rawclose" => true,
        "closerange" | "sysrange" => args[3] == UNSHARE,
        // An epoll set that the shim cannot leave.
        "ctl" | "rawctl" | "ringctl" => true,
        // A program without the library may hand on what it has; what only exec could have closed.
        "exec" => {
            args[0] == BARE_IMAGE
                || has_one_for_exec_to_close(actor, before)
                || is_last_of_its_lineage(actor, before, after)
        }
        "spawn" | "vspawn" | "forkexec" => args[1] == 1 || is_on_stack_of_thread(actor, before),
        "spawnon" => is_on_stack_of_thread(actor, before),
        "vfork" => args[0] == EXECUTES && is_on_stack_of_thread(actor, before),
        // The shell that it executes is not told of its lineage.
        "system" => true,
        // It may have left before the library had done anything.
        "jumpclose" => true,
        // A request that is pending holds what it is for, and so does a mapping.
        "map" => true,
        "submit" => args[1] != NOP || args[3] == 1,
        "ring" => args[1] == 1,
        // Its child may end at the same time as the program: where only procfs tells
        // who holds a connection, each sees the other, and both leave it alone.
        "popen" => true,
        // For what `popen` has not made it is undefined.
        "pclose" => true,
        // What a listener is set to, its connections are.
        "linger" => args[1] == 1 && args[2] == 0,
        // The receive side is shut for good once the grace is over.
        "shutdown" => args[1] != libc::SHUT_WR,
        _ => false,
    }
}

/// Whether an actor is a thread, or a child that a thread has forked. A program that is executed on the
/// stack of a thread other than the first is not counted.
fn is_on_stack_of_thread(actor: usize, before: &[String]) -> bool {
    let made =
        |at: usize| step_of(&before[at]).filter(|(step, result)| is_making(step, actor) && result.starts_with("1 "));
    let maker = (0..before.len()).rev().find_map(|at| made(at).map(|(step, _)| (at, step)));
    maker.is_some_and(|(at, step)| step.verb.name == "thread" || is_on_stack_of_thread(step.actor, &before[..at]))
}

/// Whether a step makes an actor that runs on the stack of another, or on one of its own beside others.
fn is_making(step: &Step, actor: usize) -> bool {
    matches!(step.verb.name, "thread" | "fork") && usize::try_from(step.args[0]) == Ok(actor)
}

/// Whether a process was ended by a signal, so that no code of the shim ran.
fn is_crash(result: &str) -> bool {
    let status = result.strip_prefix("ended, status ").and_then(|status| status.parse().ok());
    status.is_some_and(|status| libc::WIFSIGNALED(status))
}

/// The flag of that name in `victims/acts_descriptors.h`.
const UNSHARE: i32 = 2;

/// The number of an image in `victims/acts_processes.h`.
const BARE_IMAGE: i32 = 5;

/// What the child of `vfork` does in `victims/acts_processes.h`.
const EXECUTES: i32 = 2;

/// The number of a request in `victims/acts_beside.h`.
const NOP: i32 = 3;
