//! Rules (`SOFTCLOSE_RULES`): strategies for some connections.
//!
//! ```text
//! rules     = rule *( ";" rule )
//! rule      = condition *( "," condition ) "=" strategy
//! condition = "accepted" / "connected" / "local:" port [ "-" port ] / "peer:" address [ "/" bits ]
//! ```
//!
//! A rule fits where all of its conditions hold; it has at most one condition of each kind. The first
//! rule that fits decides. Spaces around any part and empty rules are ignored.
//!
//! Context: the constructor and the launcher parse rules into fixed storage; hooks ask them. No
//! allocation, no system call but those of the [`Connection`] that is asked.

use super::condition::{Connection, Ports, Prefix};
use super::role::RolePolicy;
use super::strategy::Strategy;

/// Most rules that can be in force; further ones are refused.
pub const MOST: usize = 32;

/// The rules in force, in the order in which they were written.
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

const RULE: &str = "CONDITION[,CONDITION...]=STRATEGY";
const STRATEGY: &str = "a strategy: drain, wait, both, linger, abort, peer-first or observe";
const CONDITION: &str = "a condition such as accepted, connected, local:80, local:8000-8999 or peer:10.0.0.0/8";
const TWICE: &str = "the only condition of its kind";
const TOO_MANY: &str = "among the first 32 rules";

/// Why a rule is not in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused<'a> {
    /// The part of the rule that is bad.
    pub part: &'a str,
    /// What the part is not.
    pub allowed: &'static str,
}

impl Rules {
    /// No rules.
    pub const fn none() -> Self {
        Self { list: [Rule::ALWAYS; MOST], count: 0 }
    }

    /// Parses `text`. Calls `each` for every rule, with its position from 1 on, its text, and whether
    /// it is in force.
    pub fn parse<'a>(text: &'a str, mut each: impl FnMut(usize, &'a str, Result<(), Refused<'a>>)) -> Self {
        let mut rules = Self::none();
        for (index, rule) in text.split(';').map(str::trim).enumerate() {
            if !rule.is_empty() {
                each(index + 1, rule, rules.add(rule));
            }
        }
        rules
    }

    fn add<'a>(&mut self, text: &'a str) -> Result<(), Refused<'a>> {
        let rule = Rule::parse(text)?;
        let place = self.list.get_mut(self.count).ok_or(Refused { part: text, allowed: TOO_MANY })?;
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

    fn parse(text: &str) -> Result<Self, Refused<'_>> {
        let (conditions, strategy) = text.split_once('=').ok_or(Refused { part: text, allowed: RULE })?;
        let strategy = strategy.trim();
        let strategy = Strategy::named(strategy).ok_or(Refused { part: strategy, allowed: STRATEGY })?;
        let mut rule = Self { strategy, ..Self::ALWAYS };
        let mut conditions = conditions.split(',').map(str::trim);
        conditions
            .try_for_each(|condition| rule.add(condition).map_err(|allowed| Refused { part: condition, allowed }))?;
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

    /// Adds the condition that the connection has this role. Answers whether there was one already.
    fn wants(&mut self, role: RolePolicy) -> bool {
        core::mem::replace(&mut self.role, role) != RolePolicy::Both
    }

    /// Whether the rule fits. The condition that takes no system call is looked at first.
    fn fits(&self, connection: &impl Connection) -> bool {
        let is_from = |ports: Ports| connection.local_port().is_some_and(|port| ports.contain(port));
        let is_peer = |prefix: Prefix| connection.peer().is_some_and(|peer| prefix.covers(peer));
        connection.has_role(self.role) && self.local.is_none_or(is_from) && self.peer.is_none_or(is_peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;
    use core::net::{IpAddr, Ipv6Addr};

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
    fn the_first_rule_that_fits_decides() {
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
    fn a_rule_asks_only_what_it_needs() {
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
            if let Err(Refused { part, allowed }) = outcome {
                refused.push((place, rule, part, allowed));
            }
        });
        let expected = [
            (2, "local:99999=abort", "local:99999", CONDITION),
            (4, "peer:10.0.0.0/33=abort", "peer:10.0.0.0/33", CONDITION),
            (5, "accepted", "accepted", RULE),
            (6, "=drain", "", CONDITION),
        ];
        assert_eq!(refused, expected);
        assert_eq!(rules, self::rules("accepted=wait;connected=both"));
    }

    #[test]
    fn a_bad_rule_is_refused() {
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
    fn rules_after_the_first_32_are_refused() {
        let text = "accepted=wait;".repeat(MOST + 2);
        let mut refused = Vec::new();
        let rules = Rules::parse(&text, |place, _, outcome| {
            refused.extend(outcome.err().map(|refused| (place, refused.allowed)))
        });
        assert_eq!(refused, [(MOST + 1, TOO_MANY), (MOST + 2, TOO_MANY)]);
        assert_eq!(rules, self::rules(&"accepted=wait;".repeat(MOST)));
        assert!(TOO_MANY.contains(&MOST.to_string()));
    }
}
