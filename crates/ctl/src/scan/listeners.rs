//! Who listens on a port, in any network namespace: for events that name no process, and for those of a process that is
//! gone.

use super::event::Flow;
use super::namespaces;
use super::who::Who;
use crate::proc;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Socket {
    address: Ipv6Addr,
    port: u16,
    inode: u64,
}

/// The listening sockets of all network namespaces, and their owners.
#[derive(Debug, Default)]
pub struct Listeners {
    /// The sockets of each namespace, by the inode of the namespace.
    namespaces: HashMap<u64, Vec<Socket>>,
    /// The namespaces that were read in this round.
    fresh: HashSet<u64>,
    /// The owners of each socket, by its inode. Those of sockets that are closed stay until the next search.
    owners: HashMap<u64, Vec<Rc<Who>>>,
    /// The sockets whose owners were searched.
    wanted: HashSet<u64>,
    /// When all namespaces were read, and when all owners were searched.
    read: Option<Instant>,
    searched: Option<Instant>,
    is_in_a_hurry: bool,
}

impl Listeners {
    /// Looks at everything that listens now.
    pub fn now() -> Self {
        let mut found = Self::default();
        found.read_all();
        found.search();
        found
    }

    /// Begins a round: what is asked in it may be newer than what is known.
    pub fn begin_round(&mut self) {
        self.fresh.clear();
    }

    /// Whether the local port of a connection of this process is one that listens. If so, the process is the server.
    pub fn is_server(&mut self, pid: u32, flow: &Flow) -> bool {
        let Some(namespace) = namespaces::of(pid) else { return self.is_known(flow) };
        let listens = |sockets: &Vec<Socket>| sockets.iter().any(|socket| socket.is_for(flow));
        if self.namespaces.get(&namespace).is_some_and(listens) {
            return true;
        }
        if self.fresh.insert(namespace) {
            self.namespaces.insert(namespace, sockets(pid));
        }
        self.namespaces.get(&namespace).is_some_and(listens)
    }

    /// Whether anybody has been seen to listen for such a connection.
    pub fn is_known(&self, flow: &Flow) -> bool {
        self.namespaces.values().flatten().any(|socket| socket.is_for(flow))
    }

    /// Everybody who may listen for such a connection: one of each program, as several namespaces may have that port.
    /// `None` where that is to be asked again a little later: nothing has been read since the event, at `since`.
    pub fn owners(&mut self, flow: &Flow, since: Instant) -> Option<Vec<Rc<Who>>> {
        /// Each namespace has two files.
        const READ: Duration = Duration::from_millis(500);
        /// To look through all descriptors of a large host may take a second.
        const SEARCH: Duration = Duration::from_secs(2);
        if !self.is_known(flow) && is_before(self.read, since) {
            self.may_look(self.read, READ).then(|| self.read_all())?;
        }
        if self.matching(flow).any(|socket| self.has_to_search(socket.inode, since)) {
            self.may_look(self.searched, SEARCH).then(|| self.search())?;
        }
        let owners = self.matching(flow).filter_map(|socket| self.owners.get(&socket.inode)).flatten();
        Some(programs(owners.cloned()))
    }

    /// The ports on which each process listened when the owners were searched.
    pub fn ports(&self) -> HashMap<u32, BTreeSet<u16>> {
        let mut ports = HashMap::<u32, BTreeSet<u16>>::new();
        for socket in self.namespaces.values().flatten() {
            for owner in self.owners.get(&socket.inode).into_iter().flatten() {
                ports.entry(owner.pid).or_default().insert(socket.port);
            }
        }
        ports
    }

    /// Whether the owners of a socket are not known, and a search may find them.
    fn has_to_search(&self, inode: u64, since: Instant) -> bool {
        let is_new = !self.wanted.contains(&inode) || is_before(self.searched, since);
        is_new && !self.owners.contains_key(&inode)
    }

    /// From now on each question is answered at once.
    pub fn hurry(&mut self) {
        self.is_in_a_hurry = true;
    }

    fn may_look(&self, last: Option<Instant>, pause: Duration) -> bool {
        self.is_in_a_hurry || last.is_none_or(|last| last.elapsed() > pause)
    }

    fn matching(&self, flow: &Flow) -> impl Iterator<Item = &Socket> {
        let flow = *flow;
        self.namespaces.values().flat_map(move |sockets| nearest(sockets, flow))
    }

    /// Reads the sockets of all namespaces. Those of a namespace that is gone stay known.
    fn read_all(&mut self) {
        const MOST: usize = 65_536;
        if self.namespaces.len() > MOST {
            self.namespaces.clear();
        }
        self.namespaces.extend(namespaces::all().map(|(namespace, pid)| (namespace, sockets(pid))));
        self.read = Some(Instant::now());
    }

    /// Finds the owners of all listening sockets.
    fn search(&mut self) {
        self.wanted = self.namespaces.values().flatten().map(|socket| socket.inode).collect();
        self.owners.retain(|inode, _| self.wanted.contains(inode));
        for pid in proc::pids().unwrap_or_default() {
            let inodes: HashSet<_> = descriptors(pid).filter(|inode| self.wanted.contains(inode)).collect();
            if inodes.is_empty() {
                continue;
            }
            let Some(who) = Who::of(pid).map(Rc::new) else { continue };
            for inode in inodes {
                let owners = self.owners.entry(inode).or_default();
                owners.retain(|owner| owner.pid != pid);
                owners.push(Rc::clone(&who));
            }
        }
        self.searched = Some(Instant::now());
    }
}

fn is_before(last: Option<Instant>, since: Instant) -> bool {
    last.is_none_or(|last| last < since)
}

/// One of each program: the eldest, by its pid. systemd holds sockets for the services that it starts, and accepts only
/// to start one.
fn programs(owners: impl Iterator<Item = Rc<Who>>) -> Vec<Rc<Who>> {
    let mut all: Vec<_> = owners.filter(|who| who.program != "systemd").collect();
    all.sort_by_key(|who| who.pid);
    let mut seen = HashSet::new();
    all.retain(|who| seen.insert((who.file.clone(), who.manager.clone())));
    all
}

/// The sockets of one namespace that get such a connection: of several, those with its own address.
fn nearest(sockets: &[Socket], flow: Flow) -> impl Iterator<Item = &Socket> {
    let most = sockets.iter().filter_map(|socket| socket.nearness(&flow)).max();
    sockets.iter().filter(move |socket| most.is_some() && socket.nearness(&flow) == most)
}

impl Socket {
    fn is_for(&self, flow: &Flow) -> bool {
        self.nearness(flow).is_some()
    }

    /// How close its address is to that of a connection: `None` where it does not get it. `::` may get those of IPv4, too.
    fn nearness(&self, flow: &Flow) -> Option<u8> {
        const ANY_IPV4: Ipv6Addr = Ipv4Addr::UNSPECIFIED.to_ipv6_mapped();
        let (address, port) = flow.local;
        match self.address {
            _ if self.port != port => None,
            own if own == address => Some(2),
            ANY_IPV4 => address.to_ipv4_mapped().map(|_| 1),
            Ipv6Addr::UNSPECIFIED => Some(0),
            _ => None,
        }
    }
}

/// The listening sockets in the network namespace of a process.
fn sockets(pid: u32) -> Vec<Socket> {
    let files = ["tcp", "tcp6"].map(|name| File::open(format!("/proc/{pid}/net/{name}")));
    files.into_iter().flatten().flat_map(|file| listening(BufReader::new(file))).collect()
}

/// The listening sockets in `/proc/net/tcp`. The kernel shows them first (`tcp_seq_start`), and a busy host has a
/// hundred thousand other lines behind them.
fn listening(text: impl BufRead) -> Vec<Socket> {
    text.split(b'\n').map_while(Result::ok).skip(1).map_while(|line| socket(std::str::from_utf8(&line).ok()?)).collect()
}

/// A line of `/proc/net/tcp` or `tcp6`, if it is that of a listening socket.
fn socket(line: &str) -> Option<Socket> {
    const LISTENING: &str = "0A";
    let mut words = line.split_whitespace();
    let (address, port) = words.nth(1)?.split_once(':')?;
    (words.nth(1)? == LISTENING).then_some(())?;
    let inode = words.nth(5)?.parse().ok()?;
    Some(Socket { address: self::address(address)?, port: u16::from_str_radix(port, 16).ok()?, inode })
}

/// An address as procfs shows it: words of 32 bits, each in the order of the machine.
fn address(text: &str) -> Option<Ipv6Addr> {
    const DIGITS: usize = 8;
    let word = |at: usize| {
        let digits = text.get(at * DIGITS..(at + 1) * DIGITS)?;
        Some(u32::from_str_radix(digits, 16).ok()?.to_ne_bytes())
    };
    match text.len() / DIGITS {
        1 => Some(Ipv4Addr::from(word(0)?).to_ipv6_mapped()),
        4 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            Some(Ipv6Addr::from(<[u8; 16]>::try_from(words).ok()?))
        }
        _ => None,
    }
}

/// The inodes of the sockets that a process has open.
fn descriptors(pid: u32) -> impl Iterator<Item = u64> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| {
        let link = fs::read_link(entry.path()).ok()?;
        link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::super::manager::Manager;
    use super::*;
    use std::net::TcpListener;

    fn flow(port: u16) -> Flow {
        let address = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        Flow { local: (address, port), peer: (address, 9) }
    }

    #[test]
    fn a_listener_of_this_process_is_found_at_once() {
        let mut listeners = Listeners::now();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let flow = flow(listener.local_addr().unwrap().port());
        assert!(!listeners.is_known(&flow));
        assert!(listeners.is_server(std::process::id(), &flow));
        assert!(listeners.owners(&flow, Instant::now()).is_none(), "it has just searched");
        listeners.hurry();
        let pids = listeners.owners(&flow, Instant::now()).unwrap().iter().map(|who| who.pid).collect::<Vec<_>>();
        assert_eq!(pids, [std::process::id()]);
        assert!(listeners.ports()[&std::process::id()].contains(&flow.local.1));
        assert!(!listeners.ports().contains_key(&u32::MAX));
    }

    #[test]
    fn a_port_without_a_listener_is_that_of_a_client() {
        let mut listeners = Listeners::default();
        assert!(!listeners.is_server(std::process::id(), &flow(1)));
    }

    #[test]
    fn lines_are_read_up_to_the_first_that_does_not_listen() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0\n\
            1: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 \
            00:00000000 00000000     0        0 78 1 0 100\n\
            2: 0100007F:1F90 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 79 1 0 100 0\n\
            3: 0100007F:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 80 1 0 100 0\n";
        let found = listening(text.as_bytes());
        let local = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        let expected = [
            Socket { address: local, port: 8080, inode: 77 },
            Socket { address: Ipv6Addr::LOCALHOST, port: 80, inode: 78 },
        ];
        assert_eq!(found, expected);
    }

    /// Both listeners were named.
    #[test]
    fn of_several_addresses_the_nearest_gets_the_connection() {
        let all = ["::", "::ffff:0.0.0.0", "::ffff:127.0.0.1", "::1"];
        let socket = |address: &str, inode| Socket { address: address.parse().unwrap(), port: 80, inode };
        let sockets: Vec<_> = all.iter().zip(0..).map(|(address, inode)| socket(address, inode)).collect();
        let get = |sockets: &[Socket], local: &str| {
            let flow = Flow { local: (local.parse().unwrap(), 80), ..flow(80) };
            nearest(sockets, flow).map(|socket| socket.inode).collect::<Vec<_>>()
        };
        let local = ["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::1", "fe80::1"];
        assert_eq!(local.map(|local| get(&sockets, local)), [[2], [1], [3], [0]].map(Vec::from));
        assert_eq!(get(&sockets[..1], "::ffff:10.0.0.1"), [0], "it is open to IPv4");
        assert_eq!(get(&sockets[1..3], "::1"), [0; 0]);
    }

    #[test]
    fn systemd_holds_sockets_for_others() {
        let who = |pid, name: &str| {
            let (program, file) = (name.to_owned(), Some(name.into()));
            Rc::new(Who { pid, program, file, manager: Manager::Nobody })
        };
        let names = |all: Vec<Rc<Who>>| programs(all.into_iter()).iter().map(|who| who.pid).collect::<Vec<_>>();
        assert_eq!(names(vec![who(1, "systemd"), who(30, "nginx"), who(20, "nginx")]), [20]);
        assert_eq!(names(vec![who(1, "systemd")]), [0; 0], "the report said to start systemd once more");
        assert_eq!(names(vec![who(1, "init"), who(2, "inetd")]), [1, 2]);
        assert_eq!(names(vec![who(5, "nginx"), who(7, "envoy")]), [5, 7]);
    }
}
