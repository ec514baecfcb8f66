//! Makes two network namespaces with a link between them.

use shim_tests::arena::Arena;
use shim_tests::built::helper;
use shim_tests::program::{Exit, Program};
use std::net::Ipv4Addr;
use std::process::Command;

/// The program's address.
pub const PROGRAM: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// The peer's address.
pub const PEER: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);

/// The device at either end.
const DEVICE: &str = "soft0";

/// The delay of the far link in each direction, in milliseconds.
const DELAY: u32 = 20;

/// The packets that the far link loses in each direction, in percent.
const LOSS: u32 = 1;

/// How long the link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// No delay, no loss.
    Near,
    /// 40 ms there and back, 1 % lost each way.
    Far,
}

/// What delays and loses packets on the far link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shaper {
    /// The kernel, by netem.
    Netem,
    /// A process between two TUN devices.
    Relay,
}

/// A link, until it is dropped.
pub struct Link {
    /// The program's side.
    pub program: Arena,
    /// The peer's side.
    pub peer: Arena,
    relay: Option<Program>,
}

impl Link {
    /// A new link. The `seed` decides what is lost.
    ///
    /// # Errors
    /// What this machine lacks.
    pub fn open(distance: Distance, seed: u64) -> Result<Self, String> {
        let program = Arena::open()?;
        let peer = program.beside()?;
        let mut link = Self { program, peer, relay: None };
        match distance {
            Distance::Near => link.lay_veth()?,
            Distance::Far => link.lay_far(seed)?,
        }
        Ok(link)
    }

    /// Cuts the link: the peer's namespace loses all of its routes, even to itself. Nothing reaches
    /// the peer any more, and nothing comes from it.
    pub fn cut(&self) {
        let rules = "ip rule add pref 0 blackhole && ip rule delete pref 0 table local";
        run(&self.peer, rules).unwrap_or_else(|error| panic!("the link cannot be cut: {error}"));
    }

    fn lay_veth(&self) -> Result<(), String> {
        let other = self.peer.holder();
        run(&self.program, &format!("ip link add {DEVICE} type veth peer name {DEVICE} netns {other}"))?;
        self.bring_up()
    }

    fn bring_up(&self) -> Result<(), String> {
        for (side, address) in [(&self.program, PROGRAM), (&self.peer, PEER)] {
            run(side, &format!("ip address add {address}/24 dev {DEVICE} && ip link set {DEVICE} up"))?;
        }
        Ok(())
    }

    fn lay_far(&mut self, seed: u64) -> Result<(), String> {
        match shaper()? {
            Shaper::Netem => {
                self.lay_veth()?;
                [&self.program, &self.peer].into_iter().try_for_each(shape)
            }
            Shaper::Relay => {
                self.relay = Some(relay(&self.program, &self.peer, seed)?);
                self.bring_up()
            }
        }
    }
}

/// What delays and loses packets on a far link of this machine, in words.
///
/// # Errors
/// Why there can be no such link.
pub fn shaped_by() -> Result<&'static str, String> {
    Ok(match shaper()? {
        Shaper::Netem => "the kernel's netem",
        Shaper::Relay => "a process between two TUN devices, as this kernel has no netem",
    })
}

/// The kernel, if it has netem, or else the relay, if it works here.
fn shaper() -> Result<Shaper, String> {
    static SHAPER: std::sync::OnceLock<Result<Shaper, String>> = std::sync::OnceLock::new();
    let find = || {
        let link = Link::open(Distance::Near, 0)?;
        let Err(netem) = shape(&link.program) else { return Ok(Shaper::Netem) };
        let (here, there) = (link.program.beside()?, link.program.beside()?);
        match relay(&here, &there, 0) {
            Ok(_) => Ok(Shaper::Relay),
            Err(tun) => Err(format!("no netem ({netem}) and no TUN device ({tun})")),
        }
    };
    SHAPER.get_or_init(find).clone()
}

fn shape(side: &Arena) -> Result<(), String> {
    run(side, &format!("tc qdisc add dev {DEVICE} root netem delay {DELAY}ms loss {LOSS}%"))
}

fn relay(here: &Arena, there: &Arena, seed: u64) -> Result<Program, String> {
    let mut command = Command::new(helper("relay"));
    command.args([DEVICE, &format!("/proc/{}/ns/net", there.holder())]);
    command.args([DELAY, LOSS].map(|number| number.to_string())).arg(seed.to_string());
    let mut relay = here.start(command);
    match relay.says("relay ready") {
        Ok(_) => Ok(relay),
        Err(_) => Err(relay.finish().stderr.join(" ")),
    }
}

/// Runs a line of shell in one of the namespaces.
fn run(side: &Arena, line: &str) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", line]);
    let finished = side.start(command).finish();
    match finished.exit {
        Exit::Code(0) => Ok(()),
        _ => Err(format!("{line}: {}", finished.stderr.join(" "))),
    }
}
