//! The close of everything that is not the last reference to a connected TCP socket is libc's own:
//! files, pipes, UDP, unix sockets, listeners and so on.

use shim_tests::here;
use shim_tests::twice::same_transcript;
use shim_tests::victim::Victim;

#[test]
fn every_other_kind_of_descriptor_is_closed_as_natively() {
    if let Some(finished) = same_transcript(here!(), &Victim::c("other_fds")) {
        assert!(finished.stdout.len() > 150, "{finished:#?}");
        assert!(finished.stdout.iter().any(|line| line.contains("recv -1 ECONNRESET")), "{finished:#?}");
    }
}

#[test]
fn the_inline_engine_closes_them_as_natively_too() {
    same_transcript(here!(), &Victim::c("other_fds").env("SOFTCLOSE_ENGINE", "inline"));
}
