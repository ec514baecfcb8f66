//! Who has closed which connection: data that comes later is answered in an interrupt, which knows no process.

use super::event::{Fin, Flow};
use super::who::Who;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

/// The closes that are remembered, the latest ones.
#[derive(Debug)]
pub struct Closers {
    by_flow: HashMap<Flow, Closer>,
    /// In the order in which they came, with the number of each.
    order: VecDeque<(Flow, u64)>,
    count: u64,
    most: usize,
}

#[derive(Debug)]
struct Closer {
    socket: u64,
    number: u64,
    who: Option<Rc<Who>>,
}

impl Closers {
    /// Remembers at most so many.
    pub fn new(most: usize) -> Self {
        Self { by_flow: HashMap::new(), order: VecDeque::new(), count: 0, most }
    }

    /// Remembers a close.
    pub fn remember(&mut self, fin: &Fin, who: Option<Rc<Who>>) {
        self.count += 1;
        let closer = Closer { socket: fin.socket, number: self.count, who };
        self.by_flow.insert(fin.flow, closer);
        self.order.push_back((fin.flow, self.count));
        while self.order.len() > self.most {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        let Some((flow, number)) = self.order.pop_front() else { return };
        // The same addresses may have been used once more.
        if self.by_flow.get(&flow).is_some_and(|closer| closer.number == number) {
            self.by_flow.remove(&flow);
        }
    }

    /// Who has closed this connection. Two network namespaces may have the same addresses: then the socket tells. After
    /// the connection has become a shadow (`TIME_WAIT`), it has no socket of its own, and the addresses must do.
    pub fn who(&self, flow: &Flow, socket: Option<u64>) -> Option<Rc<Who>> {
        let closer = self.by_flow.get(flow)?;
        let is_it = socket.is_none_or(|socket| socket == closer.socket);
        closer.who.clone().filter(|_| is_it)
    }
}

#[cfg(test)]
mod tests {
    use super::super::manager::Manager;
    use super::*;
    use std::net::Ipv6Addr;

    fn flow(port: u16) -> Flow {
        Flow { local: (Ipv6Addr::LOCALHOST, 80), peer: (Ipv6Addr::LOCALHOST, port) }
    }

    fn remember(closers: &mut Closers, port: u16, pid: u32) {
        let who = Who { pid, program: String::new(), file: None, manager: Manager::Nobody };
        let fin = Fin { flow: flow(port), socket: u64::from(pid), thread: pid };
        closers.remember(&fin, Some(Rc::new(who)));
    }

    #[test]
    fn the_latest_are_remembered() {
        let mut closers = Closers::new(2);
        (1..=3).for_each(|pid| remember(&mut closers, pid as u16, pid));
        let pids: Vec<_> = (1..=3).map(|port| closers.who(&flow(port), None).map(|who| who.pid)).collect();
        assert_eq!(pids, [None, Some(2), Some(3)]);
    }

    #[test]
    fn addresses_that_are_used_again_are_those_of_the_last_one() {
        let mut closers = Closers::new(2);
        [7, 8, 9].iter().for_each(|&pid| remember(&mut closers, 1, pid));
        assert_eq!(closers.who(&flow(1), None).unwrap().pid, 9);
        assert_eq!(closers.who(&flow(1), Some(9)).unwrap().pid, 9);
        assert!(closers.who(&flow(1), Some(8)).is_none(), "another namespace has the same addresses");
        assert!(closers.by_flow.len() == 1 && closers.order.len() == 2);
    }
}
