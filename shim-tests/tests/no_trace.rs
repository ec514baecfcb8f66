//! A program that closes no TCP socket has no trace of softclose in it. A program that has closed a
//! thousand is, a while later, as it would be natively.

use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::shim::Shim;
use shim_tests::twice::{same_transcript, twice};
use shim_tests::victim::Victim;
use std::time::Duration;

/// Longer than the thread stays after its last work.
const IDLE_TIME: Duration = Duration::from_secs(15);

#[test]
fn nothing_is_started_for_a_program_that_closes_no_connection() {
    if let Some(finished) = same_transcript(here!(), &Victim::c("no_tcp_close")) {
        // Two directories and one task.
        assert_eq!(finished.stdout[0], "/proc/self/task: 3 entries");
        assert!(finished.stdout[4].ends_with(": 0"), "{finished:#?}");
    }
}

#[test]
fn nothing_is_left_after_a_thousand_connections_and_some_idle_time() {
    let mut natively = None;
    twice(here!(), |arena, shim| {
        let mut victim = Victim::c("serve").arg("1000").start(arena, shim);
        let mut peers = Peer::to(victim.port()).copies(4).rounds(250).ask(1024, 0).read_to_end().start(arena);
        assert!(peers.tally().all(|report| report.has_all_of(1024)));
        victim.expect("closed");
        let look = || (descriptors(victim.pid()), threads(victim.pid()));
        match shim {
            Shim::Native => natively = Some(look()),
            Shim::Preloaded => {
                let same = becomes_true(IDLE_TIME, || Some(look()) == natively);
                assert!(same, "natively {natively:?}\nshimmed {:?}", look());
            }
        }
    });
}
