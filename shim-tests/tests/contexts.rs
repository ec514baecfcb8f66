//! What else is in the process: constructors and destructors, another `malloc`, other interposers,
//! libraries that come and go. None of them may break, and a close among them is as graceful as
//! elsewhere. `surroundings.rs` has what the kernel gives or denies, `storms.rs` has forks.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::proc::cannot_look;
use shim_tests::program::Exit;
use shim_tests::shim::{Shim, library};
use shim_tests::twice::{alike, same_transcript, says};
use shim_tests::victim::{Victim, compiled_library};
use shim_tests::{here, skip};
use std::path::PathBuf;

/// Where in the list of preloaded libraries another one is.
#[derive(Clone, Copy)]
enum PreloadOrder {
    Ahead,
    Behind,
}

use PreloadOrder::{Ahead, Behind};

impl PreloadOrder {
    const BOTH: [Self; 2] = [Ahead, Behind];

    fn of(self, victim: Victim, library: impl Into<PathBuf>) -> Victim {
        match self {
            Ahead => victim.ahead(library),
            Behind => victim.behind(library),
        }
    }
}

/// A library of the system, by the end of its path.
fn installed(name: &str) -> Option<PathBuf> {
    let places = ["/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/libexec"];
    places.iter().map(|order| PathBuf::from(order).join(name)).find(|path| path.exists())
}

mod a_library_that_works_before_main {
    use super::*;

    fn disturbs_nothing(test: &str, order: PreloadOrder) {
        Gauntlet::of(order.of(Victim::c("blocking"), compiled_library("lib_early"))).prove(test);
    }

    #[test]
    fn and_was_preloaded_ahead_of_the_shim() {
        disturbs_nothing(here!(), Ahead);
    }

    #[test]
    fn and_was_preloaded_behind_the_shim() {
        disturbs_nothing(here!(), Behind);
    }

    /// The connection was accepted there too: nobody counted it.
    #[test]
    fn in_the_program_s_preinit_array() {
        match cannot_look() {
            None => Gauntlet::of(Victim::c("early")).prove(here!()),
            Some(reason) => skip(here!(), reason),
        }
    }
}

/// After main, in an order of libc's own.
mod a_handler_of_the_end {
    use super::*;

    fn proves(test: &str, handler: &str) {
        for way in ["close", "_exit"] {
            Gauntlet::of(Victim::c("late").arg(handler).arg(way)).exits_with(7).prove(test);
        }
    }

    #[test]
    fn by_atexit_closes_or_exits() {
        proves(here!(), "atexit");
    }

    #[test]
    fn by_on_exit_closes_or_exits() {
        proves(here!(), "on_exit");
    }

    #[test]
    fn of_the_main_thread_s_storage_closes_or_exits() {
        proves(here!(), "thread");
    }

    #[test]
    fn of_the_program_s_destructors_closes_or_exits() {
        proves(here!(), "destructor");
    }

    #[test]
    fn of_a_library_s_destructors_closes() {
        for order in PreloadOrder::BOTH {
            let victim = order.of(Victim::c("exit_open").arg("return"), compiled_library("lib_late"));
            Gauntlet::of(victim).exits_with(7).prove(here!());
        }
    }

    /// Registered ahead of ours, it runs after it, when the other threads have been
    /// stopped already.
    #[test]
    fn of_a_library_that_began_first_still_runs() {
        for order in PreloadOrder::BOTH {
            let victim = order.of(Victim::c("last_word"), compiled_library("lib_last_word"));
            let seen = alike(here!(), |arena, shim| victim.start(arena, shim).finish());
            if let Some(finished) = seen {
                assert_eq!((finished.exit, &*finished.stdout), (Exit::Code(7), &["status 7".to_owned()][..]));
            }
        }
    }
}

mod another_malloc {
    use super::*;

    /// Allocating, threads, signal handlers, and an interpreter.
    fn is_as_good(test: &str, library: Option<PathBuf>, order: PreloadOrder) {
        let Some(library) = library else { return skip(test, "this malloc is not installed") };
        let with = |victim: Victim| order.of(victim, library.clone());
        Gauntlet::of(with(Victim::c("blocking"))).prove(test);
        Gauntlet::of(with(Victim::c("thread_per_connection").arg("200"))).at_once(200).prove(test);
        Gauntlet::of(with(Victim::c("signal_close").arg("200").arg("malloc"))).at_once(200).prove(test);
        if let Some(victim) = Victim::python("socketserver_early") {
            Gauntlet::of(with(victim)).prove(test);
        }
    }

    #[test]
    fn jemalloc_ahead() {
        is_as_good(here!(), installed("libjemalloc.so.2"), Ahead);
    }

    #[test]
    fn jemalloc_behind() {
        is_as_good(here!(), installed("libjemalloc.so.2"), Behind);
    }

    #[test]
    fn tcmalloc_ahead() {
        is_as_good(here!(), installed("libtcmalloc_minimal.so.4"), Ahead);
    }

    #[test]
    fn tcmalloc_behind() {
        is_as_good(here!(), installed("libtcmalloc_minimal.so.4"), Behind);
    }

    #[test]
    fn that_makes_system_calls_ahead() {
        is_as_good(here!(), Some(compiled_library("lib_malloc")), Ahead);
    }

    #[test]
    fn that_makes_system_calls_behind() {
        is_as_good(here!(), Some(compiled_library("lib_malloc")), Behind);
    }
}

/// Constructors of other libraries run before ours, and take away what ours looks at.
mod after_another_constructor {
    use super::*;

    #[test]
    fn that_takes_the_name_of_the_program_and_its_environment_away() {
        says(here!(), &Victim::c("own_errno").behind(compiled_library("lib_bare_start")), &["done"]);
    }

    /// A function that libc lacks was looked for in a library that was gone.
    #[test]
    fn that_opens_a_library_for_itself_which_goes_later() {
        let opened = compiled_library("lib_plain");
        let victim = Victim::c("after_unload").env("OPENED", opened.to_str().expect("a path of UTF-8"));
        says(here!(), &victim.behind(compiled_library("lib_opens")), &["done"]);
    }

    /// The distance of libc's `errno` from the thread pointer was taken for that of the program's.
    #[test]
    fn of_a_program_with_an_errno_of_its_own() {
        says(here!(), &Victim::c("own_errno"), &["done"]);
    }
}

mod another_interposer {
    use super::*;

    /// It counts as many calls as natively, and the close is as graceful.
    fn that_counts(test: &str, order: PreloadOrder) {
        let counting = || compiled_library("lib_count");
        if let Some(finished) = same_transcript(test, &order.of(Victim::c("calls"), counting())) {
            let last = finished.stdout.last().expect("it says something");
            assert_eq!(last, "close 20 accept 5 dup2 5 fork 5 shutdown 1", "{finished:#?}");
        }
        Gauntlet::of(order.of(Victim::c("fork_server").arg("5").arg("close"), counting())).copies(5).prove(test);
    }

    #[test]
    fn that_counts_ahead() {
        that_counts(here!(), Ahead);
    }

    #[test]
    fn that_counts_behind() {
        that_counts(here!(), Behind);
    }

    /// As ThreadSanitizer does it: our threads, which have no thread-local storage, came by it and
    /// crashed.
    #[test]
    fn that_watches_each_copy_of_memory() {
        for order in PreloadOrder::BOTH {
            for _ in 0..5 {
                let victim = order.of(Victim::c("blocking"), compiled_library("lib_memory"));
                Gauntlet::of(victim).prove(here!());
            }
        }
    }

    /// Debian's, each with what it needs to be at work.
    fn of_debian(test: &str, name: &str, environment: &[(&str, &str)]) {
        let Some(library) = installed(name) else { return skip(test, &format!("no {name}")) };
        for order in PreloadOrder::BOTH {
            for victim in [Victim::c("blocking"), Victim::c("fork_server").arg("1").arg("exit")] {
                let victim = environment.iter().fold(victim, |victim, (name, value)| victim.env(name, value));
                Gauntlet::of(order.of(victim, library.clone())).prove(test);
            }
        }
    }

    #[test]
    fn libfaketime() {
        of_debian(here!(), "faketime/libfaketime.so.1", &[("FAKETIME", "+3d x2")]);
    }

    #[test]
    fn nss_wrapper() {
        of_debian(
            here!(),
            "libnss_wrapper.so",
            &[("NSS_WRAPPER_PASSWD", "/etc/passwd"), ("NSS_WRAPPER_GROUP", "/etc/group")],
        );
    }

    #[test]
    fn uid_wrapper() {
        of_debian(here!(), "libuid_wrapper.so", &[("UID_WRAPPER", "1"), ("UID_WRAPPER_ROOT", "1")]);
    }

    #[test]
    fn stdbuf() {
        of_debian(here!(), "coreutils/libstdbuf.so", &[("_STDBUF_O", "0")]);
    }

    /// It asks libc's own handle for `close`, and so passes over whatever is behind it.
    #[test]
    fn torsocks() {
        let Some(library) = installed("torsocks/libtorsocks.so") else { return skip(here!(), "no torsocks") };
        let victim = Victim::c("blocking").env("TORSOCKS_ALLOW_INBOUND", "1").env("TORSOCKS_LOG_LEVEL", "1");
        Gauntlet::of(victim.clone().behind(&library)).prove(here!());
        Gauntlet::of(victim.clone().ahead(&library)).loses(here!(), Shim::Native);
        Gauntlet::of(victim.ahead(&library)).loses(here!(), Shim::Preloaded);
    }

    /// TCP sockets are unix sockets for it, so that there is nothing to do for us.
    #[test]
    fn socket_wrapper() {
        let Some(library) = installed("libsocket_wrapper.so") else { return skip(here!(), "no socket_wrapper") };
        for order in PreloadOrder::BOTH {
            let directory = std::env::temp_dir().join(format!("softclose-sockets-{}", std::process::id()));
            std::fs::create_dir_all(&directory).expect("a temporary directory");
            let victim = order.of(Victim::c("calls"), library.clone());
            same_transcript(here!(), &victim.env("SOCKET_WRAPPER_DIR", directory.to_str().expect("a path in UTF-8")));
            std::fs::remove_dir_all(&directory).expect("it is ours");
        }
    }

    /// It puts itself first, and its shell is shimmed as well.
    #[test]
    fn fakeroot() {
        let fakeroot = "/usr/bin/fakeroot";
        if !std::path::Path::new(fakeroot).exists() {
            return skip(here!(), "no fakeroot");
        }
        Gauntlet::of(Victim::c("blocking").under([fakeroot])).prove(here!());
    }
}

mod a_library_loaded_later {
    use super::*;

    fn closing(way: &str) -> Gauntlet {
        let library = compiled_library(if way == "unload" { "lib_server" } else { "lib_closer" });
        Gauntlet::of(Victim::c("closed_by_library").arg(way).arg(library))
    }

    #[test]
    fn closes_gracefully() {
        closing("global").prove(here!());
        closing("local").prove(here!());
    }

    #[test]
    fn closes_gracefully_as_it_is_unloaded() {
        closing("unload").prove(here!());
    }

    /// It looks up `close` in libc first: a limit, but no harm.
    #[test]
    fn bound_deeply_closes_as_natively() {
        closing("deepbind").loses(here!(), Shim::Native);
        closing("deepbind").loses(here!(), Shim::Preloaded);
    }

    /// It has a libc of its own, and nothing is preloaded there.
    #[test]
    fn into_a_namespace_of_its_own_closes_as_natively() {
        closing("namespace").loses(here!(), Shim::Native);
        closing("namespace").loses(here!(), Shim::Preloaded);
    }

    /// A second shim in the process, over a second libc: neither knows of the other.
    #[test]
    fn into_a_namespace_of_its_own_that_is_the_shim_does_no_harm() {
        let victim = Victim::c("second_shim").arg(library());
        if let Some(outcome) = Gauntlet::of(victim).run(here!(), Shim::Preloaded) {
            assert_eq!(outcome.finished.exit, Exit::Code(0), "{outcome:#?}");
            assert!(outcome.finished.stderr.is_empty(), "{outcome:#?}");
        }
    }
}
