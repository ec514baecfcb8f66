//! A victim that closes a connection in one of several shapes, and says what becomes of data
//! that come late, and whether its epoll sets report the closed number.

use crate::program::Exit;
use crate::twice::twice;
use crate::victim::Victim;

/// What becomes of data that come after the close, shimmed.
#[derive(Clone, Copy, Debug)]
pub enum Late {
    /// It is read and discarded: the connection is drained.
    Taken,
    /// It is refused, as natively: a set may go on watching that nobody can leave, or something
    /// holds the connection.
    Refused,
}

/// Runs `victim` in this shape, natively and shimmed: no set reports anything, and what comes
/// late ends as it should; or says why it cannot run here.
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
