//! Runs many jobs, a few of them at a time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Calls `job` with the place and the item for each of `items`, at most `at_once` at the same time.
/// The answers are in the order of the items.
pub fn map<T: Sync, R: Send>(items: &[T], at_once: usize, job: impl Fn(usize, &T) -> R + Sync) -> Vec<R> {
    let (next, answers) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let (at, Some(item)) = take(items, &next) {
                    let answer = job(at, item);
                    answers.lock().expect("no panic holds it").push((at, answer));
                }
            });
        }
    });
    let mut answers = answers.into_inner().expect("no panic holds it");
    answers.sort_by_key(|(at, _)| *at);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn take<'a, T>(items: &'a [T], next: &AtomicUsize) -> (usize, Option<&'a T>) {
    let at = next.fetch_add(1, Relaxed);
    (at, items.get(at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(map(&items, 3, |at, item| (at, item * 2)), (0..100).map(|at| (at, at * 2)).collect::<Vec<_>>());
        assert!(map(&[], 3, |_, item: &u8| *item).is_empty());
    }
}
