//! What `src/sync.rs` is in the shipped library, with loom's atomics.

use std::sync::atomic::Ordering;
pub use std::sync::atomic::Ordering::SeqCst;

/// As core's, but for two things.
///
/// `new` is const; loom wants to know an atomic before threads share it, so every
/// stage looks at what it has made.
///
/// loom lets a `SeqCst` load see an old value, which the hardware may not. Loads and
/// stores are made by exchange here: the newest value, in one order of all accesses.
/// That is what `SeqCst` promises where nothing weaker is in play.
macro_rules! atomic {
    ($name:ident, $word:ty) => {
        pub struct $name {
            first: $word,
            made: std::sync::OnceLock<loom::sync::atomic::$name>,
        }

        impl $name {
            pub const fn new(first: $word) -> Self {
                Self { first, made: std::sync::OnceLock::new() }
            }

            pub fn load(&self, order: Ordering) -> $word {
                assert_eq!(order, SeqCst, "weaker than the models can tell");
                self.fetch_or(0, order)
            }

            pub fn store(&self, word: $word, order: Ordering) {
                assert_eq!(order, SeqCst, "weaker than the models can tell");
                self.swap(word, order);
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self { first: 0, made: loom::sync::atomic::$name::new(0).into() }
            }
        }

        impl std::ops::Deref for $name {
            type Target = loom::sync::atomic::$name;

            fn deref(&self) -> &Self::Target {
                self.made.get_or_init(|| Self::Target::new(self.first))
            }
        }
    };
}

atomic!(AtomicU32, u32);
atomic!(AtomicU64, u64);

/// What `SeqCst` means, and every proof here needs.
#[test]
fn of_two_who_write_and_then_look_one_sees_the_other() {
    loom::model(|| {
        let words = std::sync::Arc::new([AtomicU32::default(), AtomicU32::default()]);
        let theirs = words.clone();
        let other = loom::thread::spawn(move || {
            theirs[0].store(1, SeqCst);
            theirs[1].load(SeqCst)
        });
        words[1].store(1, SeqCst);
        let seen = words[0].load(SeqCst);
        assert!(seen + other.join().unwrap() != 0);
    });
}
