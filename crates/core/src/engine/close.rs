//! The way of one close: [`Engine::prepare`], the program's own call, [`Engine::commit`].
//!
//! Context: hooks of any kind.

use super::closing::Closing;
use super::prepared::Prepared;
use super::{Engine, at_once, hold, inline_close, left_alone, proof, sets, verdict};
use crate::decision::{Reason, Verdict};
use crate::drain::hand_over::Reserved;
use crate::drain::lingering::Lingering;
use crate::holders::ledger::Owner;
use crate::holders::standing::Doubt;
use crate::sys::Fd;
use crate::sys::socket::{self, TcpInfo};

impl Engine {
    /// To be called before the program closes `fd`, a TCP socket without a connection: a listener, or one
    /// that was never connected. Nobody has to know whether it is the last descriptor.
    pub fn leave_unconnected(&self, owner: Owner<'_>, fd: Fd) {
        let role = owner.role(fd);
        owner.forgotten(fd);
        self.drain.apply_now(fd);
        left_alone::leave_alone(self, fd, role, Reason::Unconnected).abandon();
    }

    /// To be called before the program closes `fd`, a TCP socket with this `info`. What it
    /// answers is to be committed after the program's own call, or abandoned if that fails.
    ///
    /// Not inlined: a close of anything but TCP must not pay for our stack frame.
    #[inline(never)]
    pub fn prepare(&'static self, owner: Owner<'_>, fd: Fd, info: TcpInfo) -> Prepared {
        self.context.counters.publish();
        let claim = owner.release(fd);
        let (verdict, strategy) = verdict::of(self, owner, fd, info, claim, false);
        let is_acknowledged = info.is_acknowledged;
        let closing = Closing { owner, fd, claim, strategy, is_acknowledged, linger_ms: None };
        let prepared = self.act(verdict, closing);
        if let Verdict::LeaveAlone(Reason::Unsure | Reason::NothingSent) = verdict {
            sets::note_left_behind(owner, claim);
        }
        match prepared {
            Prepared::Plain => self.drain.apply_now(fd),
            _ => self.drain.cancel(fd),
        }
        prepared
    }

    fn act(&'static self, verdict: Verdict, closing: Closing<'_>) -> Prepared {
        let Closing { fd, strategy, .. } = closing;
        let role = closing.role();
        match verdict {
            Verdict::LeaveAlone(reason) => left_alone::leave_alone(self, fd, role, reason),
            Verdict::Observe => left_alone::observe(self, fd, role),
            Verdict::Discard => at_once::discard(self, fd, role, strategy),
            Verdict::AtOnce => at_once::close(self, closing),
            Verdict::WaitUpTo(seconds) => hold::linger(self, closing, seconds),
            Verdict::Hold => hold::hold(self, closing),
        }
    }

    /// To be called after the program's own call has given up `fd`. Answers what that call is
    /// to wait for, if the program has asked it to wait (`SO_LINGER{1,n}`).
    ///
    /// Another thread may have put `fd` into an epoll set after the connection had left all
    /// sets. Nobody could take it out again, so nothing is held then.
    pub fn commit(&self, fd: Fd, prepared: Prepared) -> Option<Lingering> {
        let is_entered = prepared.reserved().is_some_and(|reserved| proof::has_been_entered(self, fd, reserved.fd()));
        match prepared {
            prepared if is_entered => give_up(self, prepared),
            Prepared::Plain => {}
            Prepared::Held(reserved) => reserved.commit(),
            Prepared::Inline(reserved, inline) => inline_close::close_copy(self, reserved, inline),
            Prepared::Lingering(reserved, ms) => {
                reserved.fd().into_iter().for_each(socket::linger_off);
                return reserved.commit_lingering(ms);
            }
        }
        None
    }

    /// Whether the program's own close of `fd` may wait for the peer (`SO_LINGER{1,n}`): then
    /// signals must not be held back meanwhile.
    pub fn may_linger(&self, owner: Owner<'_>, fd: Fd) -> bool {
        owner.may_linger(fd) && socket::linger(fd).is_some_and(|seconds| seconds != 0)
    }
}

fn give_up(engine: &Engine, prepared: Prepared) {
    // The close of the duplicate would wait for the peer, with signals held back.
    prepared.reserved().and_then(Reserved::fd).into_iter().for_each(socket::linger_off);
    prepared.abandon();
    engine.context.counters.left_alone(Reason::Unsure);
    sets::note_doubt(engine, Doubt::Watched);
}
