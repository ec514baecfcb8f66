//! Which strategy a connection gets: that of the first rule that fits, or else
//! `SOFTCLOSE_STRATEGY`.
//!
//! Context: hooks of any kind. Without rules there is no system call. With rules there are
//! `getsockname` and `getpeername`, once each at most, and only if a rule needs them.

use crate::decision::covers;
use crate::settings::condition::Connection;
use crate::settings::{RolePolicy, Settings, Strategy};
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};
use core::cell::OnceCell;
use core::net::Ipv6Addr;

/// The strategy for the connection `fd` of this role.
pub fn choose(settings: &Settings, fd: Fd, role: Role) -> Strategy {
    let connection = Asked { fd, role, port: OnceCell::new(), peer: OnceCell::new() };
    settings.rules.choose(&connection).unwrap_or(settings.strategy)
}

/// Whether any connection may get this strategy.
pub fn may_choose(settings: &Settings, strategy: Strategy) -> bool {
    settings.strategy == strategy || settings.rules.may_choose(strategy)
}

/// A connection, with the answers that the kernel has given so far.
struct Asked {
    fd: Fd,
    role: Role,
    port: OnceCell<Option<u16>>,
    peer: OnceCell<Option<Ipv6Addr>>,
}

impl Connection for Asked {
    fn has_role(&self, role: RolePolicy) -> bool {
        covers(role, self.role)
    }

    fn local_port(&self) -> Option<u16> {
        *self.port.get_or_init(|| socket::local_port(self.fd))
    }

    fn peer(&self) -> Option<Ipv6Addr> {
        *self.peer.get_or_init(|| socket::peer(self.fd))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::read;
    use std::net::{SocketAddr, TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    fn settings(rules: &str) -> Settings {
        let reading = read(|name| (name == "SOFTCLOSE_RULES").then(|| rules.to_owned()));
        assert!(reading.warnings.is_empty(), "{:?}", reading.warnings);
        reading.settings
    }

    /// What an accepted connection from 127.0.0.1 gets, at a listener of this address.
    fn chosen(listening: &str, rule: impl Fn(u16) -> String) -> Strategy {
        let listener = TcpListener::bind(listening).unwrap();
        let port = listener.local_addr().unwrap().port();
        let _there = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).unwrap();
        let here = listener.accept().unwrap().0;
        choose(&settings(&rule(port)), Fd::new(here.as_raw_fd()).unwrap(), Role::Accepted)
    }

    #[test]
    #[cfg_attr(miri, ignore = "sockets")]
    fn a_connection_is_known_by_its_own_port_and_its_peer() {
        let v4 = "127.0.0.1:0";
        assert_eq!(chosen(v4, |port| format!("local:{port}=abort")), Strategy::Abort);
        assert_eq!(chosen(v4, |port| format!("local:{}=abort", port ^ 1)), Strategy::Drain);
        assert_eq!(chosen(v4, |port| format!("peer:127.0.0.1,local:{port}=wait")), Strategy::Wait);
        assert_eq!(chosen(v4, |_| "peer:10.0.0.0/8=wait".to_owned()), Strategy::Drain);
        assert_eq!(chosen(v4, |_| "connected=wait;accepted=both".to_owned()), Strategy::Both);
    }

    #[test]
    #[cfg_attr(miri, ignore = "sockets")]
    fn a_peer_of_ipv4_is_known_at_a_socket_of_ipv6() {
        assert_eq!(chosen("[::]:0", |_| "peer:127.0.0.0/8=abort".to_owned()), Strategy::Abort);
        assert_eq!(chosen("[::]:0", |_| "peer:::/0=abort".to_owned()), Strategy::Drain);
    }

    #[test]
    fn what_no_rule_covers_gets_the_general_strategy() {
        let settings = Settings { strategy: Strategy::Wait, ..settings("connected=observe") };
        assert_eq!(choose(&settings, Fd::new(3).unwrap(), Role::Accepted), Strategy::Wait);
        assert!(may_choose(&settings, Strategy::Wait) && may_choose(&settings, Strategy::Observe));
        assert!(!may_choose(&settings, Strategy::Drain));
    }
}
