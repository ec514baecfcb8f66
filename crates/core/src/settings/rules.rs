//! `SOFTCLOSE_RULES`: a strategy for some connections.
//!
//! ```text
//! rules     = rule *( ";" rule )
//! rule      = condition *( "," condition ) "=" strategy
//! condition = "accepted" / "connected" / "local:" port [ "-" port ] / "peer:" address [ "/" bits ]
//! ```
//!
//! All conditions of a rule must hold, each kind at most once; of the rules the first
//! that fits wins. Spaces around any part are ignored, as are empty rules.
//!
//! Addresses are compared as IPv6 ones: an IPv4 peer is the same whether it came to an
//! IPv4 socket or, IPv4-mapped (RFC 4291 2.5.5.2), to an IPv6 one. A prefix of IPv6
//! that is shorter than that of the mapped addresses does not mean them.
//!
//! Context: parsed by the constructor and the launcher, into fixed storage; asked in
//! hooks. No allocation, no system call.

use super::RolePolicy;
use super::strategy::Strategy;
use core::net::{IpAddr, Ipv6Addr};

/// Most rules; those beyond are refused.
pub const MOST: usize = 32;

/// What a rule may ask of a connection. What takes a system call is asked for once at
/// most, and only where a rule needs it.
pub trait Connection {
    /// Whether it is of this role.
    fn has_role(&self, role: RolePolicy) -> bool;
    /// Its port here.
    fn local_port(&self) -> Option<u16>;
    /// Its peer's address; an IPv4 address is mapped.
    fn peer(&self) -> Option<Ipv6Addr>;
}

/// The rules in force, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    list: [Rule; MOST],
    count: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    role: RolePolicy,
    local: Option<Ports>,
    peer: Option<Prefix>,
    strategy: Strategy,
}

/// From, to: both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports(u16, u16);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Prefix {
    /// Without the bits behind the prefix.
    address: u128,
    bits: u32,
}

const RULE: &str = "CONDITION[,CONDITION...]=STRATEGY";
const STRATEGY: &str = "a rule with a strategy: drain, wait, both, linger, abort, peer-first or observe";
const CONDITION: &str =
    "a rule with conditions such as accepted, connected, local:80, local:8000-8999 or peer:10.0.0.0/8";
const TWICE: &str = "a rule with one condition of each kind";
const TOO_MANY: &str = "among the first 32 rules";

impl Rules {
    /// No rules.
    pub const fn none() -> Self {
        Self { list: [Rule::ALWAYS; MOST], count: 0 }
    }

    /// Reads `text`. `each` is told of every rule: its place from 1 on, its text, and
    /// whether it is in force, or what would have been understood.
    pub fn parse(text: &str, mut each: impl FnMut(usize, &str, Result<(), &'static str>)) -> Self {
        let mut rules = Self::none();
        for (index, rule) in text.split(';').map(str::trim).enumerate() {
            if !rule.is_empty() {
                each(index + 1, rule, rules.add(rule));
            }
        }
        rules
    }

    fn add(&mut self, text: &str) -> Result<(), &'static str> {
        let rule = Rule::parse(text)?;
        let place = self.list.get_mut(self.count).ok_or(TOO_MANY)?;
        *place = rule;
        self.count += 1;
        Ok(())
    }

    /// The strategy of the first rule that fits.
    pub fn choose(&self, connection: &impl Connection) -> Option<Strategy> {
        self.in_force().find(|rule| rule.fits(connection)).map(|rule| rule.strategy)
    }

    /// Whether a rule chooses this strategy.
    pub fn may_choose(&self, strategy: Strategy) -> bool {
        self.in_force().any(|rule| rule.strategy == strategy)
    }

    fn in_force(&self) -> impl Iterator<Item = &Rule> {
        self.list.iter().take(self.count)
    }
}

impl Rule {
    const ALWAYS: Self = Self { role: RolePolicy::Both, local: None, peer: None, strategy: Strategy::Drain };

    fn parse(text: &str) -> Result<Self, &'static str> {
        let (conditions, strategy) = text.split_once('=').ok_or(RULE)?;
        let strategy = Strategy::named(strategy.trim()).ok_or(STRATEGY)?;
        let mut rule = Self { strategy, ..Self::ALWAYS };
        conditions.split(',').try_for_each(|condition| rule.add(condition.trim()))?;
        Ok(rule)
    }

    fn add(&mut self, condition: &str) -> Result<(), &'static str> {
        let is_twice = match condition.split_once(':') {
            None if condition == "accepted" => self.wants(RolePolicy::Accepted),
            None if condition == "connected" => self.wants(RolePolicy::Connected),
            Some(("local", ports)) => self.local.replace(Ports::parse(ports).ok_or(CONDITION)?).is_some(),
            Some(("peer", prefix)) => self.peer.replace(Prefix::parse(prefix).ok_or(CONDITION)?).is_some(),
            _ => return Err(CONDITION),
        };
        if is_twice { Err(TWICE) } else { Ok(()) }
    }

    /// Answers whether it wanted one already.
    fn wants(&mut self, role: RolePolicy) -> bool {
        core::mem::replace(&mut self.role, role) != RolePolicy::Both
    }

    /// What takes no system call first.
    fn fits(&self, connection: &impl Connection) -> bool {
        let is_from = |ports: Ports| connection.local_port().is_some_and(|port| ports.contain(port));
        let is_peer = |prefix: Prefix| connection.peer().is_some_and(|peer| prefix.covers(peer));
        connection.has_role(self.role) && self.local.is_none_or(is_from) && self.peer.is_none_or(is_peer)
    }
}

impl Ports {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self(number(first)?, number(last)?);
        (ports.0 <= ports.1).then_some(ports)
    }

    fn contain(self, port: u16) -> bool {
        (self.0..=self.1).contains(&port)
    }
}

/// Digits only: `parse` alone takes a sign as well.
fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

impl Prefix {
    const MAPPED: u32 = 96;

    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(u32::from(number(bits)?))),
            None => (text, None),
        };
        let (address, most, before) = match address.parse().ok()? {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), 32, Self::MAPPED),
            IpAddr::V6(address) => (address, 128, 0),
        };
        let bits = bits.unwrap_or(most);
        (bits <= most).then(|| Self { address: head(address.to_bits(), bits + before), bits: bits + before })
    }

    fn covers(self, peer: Ipv6Addr) -> bool {
        let is_other_family = self.bits < Self::MAPPED && peer.to_ipv4_mapped().is_some();
        !is_other_family && head(peer.to_bits(), self.bits) == self.address
    }
}

/// The first `bits` of `address`, zeroes behind.
fn head(address: u128, bits: u32) -> u128 {
    let behind = u128::MAX.checked_shr(bits).unwrap_or(0);
    address & !behind
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    /// A connection that counts what it is asked.
    struct Seen {
        role: RolePolicy,
        port: u16,
        peer: &'static str,
        asked: Cell<(u32, u32)>,
    }

    impl Connection for Seen {
        fn has_role(&self, role: RolePolicy) -> bool {
            role == RolePolicy::Both || role == self.role
        }

        fn local_port(&self) -> Option<u16> {
            self.asked.set((self.asked.get().0 + 1, self.asked.get().1));
            Some(self.port)
        }

        fn peer(&self) -> Option<Ipv6Addr> {
            self.asked.set((self.asked.get().0, self.asked.get().1 + 1));
            Some(match self.peer.parse().unwrap() {
                IpAddr::V4(address) => address.to_ipv6_mapped(),
                IpAddr::V6(address) => address,
            })
        }
    }

    fn server() -> Seen {
        Seen { role: RolePolicy::Accepted, port: 8080, peer: "10.1.2.3", asked: Cell::new((0, 0)) }
    }

    fn rules(text: &str) -> Rules {
        Rules::parse(text, |place, rule, outcome| assert_eq!(outcome, Ok(()), "{place} {rule}"))
    }

    fn chosen(text: &str, connection: &Seen) -> Option<Strategy> {
        rules(text).choose(connection)
    }

    fn fits(condition: &str, peer: &'static str) -> bool {
        chosen(&format!("{condition}=abort"), &Seen { peer, ..server() }).is_some()
    }

    #[test]
    fn the_first_that_fits_wins() {
        let text = "local:8080=drain;peer:10.0.0.0/8=abort;connected=observe";
        assert_eq!(chosen(text, &server()), Some(Strategy::Drain));
        assert_eq!(chosen(text, &Seen { port: 80, ..server() }), Some(Strategy::Abort));
        let elsewhere = Seen { port: 80, peer: "192.0.2.1", ..server() };
        assert_eq!(chosen(text, &elsewhere), None);
        assert_eq!(chosen(text, &Seen { role: RolePolicy::Connected, ..elsewhere }), Some(Strategy::Observe));
    }

    #[test]
    fn all_conditions_of_a_rule_must_hold() {
        let text = "accepted,local:8080,peer:10.0.0.0/8=wait";
        assert_eq!(chosen(text, &server()), Some(Strategy::Wait));
        assert_eq!(chosen(text, &Seen { port: 8081, ..server() }), None);
        assert_eq!(chosen(text, &Seen { peer: "11.0.0.1", ..server() }), None);
        assert_eq!(chosen(text, &Seen { role: RolePolicy::Connected, ..server() }), None);
    }

    #[test]
    fn ports_may_be_a_range() {
        assert!(fits("local:8080", "10.1.2.3") && fits("local:8080-8080", "10.1.2.3"));
        assert!(fits("local:0-65535", "10.1.2.3"));
        assert!(!fits("local:8081-9000", "10.1.2.3"));
    }

    #[test]
    fn prefixes_of_both_families() {
        assert!(fits("peer:10.1.2.3", "10.1.2.3") && !fits("peer:10.1.2.3", "10.1.2.4"));
        assert!(fits("peer:10.1.2.0/24", "10.1.2.4") && !fits("peer:10.1.2.0/24", "10.1.3.4"));
        assert!(fits("peer:10.1.2.3/8", "10.9.9.9"), "bits behind the prefix do not count");
        assert!(fits("peer:2001:db8::/32", "2001:db8:1::1") && !fits("peer:2001:db8::/32", "2001:db9::1"));
        assert!(fits("peer:::1", "::1") && fits("peer:::1/128", "::1"));
    }

    #[test]
    fn an_ipv4_peer_is_the_same_when_it_is_mapped() {
        assert!(fits("peer:10.0.0.0/8", "::ffff:10.1.2.3") && fits("peer:::ffff:10.0.0.0/104", "10.1.2.3"));
        assert!(fits("peer:0.0.0.0/0", "::ffff:10.1.2.3") && !fits("peer:0.0.0.0/0", "2001:db8::1"));
        assert!(fits("peer:::/0", "2001:db8::1") && !fits("peer:::/0", "10.1.2.3"));
    }

    #[test]
    fn nothing_is_asked_that_no_rule_needs() {
        let asked = |text: &str| {
            let connection = Seen { asked: Cell::new((0, 0)), ..server() };
            let _ = chosen(text, &connection);
            connection.asked.get()
        };
        assert_eq!(asked(""), (0, 0));
        assert_eq!(asked("connected=wait;accepted=abort"), (0, 0));
        assert_eq!(asked("connected,local:1,peer:::1=wait"), (0, 0));
        assert_eq!(asked("local:1,peer:::1=wait"), (1, 0));
        assert_eq!(asked("local:8080,peer:::1=wait"), (1, 1));
    }

    #[test]
    fn a_bad_rule_is_named_by_its_place_and_the_others_stay() {
        let mut refused = Vec::new();
        let text = "accepted=wait; local:99999=abort ;;peer:10.0.0.0/33=abort;accepted;=drain;connected=both;";
        let rules = Rules::parse(text, |place, rule, outcome| {
            if let Err(allowed) = outcome {
                refused.push((place, rule.to_owned(), allowed));
            }
        });
        let expected = [
            (2, "local:99999=abort", CONDITION),
            (4, "peer:10.0.0.0/33=abort", CONDITION),
            (5, "accepted", RULE),
            (6, "=drain", CONDITION),
        ];
        assert_eq!(refused, expected.map(|(place, rule, allowed)| (place, rule.to_owned(), allowed)));
        assert_eq!(rules, self::rules("accepted=wait;connected=both"));
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        let bad = [
            "accepted=graceful",
            "accepted,connected=drain",
            "accepted,accepted=drain",
            "local:80,local:81=drain",
            "local:=drain",
            "local:+80=drain",
            "local:90-80=drain",
            "local:80-=drain",
            "accepted:=drain",
            "accepted:80=drain",
            "peer:=drain",
            "peer:10.0.0=drain",
            "peer:10.0.0.0/=drain",
            "peer:::1/129=drain",
            "peer:[::1]=drain",
            "remote:10.0.0.0/8=drain",
            "accepted,=drain",
        ];
        for text in bad {
            let rules = Rules::parse(text, |_, rule, outcome| assert!(outcome.is_err(), "{rule}"));
            assert_eq!(rules, Rules::none());
        }
    }

    #[test]
    fn there_are_only_so_many() {
        let text = "accepted=wait;".repeat(MOST + 2);
        let mut refused = Vec::new();
        let rules =
            Rules::parse(&text, |place, _, outcome| refused.extend(outcome.err().map(|allowed| (place, allowed))));
        assert_eq!(refused, [(MOST + 1, TOO_MANY), (MOST + 2, TOO_MANY)]);
        assert_eq!(rules, self::rules(&"accepted=wait;".repeat(MOST)));
        assert!(TOO_MANY.contains(&MOST.to_string()));
    }
}
