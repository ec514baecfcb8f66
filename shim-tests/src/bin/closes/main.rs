//! `make closes`
use shim_tests::closes::{case::Case, expect, measure, packet::End};
fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let cases: Vec<Case> =
        Case::all().into_iter().filter(|case| words.iter().all(|word| case.name().contains(word.as_str()))).collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed)) {
                    let start = std::time::Instant::now();
                    match measure::run(*case, 1) {
                        Ok(run) => println!(
                            "{}: {:?} {} fin {} {} rst {} {} tw {:?} took {:?} held {:?} kept {:?} [{:?}] {:?}",
                            case.name(),
                            run.ending(),
                            run.report.received,
                            run.fins(End::Program),
                            run.fins(End::Peer),
                            run.resets(End::Program),
                            run.resets(End::Peer),
                            run.time_wait(),
                            run.took(),
                            run.held(),
                            run.kept,
                            start.elapsed(),
                            expect::faults(&run)
                        ),
                        Err(why) => println!("skipped: {why}"),
                    }
                }
            });
        }
    });
}
