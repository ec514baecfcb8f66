//! Random programs, natively and shimmed: what the program sees is the same, and
//! for its peer nothing is worse. See `shim_tests::fuzz`.
//!
//! | variable | what it does |
//! |---|---|
//! | `FUZZ_PROGRAMS` | how many programs (default: a few hundred) |
//! | `FUZZ_SEED` | which ones; the same for the same number |
//! | `FUZZ_JOBS` | how many at the same time |
//! | `FUZZ_FIRST` | not empty: the first that fails ends the run |
//! | `FUZZ_REPLAY` | a file with one program, instead |

use shim_tests::arena::Arena;
use shim_tests::fuzz::hunt::{Failure, Stagehand, Tally, program};
use shim_tests::fuzz::shrink::shrink;
use shim_tests::here;
use shim_tests::shim::Shim;
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
    programs: u64,
    next: AtomicU64,
    begun: Instant,
    found: Mutex<(Tally, Vec<(u64, Failure)>)>,
}

impl Hunt {
    fn work(&self) {
        let arena = Arena::open().expect("there was one");
        let mut stagehand = Stagehand::new(&arena);
        loop {
            let at = self.next.fetch_add(1, Relaxed);
            if at >= self.programs {
                return;
            }
            let (tally, failure) = self.one(&mut stagehand, at);
            self.note(at, &tally, failure);
        }
    }

    fn one(&self, stagehand: &mut Stagehand<'_>, at: u64) -> (Tally, Option<Failure>) {
        let mut tally = Tally::default();
        let case = program(self.seed, at);
        if at.is_multiple_of(REPEATED) {
            stagehand.is_certain(&case, &mut tally);
        }
        let failure = stagehand.judge(&case, &mut tally);
        if failure.is_some() && std::env::var_os("FUZZ_FIRST").is_some_and(|word| !word.is_empty()) {
            self.next.store(self.programs, Relaxed);
        }
        (tally, failure.map(|failure| shrink(stagehand, failure)))
    }

    fn note(&self, at: u64, tally: &Tally, failure: Option<Failure>) {
        let mut found = self.found.lock().expect("no worker panics with it");
        found.0.merge(tally);
        if let Some(failure) = failure {
            say(&format!("program {at} of seed {}: {failure}", self.seed));
            found.1.push((at, failure));
        }
        let done = found.0.programs;
        if done.is_multiple_of(100) {
            let rate = done as f64 / self.begun.elapsed().as_secs_f64();
            say(&format!("{done} of {} programs, {rate:.1} a second, {} failed", self.programs, found.1.len()));
        }
    }
}

#[test]
fn random_programs_see_no_difference_and_their_peers_nothing_worse() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    if let Some(path) = std::env::var_os("FUZZ_REPLAY") {
        return replay(&arena, &std::fs::read_to_string(path).expect("FUZZ_REPLAY is a file"));
    }
    let hunt = Hunt {
        seed: setting("FUZZ_SEED", SEED),
        programs: setting("FUZZ_PROGRAMS", PROGRAMS),
        next: AtomicU64::new(0),
        begun: Instant::now(),
        found: Mutex::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..setting("FUZZ_JOBS", JOBS) {
            scope.spawn(|| hunt.work());
        }
    });
    let (tally, failures) = hunt.found.into_inner().expect("no worker panics with it");
    say(&format!("FUZZ_SEED={}: {tally}", hunt.seed));
    assert!(failures.is_empty(), "{} programs failed: see above", failures.len());
}

/// Shows both runs, whether they differ or not.
fn replay(arena: &Arena, text: &str) {
    let case = text.parse().expect("a program");
    let mut stagehand = Stagehand::new(arena);
    for shim in Shim::BOTH {
        say(&format!("{shim:?}:\n  {}", stagehand.run(&case, shim).to_string().replace('\t', "\n  ")));
    }
    if let Some(failure) = stagehand.judge(&case, &mut Tally::default()) {
        panic!("{failure}");
    }
}
