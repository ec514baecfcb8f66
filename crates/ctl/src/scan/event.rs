//! Records of the two tracepoints, read into what they mean: a reset that was sent, and a connection whose FIN was sent.

use super::description::{Description, Field};
use super::kind::{Kind, Reasons};
use std::net::{Ipv4Addr, Ipv6Addr};

/// The two ends of a connection. An IPv4 address is in its mapped form: both tracepoints then say the same of a
/// connection, whatever the family of its socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Local address and port.
    pub local: (Ipv6Addr, u16),
    /// Address and port of the peer.
    pub peer: (Ipv6Addr, u16),
}

/// A reset that cut off a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// In which way.
    pub kind: Kind,
    /// The connection.
    pub flow: Flow,
    /// The address of its socket in the kernel. `None` where it has none any more, in `TIME_WAIT`.
    pub socket: Option<u64>,
    /// The thread that has closed it. `None` where the event happened in an interrupt, on a thread that has nothing to
    /// do with it.
    pub thread: Option<u32>,
}

/// A thread closed a connection (or half-closed it), and the kernel sends its FIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fin {
    /// The connection.
    pub flow: Flow,
    /// The address of its socket in the kernel.
    pub socket: u64,
    /// The thread.
    pub thread: u32,
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of `tcp:tcp_send_reset`.
    Reset(Reset),
    /// Of `sock:inet_sock_set_state`.
    Fin(Fin),
}

/// How to read the records of this kernel.
#[derive(Clone, Debug)]
pub struct Decoder {
    kind: Field,
    flags: Field,
    thread: Field,
    reset: ResetFields,
    fin: Option<FinFields>,
}

#[derive(Clone, Debug)]
struct ResetFields {
    id: u64,
    packet: Field,
    socket: Field,
    state: Field,
    reason: Option<Field>,
    reasons: Reasons,
    ends: Ends,
}

#[derive(Clone, Debug)]
struct FinFields {
    id: u64,
    socket: Field,
    ends: Ends,
}

/// Where the addresses are.
#[derive(Clone, Copy, Debug)]
enum Ends {
    /// As a `struct sockaddr_in` or `sockaddr_in6` each (`tcp_send_reset` from Linux 6.9 on).
    Sockaddr { local: Field, peer: Field },
    /// As numbers of ports, and addresses of IPv6 or mapped ones.
    Plain { local: (Field, Field), peer: (Field, Field) },
}

impl Decoder {
    /// A decoder for these descriptions; or the field that is missing. Without a description of the changes of state
    /// such events are not decoded.
    pub fn of(reset: &Description, fin: Option<&Description>) -> Result<Self, String> {
        let need = |name: &str| reset.field(name).ok_or_else(|| name.to_owned());
        Ok(Self {
            kind: need("common_type")?,
            flags: need("common_flags")?,
            thread: need("common_pid")?,
            reset: ResetFields {
                id: reset.id,
                packet: need("skbaddr")?,
                socket: need("skaddr")?,
                state: need("state")?,
                reason: reset.field("reason"),
                reasons: Reasons::of(reset),
                ends: Ends::of(reset).ok_or("saddr")?,
            },
            fin: fin.and_then(|format| {
                Some(FinFields { id: format.id, socket: format.field("skaddr")?, ends: Ends::of(format)? })
            }),
        })
    }

    /// The reasons that this kernel knows.
    pub fn reasons(&self) -> &Reasons {
        &self.reset.reasons
    }

    /// Reads one record. `None` for one of another event, for a reset that cuts off nothing, and for a damaged one.
    pub fn event(&self, record: &[u8]) -> Option<Event> {
        let kind = self.kind.number(record)?;
        if kind == self.reset.id {
            return Some(Event::Reset(self.reset(record)?));
        }
        let fin = self.fin.as_ref().filter(|fin| fin.id == kind)?;
        let (flow, socket) = (fin.ends.flow(record)?, fin.socket.number(record)?);
        Some(Event::Fin(Fin { flow, socket, thread: self.own_thread(record)? }))
    }

    fn reset(&self, record: &[u8]) -> Option<Reset> {
        /// `TCP_TIME_WAIT`.
        const TIME_WAIT: u64 = 6;
        let fields = &self.reset;
        let reason = fields.reason.and_then(|reason| reason.number(record));
        let is_answer = fields.packet.number(record)? != 0;
        let state = fields.state.number(record)?;
        let kind = fields.reasons.kind(reason, is_answer, state)?;
        let socket = fields.socket.number(record).filter(|_| state != TIME_WAIT);
        // The thread that sent the packet has, at best, only sent it.
        let thread = if is_answer { None } else { self.own_thread(record) };
        Some(Reset { kind, flow: fields.ends.flow(record)?, socket, thread })
    }

    /// The thread on which the event happened, unless that was in an interrupt.
    fn own_thread(&self, record: &[u8]) -> Option<u32> {
        /// `TRACE_FLAG_HARDIRQ`, `TRACE_FLAG_SOFTIRQ` and `TRACE_FLAG_NMI`.
        const INTERRUPT: u64 = 0x08 | 0x10 | 0x40;
        let thread = self.thread.number(record)? as u32;
        (self.flags.number(record)? & INTERRUPT == 0 && thread != 0).then_some(thread)
    }
}

impl Ends {
    fn of(format: &Description) -> Option<Self> {
        const SOCKADDR_IN6: usize = 28;
        let field = |name| format.field(name);
        let (local, peer) = (field("saddr")?, field("daddr")?);
        if local.size == SOCKADDR_IN6 && peer.size == SOCKADDR_IN6 {
            return Some(Self::Sockaddr { local, peer });
        }
        let local = (field("saddr_v6")?, field("sport")?);
        Some(Self::Plain { local, peer: (field("daddr_v6")?, field("dport")?) })
    }

    fn flow(self, record: &[u8]) -> Option<Flow> {
        Some(match self {
            Self::Sockaddr { local, peer } => {
                Flow { local: sockaddr(local.bytes(record)?)?, peer: sockaddr(peer.bytes(record)?)? }
            }
            Self::Plain { local, peer } => Flow { local: plain(local, record)?, peer: plain(peer, record)? },
        })
    }
}

fn plain((address, port): (Field, Field), record: &[u8]) -> Option<(Ipv6Addr, u16)> {
    let address: [u8; 16] = address.bytes(record)?.try_into().ok()?;
    Some((Ipv6Addr::from(address), u16::try_from(port.number(record)?).ok()?))
}

/// The address and port of a `struct sockaddr_in` or `sockaddr_in6`. Both have the port in the same place, in the order
/// of the network.
fn sockaddr(bytes: &[u8]) -> Option<(Ipv6Addr, u16)> {
    const AF_INET: u16 = libc::AF_INET as u16;
    const AF_INET6: u16 = libc::AF_INET6 as u16;
    let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
    let address = match u16::from_ne_bytes(*bytes.first_chunk()?) {
        AF_INET => Ipv4Addr::from(*bytes.get(4..)?.first_chunk::<4>()?).to_ipv6_mapped(),
        AF_INET6 => Ipv6Addr::from(*bytes.get(8..)?.first_chunk::<16>()?),
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn decoder(reset: &str) -> Decoder {
        Decoder::of(&Description::parse(reset), Some(&Description::parse(samples::CHANGE_6_18))).unwrap()
    }

    /// A record of the event `id` by `thread`, with these bytes at these offsets.
    fn record(id: u16, flags: u8, thread: i32, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut record = vec![0; 96];
        let head: [(usize, &[u8]); 3] = [(0, &id.to_ne_bytes()), (2, &[flags]), (4, &thread.to_ne_bytes())];
        for (at, bytes) in head.iter().chain(fields) {
            record[*at..*at + bytes.len()].copy_from_slice(bytes);
        }
        record
    }

    const LOCAL: &[u8] = &[2, 0, 0x1f, 0x90, 127, 0, 0, 1];
    const PEER: &[u8] = &[2, 0, 0xc0, 0, 127, 0, 0, 2];

    fn flow() -> Flow {
        let mapped = |last| Ipv4Addr::new(127, 0, 0, last).to_ipv6_mapped();
        Flow { local: (mapped(1), 8080), peer: (mapped(2), 49152) }
    }

    #[test]
    fn a_reset_at_a_close_is_that_of_its_thread() {
        let fields: [(usize, &[u8]); 5] = [(16, &[9]), (24, &[7]), (28, &[11]), (32, LOCAL), (60, PEER)];
        let reset = Reset { kind: Kind::Unread, flow: flow(), socket: Some(9), thread: Some(4711) };
        let decoder = decoder(samples::RESET_6_18);
        assert_eq!(decoder.event(&record(2280, 0x80, 4711, &fields)), Some(Event::Reset(reset)));
        let in_interrupt = Reset { thread: None, ..reset };
        assert_eq!(decoder.event(&record(2280, 0x10, 4711, &fields)), Some(Event::Reset(in_interrupt)));
        assert_eq!(decoder.event(&record(2281, 0, 4711, &fields)), None, "another event");
    }

    #[test]
    fn an_answer_to_data_says_nothing_of_the_thread() {
        let fields: [(usize, &[u8]); 6] = [(8, &[5]), (16, &[9]), (24, &[7]), (28, &[8]), (32, LOCAL), (60, PEER)];
        let reset = Reset { kind: Kind::Late, flow: flow(), socket: Some(9), thread: None };
        assert_eq!(
            decoder(samples::RESET_6_12).event(&record(1489, 0, 4711, &fields)),
            Some(Event::Reset(reset)),
            "it may be done by the thread that sends the data"
        );
    }

    #[test]
    fn older_kernels_write_plain_addresses() {
        let (local, peer) = (flow().local.0.octets(), flow().peer.0.octets());
        let ports = [8080u16.to_ne_bytes(), 49152u16.to_ne_bytes()].concat();
        for (text, id, at) in [(samples::RESET_5_10, 1305, 40), (samples::RESET_6_1, 1347, 42)] {
            let fields: [(usize, &[u8]); 5] = [(16, &[9]), (24, &[7]), (28, &ports), (at, &local), (at + 16, &peer)];
            let reset = Reset { kind: Kind::Closed, flow: flow(), socket: Some(9), thread: Some(3) };
            assert_eq!(decoder(text).event(&record(id, 0, 3, &fields)), Some(Event::Reset(reset)));
        }
    }

    #[test]
    fn a_fin_names_its_thread() {
        let (local, peer) = (flow().local.0.octets(), flow().peer.0.octets());
        let ports = [8080u16.to_ne_bytes(), 49152u16.to_ne_bytes()].concat();
        let fields: [(usize, &[u8]); 4] = [(8, &[9]), (24, &ports), (40, &local), (56, &peer)];
        let fin = Fin { flow: flow(), socket: 9, thread: 5 };
        let decoder = decoder(samples::RESET_6_18);
        assert_eq!(decoder.event(&record(2287, 0, 5, &fields)), Some(Event::Fin(fin)));
        assert_eq!(decoder.event(&record(2287, 0x10, 5, &fields)), None, "no thread has done it");
    }

    #[test]
    fn no_record_makes_it_panic() {
        let decoder = decoder(samples::RESET_6_18);
        for length in 0..96 {
            for id in [2280u16, 2287] {
                for filling in [0, 2, 10, 0xff] {
                    let mut record = vec![filling; length];
                    record.iter_mut().zip(id.to_ne_bytes()).for_each(|(place, byte)| *place = byte);
                    decoder.event(&record);
                }
            }
        }
    }
}
