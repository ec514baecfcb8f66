//! One look at all processes, for the questions of hooks and for what may have leaked.
//!
//! Context: the looker's thread; see [`super`].

use crate::drain::Drain;
use crate::drain::looker::inquiries::{Asked, Inquiries, MOST};
use crate::holders::judge::{self, Budget, Scope, Sought};
use crate::holders::ledger::leaks;

/// Which processes need not be looked at for a connection that may have leaked: hooks have seen it
/// being opened, in this process or in an ancestor of it.
const LEAKED: Scope = Scope { trust_self: true, in_family: true, is_patient: false };

/// Answers all questions of hooks, and notes which connections have not leaked.
pub fn answer_all(drain: &Drain, inquiries: &Inquiries) {
    let (asked, leaked) = (inquiries.asked(), drain.looker.take_leaks(drain.ledger));
    let leaks = leaked.into_iter().flatten();
    let wanted = asked.iter().flatten().map(Asked::what).chain(leaks.clone().map(|leak| (leak.inode, LEAKED)));
    let mut sought: [Sought; MOST + leaks::MOST] = core::array::from_fn(|_| Sought::new(0, LEAKED));
    let mut len = 0;
    for (room, (inode, scope)) in sought.iter_mut().zip(wanted) {
        *room = Sought::new(inode, scope);
        len += 1;
    }
    let Some(sought) = sought.get(..len).filter(|sought| !sought.is_empty()) else { return };
    let view = judge::look(sought, budget(&asked));
    let mut doubts = sought.iter().map(|sought| view.doubt(sought));
    asked.into_iter().flatten().zip(doubts.by_ref()).for_each(|(asked, doubt)| asked.answer(doubt));
    inquiries.notify();
    let sole = leaks.zip(doubts).filter(|(_, doubt)| doubt.is_none());
    sole.for_each(|(leak, _)| drain.ledger.not_leaked(leak));
}

/// The budget of the hook that waits with the least patience; without a hook, that of a look ahead.
fn budget(asked: &[Option<Asked<'_>>]) -> Budget {
    let scopes = asked.iter().flatten().map(|asked| asked.what().1);
    scopes.min_by_key(|scope| scope.is_patient).map_or_else(Budget::ahead, Budget::of)
}
