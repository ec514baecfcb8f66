//! The wakeup: who has looked at the count before the news, and sleeps after it, is
//! woken.

use crate::explore;
use crate::sync::{AtomicU32, SeqCst};
use crate::sys::event_count::EventCount;
use loom::thread;
use std::sync::Arc;

struct Stage {
    wakeup: EventCount,
    news: AtomicU32,
}

fn stage() -> Arc<Stage> {
    let stage = Stage { wakeup: EventCount::new(), news: AtomicU32::default() };
    stage.wakeup.forget();
    assert_eq!(stage.wakeup.count(), 0);
    Arc::new(stage)
}

fn sleep_until_there_is_news(stage: &Stage) {
    loop {
        let seen = stage.wakeup.count();
        if stage.news.load(SeqCst) != 0 {
            return;
        }
        stage.wakeup.sleep(seen, u32::MAX);
    }
}

#[test]
fn no_ring_is_missed() {
    explore(|| {
        let stage = stage();
        let sleeper = stage.clone();
        let sleeper = thread::spawn(move || sleep_until_there_is_news(&sleeper));
        stage.news.store(1, SeqCst);
        stage.wakeup.notify();
        sleeper.join().unwrap();
    });
}

#[test]
fn every_sleeper_is_woken() {
    explore(|| {
        let stage = stage();
        let sleepers = [stage.clone(), stage.clone()];
        let sleepers = sleepers.map(|stage| thread::spawn(move || sleep_until_there_is_news(&stage)));
        stage.news.store(1, SeqCst);
        stage.wakeup.notify();
        sleepers.into_iter().for_each(|sleeper| sleeper.join().unwrap());
    });
}
