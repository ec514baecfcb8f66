//! What must be the same in both runs, and what may only be better shimmed.
//!
//! What the program itself can see is the same: results, errno, numbers, events,
//! states of what it holds. For the peer the shim may only do better: what
//! arrived natively arrives, an end that was clean stays clean, and what was open
//! stays open. A reset that the program asked for stays a reset.
//!
//! And where nothing in the program excuses it, everything arrives shimmed, whether
//! it does so natively or not: else a shim that does nothing would pass.

mod excuses;

pub use excuses::has_excuse;

use super::outcome::{ConnectionReport, End, RunOutcome};
use excuses::{has_message_untold, has_ring_of_another, is_mapped};

/// Everything that is wrong with a shimmed run: how it differs from a native run, and what it lost.
pub fn faults(native: &RunOutcome, shimmed: &RunOutcome) -> Vec<String> {
    differences(native, shimmed).into_iter().chain(losses(shimmed)).collect()
}

/// Every way in which the shimmed run is not as it must be.
pub fn differences(native: &RunOutcome, shimmed: &RunOutcome) -> Vec<String> {
    if native.hung.is_some() {
        return Vec::new();
    }
    let mut found = Vec::new();
    found.extend(shimmed.hung.iter().map(|what| format!("hangs: {what}")));
    if native.stderr != shimmed.stderr {
        found.push(format!("stderr: {:?} became {:?}", native.stderr, shimmed.stderr));
    }
    found.extend(first_seen(native, shimmed));
    found.extend(checks(native, shimmed));
    found.extend(links(native, shimmed));
    found
}

/// The first step that the program saw differently. All later differences may follow from it.
fn first_seen(native: &RunOutcome, shimmed: &RunOutcome) -> Option<String> {
    let longest = native.seen.len().max(shimmed.seen.len());
    let pairs = (0..longest).map(|at| (native.seen.get(at), shimmed.seen.get(at)));
    let (before, after) = pairs
        .into_iter()
        .find(|(a, b)| a != b && !is_a_jump(*a, *b) && !is_sent_by_a_ring(*a, *b) && !is_told_goodbye(*a, *b))?;
    if has_met_our_set(before, after) || is_report_of_a_mapping(native, before, after) {
        return None;
    }
    let text = |line: Option<&String>| line.map_or("nothing".to_owned(), String::clone);
    Some(format!("the program saw\n    {}\n    {}", text(before), text(after)))
}

/// Whether a call has got the number behind the one on which a program that has made a process
/// has softclose's epoll set.
fn has_met_our_set(before: Option<&String>, after: Option<&String>) -> bool {
    let number = |line: Option<&String>| -> Option<u32> {
        let (_, result) = line?.split_once(": ")?;
        result.split(' ').next()?.parse().ok()
    };
    let [before, after] = [before, after].map(number);
    before.is_some_and(|number| (56..64).contains(&number) && after == Some(number + 1))
}

/// Whether two lines differ only in how a connection has ended of which the program has closed both
/// ends: natively by a reset, shimmed by a FIN.
fn is_told_goodbye(before: Option<&String>, after: Option<&String>) -> bool {
    let is_better = |(a, b): (&str, &str)| a == b || a.contains("/7/") && a.replace("/7/", "/8/") == b;
    before.zip(after).is_some_and(|(a, b)| {
        a.split(' ').count() == b.split(' ').count() && a.split(' ').zip(b.split(' ')).all(is_better)
    })
}

/// Whether two lines differ only in whether an io_uring has sent its data yet. It sends when its
/// peer has read enough.
fn is_sent_by_a_ring(before: Option<&String>, after: Option<&String>) -> bool {
    let is_of_a_ring = |line: &&String| line.contains(" submit v") || line.contains(" ringctl v");
    let outcome = |line: Option<&String>| -> Option<Vec<String>> {
        let words = line.filter(is_of_a_ring)?.split(' ').filter(|word| !word.starts_with(SENT));
        Some(words.map(str::to_owned).collect())
    };
    outcome(before).is_some() && outcome(before) == outcome(after)
}

/// Whether an epoll set natively reports a connection that is closed but still mapped. With the
/// shim the close takes it out of the set.
fn is_report_of_a_mapping(native: &RunOutcome, before: Option<&String>, after: Option<&String>) -> bool {
    let is_wait = |line: Option<&String>| line.is_some_and(|line| line.contains(" wait v"));
    is_wait(before) && is_wait(after) && native.seen.iter().any(|line| is_mapped(line))
}

/// Whether two lines differ only in whether a timer's handler ran before the end of a close.
/// softclose holds signals back during a close.
fn is_a_jump(before: Option<&String>, after: Option<&String>) -> bool {
    let [before, after] = [before, after].map(|line| line.filter(|line| line.contains(" jumpclose ")));
    let outcome = |line: &String| line.replacen(": 1 errno", ": 0 errno", 1);
    before.is_some() && before.map(outcome) == after.map(outcome)
}

fn checks<'a>(native: &'a RunOutcome, shimmed: &'a RunOutcome) -> impl Iterator<Item = String> + 'a {
    let pairs = native.checks.iter().zip(&shimmed.checks).enumerate();
    let has = |what: fn(&str) -> bool| shimmed.seen.iter().any(|line| what(line));
    let may_linger = has(has_undirected_child);
    let may_end = has(is_mapped) || has_ring_of_another(&shimmed.seen) || has_message_untold(&shimmed.seen);
    let has_threads = has(|line| line.contains(" thread "));
    let is_good = move |before: End, after: End| {
        may_become(before, after)
            || (may_linger && before != End::Open && after == End::Open)
            || (may_end && before == End::Open)
            || (has_threads && matches!(before, End::Eof | End::Reset) && after == End::Closed)
    };
    pairs.filter(move |(_, (before, after))| before.0 == after.0 && !is_good(before.1, after.1)).map(
        |(at, ((link, before), (_, after)))| format!("check {at}: connection k{link} was {before}, became {after}"),
    )
}

/// Whether a step has made a child by `popen`. Such a child ends at a time of its own, and may hold
/// a connection until then.
pub fn has_undirected_child(line: &str) -> bool {
    line.contains(" popen s")
}

fn may_become(native: End, shimmed: End) -> bool {
    native == shimmed || (native == End::Reset && shimmed == End::Eof)
}

fn links<'a>(native: &'a RunOutcome, shimmed: &'a RunOutcome) -> impl Iterator<Item = String> + 'a {
    let has_threads = shimmed.seen.iter().any(|line| line.contains(" thread "));
    let has_ring_of_another = has_ring_of_another(&shimmed.seen);
    let pairs = native.links.iter().zip(&shimmed.links).enumerate();
    let pairs = pairs.filter(move |(_, (before, after))| {
        let is_cut_off_in_a_ring = has_ring_of_another && before.received.count(BY_RING) != 0;
        let is_early = has_threads && has_not_waited(before, after);
        !is_cut_off_in_a_ring && !is_early
    });
    pairs.filter_map(|(at, (before, after))| {
        worse(before, after).map(|how| format!("connection k{at} {how}\n    {before}\n    {after}"))
    })
}

/// Whether the peer closed before the FIN of a process with threads, which comes right after the
/// end of the process. Nothing was lost then.
fn has_not_waited(native: &ConnectionReport, shimmed: &ConnectionReport) -> bool {
    native.end != End::Open && shimmed.end == End::Closed && native.received.begins(&shimmed.received)
}

fn worse(native: &ConnectionReport, shimmed: &ConnectionReport) -> Option<&'static str> {
    if native.end == End::Closed && shimmed.end == End::Closed {
        return None;
    }
    if !may_become(native.end, shimmed.end) {
        return Some("ends worse");
    }
    if native.wants_reset && native.end != shimmed.end {
        return Some("was to be reset");
    }
    if native.end != shimmed.end && [native, shimmed].iter().all(|link| is_unsaid(link)) {
        return Some("had nothing to lose, and was to end as natively");
    }
    // How much arrives before a reset is chance.
    let is_chance = native.end == End::Reset && shimmed.end == End::Reset;
    (!is_chance && !has_all_of(native, shimmed)).then_some("received less, or something else")
}

/// Whether everything that arrived natively arrived shimmed too, in the same order. The bytes that
/// an io_uring sends may stand anywhere between the others.
fn has_all_of(native: &ConnectionReport, shimmed: &ConnectionReport) -> bool {
    let (before, after) = (&native.received, &shimmed.received);
    let is_there = |value: &u8| after.count(*value) >= before.count(*value);
    before.begins(after) || (before.count(BY_RING) != 0 && before.0.iter().all(|(value, _)| is_there(value)))
}

/// Whether nothing was ever sent on the connection. What stdio wrote is known only if it arrived.
fn is_unsaid(link: &ConnectionReport) -> bool {
    link.written.is_empty() && link.received.is_empty()
}

/// Whether something that a connection's program is known to have written did not
/// arrive.
pub fn has_lost(link: &ConnectionReport) -> bool {
    link.end != End::Closed && link.written.0.iter().any(|(value, count)| link.received.count(*value) < *count)
}

/// The connections on which something should have been delivered and was not, in words.
fn losses(shimmed: &RunOutcome) -> Vec<String> {
    if shimmed.hung.is_some() || has_excuse(&shimmed.seen) {
        return Vec::new();
    }
    let links = shimmed.links.iter().enumerate();
    let lost = links.filter(|(_, link)| !link.wants_reset && (has_lost(link) || is_cut_off(link)));
    lost.map(|(at, link)| format!("connection k{at} lost something, and nothing excuses it\n    {link}")).collect()
}

/// Whether a connection on which something was sent was reset: where nothing was, there is
/// nothing to save.
fn is_cut_off(link: &ConnectionReport) -> bool {
    link.end == End::Reset && !is_unsaid(link)
}

/// The beginning of a completion of `IORING_OP_SEND`.
const SENT: &str = "26:0x";

/// The byte that an io_uring sends, as in `victims/acts_beside.h`.
const BY_RING: u8 = 251;

#[cfg(test)]
mod tests {
    use super::*;

    fn link(end: End, received: &str) -> ConnectionReport {
        let received = received.parse().unwrap();
        ConnectionReport { end, received, written: "-,1x9".parse().unwrap(), wants_reset: false, was_passed: false }
    }

    #[test]
    fn better_is_good_and_worse_is_not() {
        let (whole, half) = (link(End::Eof, "-,1x9"), link(End::Reset, "-,1x4"));
        assert_eq!(worse(&half, &whole), None);
        assert!(worse(&whole, &half).is_some());
        assert!(worse(&link(End::Open, "-"), &link(End::Eof, "-")).is_some());
        assert!(worse(&whole, &link(End::Eof, "-,1x8")).is_some());
        assert!(has_lost(&half) && !has_lost(&whole));
    }

    #[test]
    fn what_a_ring_sends_may_come_between_what_is_written() {
        let native = link(End::Eof, "-,251x5,1x9,251x4");
        assert_eq!(worse(&native, &link(End::Eof, "-,1x9,251x9")), None);
        assert!(worse(&native, &link(End::Eof, "-,1x9,251x8")).is_some());
        assert!(worse(&link(End::Eof, "-,1x9,2x4"), &link(End::Eof, "-,2x4,1x9")).is_some());
    }

    #[test]
    fn a_set_may_report_what_is_mapped_natively_alone() {
        let outcome = |mapped: &str, wait: &str| {
            let seen = vec![format!("a0 map v0: {mapped} errno 4001 []"), format!("a0 wait v8: {wait} []")];
            RunOutcome { seen, ..RunOutcome::default() }
        };
        let count = |mapped| faults(&outcome(mapped, "1 errno 4001 5:0x1"), &outcome(mapped, "0 errno 4001")).len();
        assert_eq!(count("0"), 0);
        assert_eq!(count("-1"), 1);
    }

    #[test]
    fn what_is_lost_without_excuse_is_a_fault() {
        let lossy = |line: &str| {
            let links = vec![link(End::Reset, "-,1x4")];
            RunOutcome { seen: vec![line.to_owned()], links, ..RunOutcome::default() }
        };
        let faults = |line| faults(&lossy(line), &lossy(line)).len();
        assert_eq!(faults("a0 close v1: 0 errno 4001 []"), 1);
        assert_eq!(faults("a0 end 5 0: ended, status 9"), 0);
        assert_eq!(faults("a0 end 1 1: ended, status 256"), 1);
        assert_eq!(faults("a0 rawclose v1: skipped"), 1);
        assert_eq!(faults("a0 rawclose v1: 0 errno 4001 []"), 0);
        assert_eq!(faults("a0 spawn a1 0: 1 errno 0 []"), 1);
        assert_eq!(faults("a0 spawn a1 1: 1 errno 0 []"), 0);
        assert_eq!(faults("a0 submit v1 3 1 0: 1 errno 4001 []"), 1);
        assert_eq!(faults("a0 submit v1 1 1 0: 1 errno 4001 []"), 0);
        assert_eq!(faults("a0 ring v7 1: 4 errno 4001 []"), 0);
    }

    fn is_excused(lines: &[&str]) -> bool {
        has_excuse(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_received_on_a_pair_excuses_nothing() {
        let (pair, sent) = ("a0 pair v5 v6: 0 errno 4001 []", "a0 scmsend v5 v1: 1 errno 4001 []");
        let received = "a1 scmrecv v1 v6 0: 4 errno 4001 []";
        assert!(!is_excused(&[pair, sent, received]));
        assert!(is_excused(&[pair, sent]));
        assert!(is_excused(&[pair, sent, "a1 scmrecv v1 v6 1: 4 errno 4001 []"]));
        assert!(is_excused(&[pair, sent, "a1 scmrecv v1 v6 2: -4 errno 4001 []"]));
        assert!(is_excused(&[pair, pair, sent, received]));
        assert!(is_excused(&[pair, "a0 unix v5 v6 0: 0 errno 4001 []", sent, received]));
        assert!(is_excused(&[pair, "a0 scmsend v5 v6: 1 errno 4001 []", received]));
        assert!(is_excused(&[pair, "a0 scmsend v2 v1: -1 errno 22 []"]));
    }

    #[test]
    fn of_a_message_a_program_is_not_told_by_one_without_the_library() {
        let untold =
            |lines: &[&str]| has_message_untold(&lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        let (bare, told) = ("a0 spawn a1 1: 1 errno 0 []", "a0 spawn a1 0: 1 errno 0 []");
        let (executed, sent) = ("a1 exec 0: another image 0 errno 0 []", "a0 scmsend v5 v3: 1 errno 4001 []");
        assert!(untold(&[bare, executed, sent]));
        let (forgets, forks) = ("a0 exec 5: another image 0 errno 0 []", "a0 fork a2 0: 1 errno 4001 []");
        assert!(untold(&[forgets, told, sent]));
        assert!(untold(&[forgets, forks, "a2 exec 0: another image 0 errno 0 []", sent]));
        assert!(
            !untold(&[told, forgets, sent])
                && !untold(&[forks, forgets, "a2 exec 0: another image 0 errno 0 []", sent])
        );
        assert!(!untold(&[told, executed, sent]) && !untold(&[bare, executed]) && !untold(&[bare, sent]));
        assert!(!untold(&[executed, bare, sent]) && !untold(&[bare, "a0 exec 0: another image 0 errno 0 []", sent]));
    }

    #[test]
    fn an_execution_excuses_what_it_alone_could_have_closed() {
        let (born, executed) = ("a1 is born: 0 errno 0 []", "a0 exec 0: another image 0 errno 4001 []");
        let lives = "a1 write v5 1: 1 errno 4001 []";
        assert!(!is_excused(&[born, "a0 connect v1 0: 0 errno 4001 [3=12/0/1/0k0]", executed, lives]));
        assert!(is_excused(&[born, "a0 connect v1 1: 0 errno 4001 [3=12/2/1/0k0]", executed, lives]));
        assert!(!is_excused(&[born, "a0 open v5 0: 3 errno 4001 [3=2/2/0/0 4=12/0/1/0k0]", executed, lives]));
        assert!(is_excused(&[born, "a0 connect v1 0: 0 errno 4001 []", "a0 exec 5: another image 0 errno 4001 []"]));
    }

    #[test]
    fn a_program_that_a_thread_executes_is_not_counted() {
        let (thread, fork) = ("a0 thread a1: 1 errno 0 []", "a1 fork a2 0: 1 errno 4001 []");
        assert!(is_excused(&[thread, "a1 forkexec a3 0: 1 errno 4001 []"]));
        assert!(is_excused(&[thread, fork, "a2 spawn a3 0: 1 errno 4001 []"]));
        assert!(is_excused(&[thread, "a1 vfork 2 v2: 0 errno 2 []"]));
        assert!(!is_excused(&[thread, "a1 vfork 0 v2: 768 errno 2 []"]));
        assert!(!is_excused(&[thread, "a0 forkexec a3 0: 1 errno 4001 []"]));
        assert!(!is_excused(&["a0 thread a1: skipped", "a1 forkexec a3 0: 1 errno 4001 []"]));
        assert!(!is_excused(&[thread, "a0 fork a1 0: 1 errno 4001 []", "a1 forkexec a3 0: 1 errno 4001 []"]));
    }

    #[test]
    fn a_peer_may_close_before_the_fin_of_a_process_with_threads() {
        let outcome = |made: &str, end| RunOutcome {
            seen: vec![made.to_owned()],
            checks: vec![(0, end)],
            ..RunOutcome::default()
        };
        let count = |made| faults(&outcome(made, End::Reset), &outcome(made, End::Closed)).len();
        assert_eq!(count("a0 thread a1: 1 errno 0 []"), 0);
        assert_eq!(count("a0 close v1: 0 errno 4001 []"), 1);
    }

    #[test]
    fn the_last_of_a_lineage_loses_its_memory_by_exec() {
        let (born, ended) = ("a1 is born: 0 errno 0 []", "a1 end 1 0: ended, status 0");
        let (connected, executed) = ("a0 connect v1 0: 0 errno 4001 []", "a0 exec 0: another image 0 errno 4001 []");
        let (lives, leaves) = ("a1 write v5 1: 1 errno 4001 []", "a1 leaves: ended, status 256");
        assert!(!is_excused(&[born, connected, executed, lives]));
        assert!(is_excused(&[born, connected, executed, leaves]));
        assert!(is_excused(&[connected, executed]));
        assert!(is_excused(&[born, ended, connected, executed]));
        assert!(!is_excused(&[born, ended, born, connected, executed, lives]));
    }

    #[test]
    fn what_another_process_has_submitted_by_instruction_is_not_known() {
        let outcome = |forked: &str, end| {
            let seen = vec![forked.to_owned(), "a0 submit v1 1 9 1: 1 errno 4001 []".to_owned()];
            RunOutcome { seen, checks: vec![(0, end)], ..RunOutcome::default() }
        };
        let count = |line| faults(&outcome(line, End::Open), &outcome(line, End::Eof)).len();
        assert_eq!(count("a0 fork a1 0: 1 errno 0 []"), 0);
        assert_eq!(count("a0 recv v0 1: 1 errno 0 []"), 1);
    }

    #[test]
    fn when_a_ring_has_sent_what_it_had_to_is_chance() {
        let outcome = |line: &str| RunOutcome { seen: vec![line.to_owned()], ..RunOutcome::default() };
        let native = outcome("a0 submit v9 3 16 0: 1 errno 9 0:0x0 26:0x9e47 []");
        assert!(differences(&native, &outcome("a0 submit v9 3 16 0: 1 errno 9 0:0x0 []")).is_empty());
        assert!(!differences(&native, &outcome("a0 submit v9 3 16 0: 1 errno 9 26:0x9e47 []")).is_empty());
    }

    #[test]
    fn a_thread_that_ends_after_vfork_has_not_been_seen_to_go_on() {
        let (made, gone) = ("a0 vfork 0 v2: 768 errno 4001 []", "a0 end 3 1: the thread is gone");
        assert!(is_excused(&[made, gone]) && !is_excused(&[made]) && !is_excused(&[gone]));
    }

    #[test]
    fn a_ring_that_is_nobody_else_s_excuses_nothing() {
        let ring = "a0 ring v7 0: 4 errno 4001 []";
        assert!(!is_excused(&[ring]));
        assert!(is_excused(&[ring, "a0 fork a1 0: 1 errno 0 []"]));
    }

    #[test]
    fn a_reset_that_was_asked_for_stays() {
        let asked = ConnectionReport { wants_reset: true, ..link(End::Reset, "-") };
        assert!(worse(&asked, &ConnectionReport { wants_reset: true, ..link(End::Eof, "-,1x9") }).is_some());
        assert_eq!(worse(&asked, &asked), None);
    }
}
