//! The lock-free protocols under every interleaving of a few threads.
//!
//! The files of the protocols are compiled here once more, beside a `sync` that
//! has loom's atomics: what is explored is the source that is shipped, not a
//! model of it. Each protocol has a test that names the promise it keeps.
//!
//! `make loom` explores more preemptions than `make test` does.

mod bitmap;
mod cells;
mod event_count;
mod futex;
mod gate;
mod lists;
mod sync;

/// The sources, under the names by which they know each other.
#[allow(dead_code)]
#[path = "../../src/drain"]
mod drain {
    pub mod drainer {
        pub mod gate;
    }

    pub mod table {
        pub mod free_list;
        pub mod inbox;
        pub mod place;
    }
}

#[allow(dead_code)]
#[path = "../../src/holders/ledger/memory"]
mod memory {
    pub mod bitmap;
    pub mod cells;
    pub mod marks;
    pub mod token;
}

#[allow(dead_code)]
#[path = "../../src/sys/thread"]
mod sys {
    pub mod event_count;
    pub(super) use crate::futex;
}

/// Explores every interleaving of `body`'s threads with so many preemptions at most:
/// `LOOM_MAX_PREEMPTIONS`, or three. To wait, or to end, is none.
fn explore(body: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(body);
}

/// The struct alone: nothing is mapped here. Behind the modules, which name it by its path.
#[macro_export]
macro_rules! zeroed {
    ($($struct:tt)*) => {
        $($struct)*
    };
}
