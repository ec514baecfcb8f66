//! A victim that closes a connection in one of several shapes, and says what becomes of data
//! that come late, and whether its epoll sets report the closed number.

use crate::program::Exit;
use crate::twice::twice;
use crate::victim::Victim;

/// What becomes of data that arrive after the close, with the shim.
#[derive(Clone, Copy, Debug)]
pub enum Late {
    /// They are read and discarded: the connection is drained.
    Taken,
    /// They are refused, as natively: softclose left the close alone, because an epoll set would go
    /// on watching the connection or something still holds it.
    Refused,
}

/// Runs `victim` in this shape, natively and shimmed. No epoll set may report anything, and late
/// data must end as `late` says. If the shape cannot run here, it is said that `test` is skipped.
pub fn ends(test: &str, victim: &str, shape: &str, late: Late) {
    let seen = twice(test, |arena, shim| Victim::c(victim).arg(shape).start(arena, shim).finish());
    let Some((native, shimmed)) = seen else { return };
    if let Some(reason) = native.stdout.iter().find_map(|line| line.strip_prefix("unsupported: ")) {
        return crate::skip(test, reason);
    }
    let late = match late {
        Late::Taken => "late data: taken",
        Late::Refused => "late data: refused",
    };
    assert_eq!(native.stdout, ["events: 0", "late data: refused"], "{native:#?}");
    assert_eq!(shimmed.stdout, ["events: 0", late], "{shimmed:#?}");
    assert_eq!([native.exit, shimmed.exit], [Exit::Code(0); 2]);
}
