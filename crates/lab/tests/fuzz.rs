//! Random programs, natively and shimmed: the program sees the same, and for its peer nothing is
//! worse. `softclose_lab::fuzz` explains how they are made and run.
//!
//! | variable | what it does |
//! |---|---|
//! | `FUZZ_PROGRAMS` | how many programs (default: a few hundred) |
//! | `FUZZ_SEED` | which ones; the same for the same number |
//! | `FUZZ_FROM` | the number of the first one, to see one again |
//! | `FUZZ_JOBS` | how many at the same time |
//! | `FUZZ_FIRST` | not empty: the first that fails ends the run |
//! | `FUZZ_REPLAY` | a file with one program, instead |

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::shim::Shim;
use softclose_lab::fuzz::case::Case;
use softclose_lab::fuzz::compare::faults;
use softclose_lab::fuzz::hunt::{DirectorProcess, HuntTally, Judgement, program};
use softclose_lab::fuzz::shrink::shrink;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Most of the time a run waits.
const JOBS: u64 = 8;
/// Less than a minute's worth on two processors.
const PROGRAMS: u64 = 400;
const SEED: u64 = 1;
/// One program in so many is run twice natively.
const REPEATED: u64 = 20;

fn setting(name: &str, default: u64) -> u64 {
    let Ok(text) = std::env::var(name) else { return default };
    text.parse().unwrap_or_else(|_| panic!("{name}={text}: not a number"))
}

/// Past the capture of the test runner: a long run is to be watched.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

struct Hunt {
    seed: u64,
    /// One more than the number of the last one.
    end: u64,
    next: AtomicU64,
    begun: Instant,
    /// And how many failed.
    found: Mutex<(HuntTally, usize)>,
}

impl Hunt {
    fn work(&self) {
        let arena = Arena::open().expect("there was one");
        let mut director = DirectorProcess::new(&arena);
        loop {
            let at = self.next.fetch_add(1, Relaxed);
            if at >= self.end {
                return;
            }
            let (tally, verdict) = self.one(&mut director, at);
            self.note(at, &tally, verdict);
        }
    }

    fn one(&self, director: &mut DirectorProcess<'_>, at: u64) -> (HuntTally, Judgement) {
        let mut tally = HuntTally::default();
        let case = program(self.seed, at);
        if at.is_multiple_of(REPEATED) {
            director.is_certain(&case, &mut tally);
        }
        let verdict = match director.judge(&case, &mut tally) {
            Judgement::Wrong(failure) => {
                self.stop_if_first();
                Judgement::Wrong(shrink(director, failure))
            }
            verdict => verdict,
        };
        (tally, verdict)
    }

    fn stop_if_first(&self) {
        if std::env::var_os("FUZZ_FIRST").is_some_and(|word| !word.is_empty()) {
            self.next.store(self.end, Relaxed);
        }
    }

    fn note(&self, at: u64, tally: &HuntTally, verdict: Judgement) {
        let mut found = self.found.lock().expect("no worker panics with it");
        found.0.merge(tally);
        match verdict {
            Judgement::Good => {}
            Judgement::Chance(failure) => {
                found.0.chance += 1;
                say(&format!("program {at} of seed {}, by chance: {failure}", self.seed));
            }
            Judgement::Wrong(failure) => {
                found.1 += 1;
                say(&format!("program {at} of seed {}: {failure}", self.seed));
            }
        }
        let done = found.0.programs;
        if done.is_multiple_of(100) {
            let rate = done as f64 / self.begun.elapsed().as_secs_f64();
            say(&format!("{done} programs, {rate:.1} a second, {} failed", found.1));
        }
    }
}

#[test]
fn random_programs_see_no_difference_and_their_peers_nothing_worse() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    if let Some(path) = std::env::var_os("FUZZ_REPLAY") {
        return replay(&arena, &std::fs::read_to_string(path).expect("FUZZ_REPLAY is a file"));
    }
    let first = setting("FUZZ_FROM", 0);
    let hunt = Hunt {
        seed: setting("FUZZ_SEED", SEED),
        end: first + setting("FUZZ_PROGRAMS", PROGRAMS),
        next: AtomicU64::new(first),
        begun: Instant::now(),
        found: Mutex::default(),
    };
    say(&format!("FUZZ_SEED={}: programs {first} to {}", hunt.seed, hunt.end - 1));
    std::thread::scope(|scope| {
        for _ in 0..setting("FUZZ_JOBS", JOBS) {
            scope.spawn(|| hunt.work());
        }
    });
    let (tally, failed) = hunt.found.into_inner().expect("no worker panics with it");
    say(&format!("FUZZ_SEED={}: {tally}", hunt.seed));
    assert_eq!(failed, 0, "programs failed: see above");
}

/// Shows both runs, whether they differ or not.
fn replay(arena: &Arena, text: &str) {
    let case = text.parse().expect("a program");
    let mut director = DirectorProcess::new(arena);
    for shim in Shim::BOTH {
        say(&format!("{shim:?}:\n  {}", director.run(&case, shim).to_string().replace('\t', "\n  ")));
    }
    assert_good(&mut director, &case);
}

fn assert_good(director: &mut DirectorProcess<'_>, case: &Case) {
    if let Judgement::Wrong(failure) = director.judge(case, &mut HuntTally::default()) {
        panic!("{failure}");
    }
}

fn is_good(test: &str, program: &str) {
    let Some(arena) = Arena::or_skip(test) else { return };
    assert_good(&mut DirectorProcess::new(&arena), &program.parse().expect("a program"));
}

/// Programs by hand, for what chance seldom puts together: connections that are executed with, in messages, in rings.
mod by_hand {
    use super::*;

    /// Each by another way, and the last one answers when all others have closed.
    #[test]
    fn three_generations_hand_a_connection_down() {
        is_good(
            here!(),
            "a0 connect v0 0
             a0 vspawn a1 0
             a0 close v0
             a1 spawn a2 0
             a1 close v0
             peer check k0
             a2 forkexec a3 0
             a2 end 1 0
             a3 exec 0
             a3 write v0 1048576
             peer psend k0 10000
             a3 close v0
             peer check k0",
        );
    }

    /// The duplicate was taken for one that was made beside the child.
    #[test]
    fn a_duplicate_right_after_vfork_is_counted() {
        is_good(
            here!(),
            "a0 connect v1 1
             a0 connect v2 1
             peer psend k1 5646
             a0 write v2 393216
             a0 vspawn a4 0
             a0 dup v0 v2",
        );
    }

    /// The first close noticed it, and told nobody of the connection that it closed.
    #[test]
    fn a_request_by_instruction_is_noticed_for_those_who_close_later() {
        is_good(
            here!(),
            "a0 connect v3 1
             a0 write v3 1048576
             a0 fork a1 1
             a0 ring v7 0
             a0 submit v3 2 917504 1
             a0 close v3
             a1 close v3
             peer check k0",
        );
    }

    /// The second one has no library, and executes a third one that has.
    #[test]
    fn a_generation_without_the_library_harms_nobody() {
        is_good(
            here!(),
            "a0 connect v0 0
             a0 connect v1 0
             a0 spawn a1 1
             a0 close v0
             a1 vspawn a2 0
             a1 close v0
             a0 close v1
             peer check k0
             a2 write v0 100
             a2 close v0
             peer check k0
             a1 exec 0
             a2 close v1
             peer check k1
             a1 write v1 100",
        );
    }

    #[test]
    fn a_message_to_an_executed_program_is_its_connection() {
        is_good(
            here!(),
            "a0 connect v0 1
             a0 pair v5 v6
             a0 forkexec a1 0
             a0 scmsend v5 v0
             a0 close v0
             peer check k0
             a1 scmrecv v0 v6 1
             a1 close v0
             peer check k0
             a1 scmrecv v0 v6 4
             a1 write v0 1048576
             peer psend k0 10000
             a1 close v0
             peer check k0",
        );
    }

    /// There is room for one of two, then for none.
    #[test]
    fn what_a_message_has_no_room_for_ends_as_natively() {
        is_good(
            here!(),
            "a0 connect v0 1
             a0 connect v1 1
             a0 pair v5 v6
             a0 spawn a1 0
             a0 scmtwo v5 v0 v1
             a0 scmsend v5 v0
             a0 close v0
             a0 close v1
             a1 scmrecv v0 v6 5
             a1 scmrecv v2 v6 2
             a1 write v0 100
             peer check k0
             a1 close v0
             peer check k0
             peer check k1",
        );
    }

    #[test]
    fn what_two_receivers_get_ends_with_the_second_one() {
        let program = |sockets: &str| {
            format!(
                "a0 connect v0 0
                 a0 pair v5 v6
                 a0 {sockets}
                 a0 fork a1 0
                 a0 fork a2 0
                 a1 close v0
                 a2 close v0
                 a0 scmsend v5 v0
                 a0 scmsend v4 v0
                 a0 close v0
                 a1 scmrecv v0 v6 0
                 a1 close v0
                 peer check k0
                 a2 scmrecv v0 v7 0
                 a2 write v0 100000
                 a2 close v0
                 peer check k0"
            )
        };
        for sockets in ["pair v4 v7", "unix v4 v7 0", "unix v4 v7 1", "unix v4 v7 2", "unix v4 v7 3"] {
            is_good(here!(), &program(sockets));
        }
    }

    /// The set reports nothing of it any more, and what is in flight arrives.
    #[test]
    fn a_connection_that_a_ring_has_added_to_a_set_is_forgotten() {
        for is_raw in [0, 1] {
            is_good(
                here!(),
                &format!(
                    "a0 connect v0 0
                     a0 write v0 1048576
                     a0 ring v7 0
                     a0 epoll v8 0
                     a0 ringctl v8 0 v0 {is_raw}
                     peer psend k0 10000
                     a0 wait v8
                     a0 close v0
                     a0 wait v8
                     peer check k0"
                ),
            );
        }
    }

    #[test]
    fn a_ring_that_is_not_used_holds_nothing() {
        is_good(here!(), "a0 connect v0 0; a0 write v0 1048576; peer psend k0 10000; a0 ring v7 0; a0 close v0");
    }

    /// As the ring that was made by a raw system call, below.
    #[test]
    fn requests_that_are_pending_in_a_known_ring_go_on() {
        for request in ["0 1", "1 10", "2 1048576"] {
            is_good(
                here!(),
                &format!(
                    "a0 connect v0 0
                     a0 ring v7 0
                     a0 submit v0 {request} 0
                     a0 close v0
                     peer check k0
                     a0 fork a1 0
                     a0 close v7
                     peer check k0"
                ),
            );
        }
    }
}

/// What random programs have found, each as small as it can be.
mod found {
    use super::*;

    /// For what goes wrong only now and then: many runs at the same time, which
    /// keep the processors busy, and every one of them as it must be.
    fn is_always_good(test: &str, program: &str) {
        const RUNS: usize = 8;
        let Some(_) = Arena::or_skip(test) else { return };
        let case: Case = program.parse().expect("a program");
        let run = || {
            let arena = Arena::open().expect("there was one");
            let mut director = DirectorProcess::new(&arena);
            let native = director.run(&case, Shim::Native);
            (0..RUNS).flat_map(|_| faults(&native, &director.run(&case, Shim::Preloaded))).collect::<Vec<_>>()
        };
        let found: Vec<String> = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..JOBS).map(|_| scope.spawn(run)).collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("a worker")).collect()
        });
        assert!(found.is_empty(), "{} of {} runs:\n{}", found.len(), RUNS * JOBS as usize, found.join("\n"));
    }

    /// A thread that had made a process by `vfork`, and waited for another one now, was taken
    /// for being in `vfork` still.
    #[test]
    fn a_process_that_was_made_by_vfork_is_no_doubt_for_another_thread() {
        is_good(
            here!(),
            "a0 connect v1 0
             peer psend k0 10947
             a0 write v1 131072
             a0 vfork 0 v1
             a0 thread a3",
        );
    }

    /// Nobody counted the connection, and nobody was told that a copy was in flight.
    #[test]
    fn what_came_by_exec_and_is_in_flight_is_nobody_s_last() {
        is_good(
            here!(),
            "a0 listen v9
             a0 accept v3 v9 0
             a0 write v3 524288
             a0 exec 0
             a0 pair v5 v6
             a0 fork a1 1
             a0 fork a2 1
             a0 close v3
             a2 scmsend v5 v3
             a2 end 0 1
             a1 close v3
             a1 scmrecv v3 v6 0",
        );
    }

    /// The drain's thread had fallen asleep for half a second before the grace was
    /// noted, and with no connection to drain nothing could wake it.
    #[test]
    fn the_receive_side_is_shut_in_time_where_nothing_is_drained() {
        is_always_good(
            here!(),
            "a0 connect v3 0
             a0 shutdown v3 0
             a0 recv v3 10",
        );
    }

    /// A fork copies the descriptors first, and the memory a moment later. A drain
    /// that ended in between was forgotten in the child, which kept its descriptor.
    #[test]
    fn a_child_inherits_no_drain_that_ends_while_it_is_made() {
        const TIMES: usize = 16;
        let round = |at| format!("a0 connect v0 0; a0 close v0; peer pfin k{at}; a0 fork a1 1; a1 end 1 0");
        is_always_good(here!(), &(0..TIMES).map(round).collect::<Vec<_>>().join(";"));
    }

    /// What could not be written out is lost, but not what was written before.
    #[test]
    fn a_stream_that_cannot_be_written_out_is_closed_gracefully_all_the_same() {
        is_good(
            here!(),
            "a0 listen v9
             a0 accept v0 v9 0
             a0 write v0 1048576
             peer psend k0 14229
             a0 shutdown v0 1
             a0 fdopen s2 v0
             a0 fwrite s2 29
             a0 fclose s2",
        );
    }

    /// Its connections are closed one by one before the rest of the range, which
    /// starts the drain's thread again: the program left that one alone in the table
    /// that they had shared, with everything that was open in it, and the drain's
    /// descriptors in its own for ever.
    #[test]
    fn a_range_closed_with_unshare_leaves_no_descriptor_of_the_drain_behind() {
        is_good(
            here!(),
            "a0 connect v0 1
             a0 closerange v0 v2 1 2
             a0 sysrange v3 v3 1 2
             a0 fork a1 1",
        );
    }

    /// As above: what the program closes afterwards, somebody still had.
    #[test]
    fn a_pipe_ends_after_a_range_was_closed_with_unshare() {
        is_good(
            here!(),
            "a0 connect v0 0
             a0 pipe v5 v6
             a0 closerange v0 v0 1 2
             a0 close v6
             a0 poll v5",
        );
    }

    /// As above: what was to be done later was done in a table that nobody uses.
    #[test]
    fn a_receive_side_is_shut_after_a_range_was_closed_with_unshare() {
        is_good(
            here!(),
            "a0 listen v9
             a0 connect v3 0
             a0 sysrange v3 v7 0 2
             a0 accept v1 v9 0
             a0 shutdown v1 2
             a0 epoll v8 0
             a0 ctl v8 0 v3 1
             a0 wait v8",
        );
    }

    /// The number that an epoll set watches is closed first, then a copy. Of a
    /// connection that no hook has seen coming nobody remembered the first.
    #[test]
    fn an_inherited_connection_haunts_no_epoll_set() {
        is_good(
            here!(),
            "peer inetd 0
             a0 epoll v8 0
             a0 ctl v8 0 v0 3
             a0 dup v3 v0
             a0 close v0
             a0 close v3
             a0 wait v8",
        );
    }

    /// A timer's handler left the close: the thread could not be cancelled any more, and directories of procfs, the
    /// drain's copy and its turn stayed.
    #[test]
    fn a_handler_that_leaves_a_close_leaves_nothing_behind() {
        const TIMES: usize = 8;
        let round = |at| format!("a0 connect v2 0; a0 write v2 80; a0 jumpclose v2 4; peer check k{at}");
        is_always_good(here!(), &(0..TIMES).map(round).collect::<Vec<_>>().join(";"));
    }

    /// The set had it before it was written down: it reported what nobody had open any more.
    #[test]
    fn a_set_forgets_what_is_added_while_it_is_closed() {
        is_always_good(here!(), "a0 epoll v8 0; a0 addclose v8 15; a0 wait v8; a0 addclose v8 15; a0 wait v8");
    }

    /// A set of libc's, in which no hook has seen anything but another connection.
    #[test]
    fn a_member_of_a_known_set_that_came_by_instruction_is_forgotten() {
        is_good(
            here!(),
            "a0 connect v2 0
             a0 connect v3 0
             a0 write v3 69
             a0 epoll v8 0
             a0 ctl v8 0 v2 1
             a0 rawctl v8 0 v3
             peer psend k1 15
             a0 close v3
             a0 wait v8",
        );
    }

    /// Its exit waited for the peer.
    #[test]
    fn a_process_with_a_slow_peer_leaves_at_once() {
        is_good(
            here!(),
            "a0 listen v9
             a0 accept v1 v9 0
             a0 write v1 917504
             a0 leave 1 1
             peer probe",
        );
    }

    /// What a ring made by a raw system call still had to send was cut off.
    #[test]
    fn a_send_that_is_pending_in_a_ring_goes_on() {
        is_good(
            here!(),
            "a0 connect v0 0
             a0 ring v7 1
             a0 submit v0 2 1048576 1
             a0 close v0
             peer check k0
             a0 wait v7",
        );
    }

    /// Natively the connection goes on for as long as the request is pending.
    #[test]
    fn a_connection_that_a_ring_waits_for_does_not_end() {
        is_good(
            here!(),
            "a0 connect v0 0
             a0 write v0 100
             a0 ring v7 1
             a0 submit v0 1 10 1
             a0 close v0
             peer check k0",
        );
    }
}
