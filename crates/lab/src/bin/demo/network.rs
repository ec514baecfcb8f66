//! Where a run takes place: a network namespace of its own, or, where there can
//! be none, the loopback of this machine. There the counters would count every
//! program's connections, so there are none.

use shim_tests::arena::Arena;
use shim_tests::counters::KernelCounters;
use shim_tests::proc::{Socket, wait_until};
use shim_tests::program::Program;
use std::process::Command;

pub enum Network {
    Namespace(Arena),
    Loopback { reason: String },
}

impl Network {
    pub fn open() -> Self {
        Arena::open().map_or_else(|reason| Self::Loopback { reason }, Self::Namespace)
    }

    /// With the send buffers of this machine; see [`Arena::use_usual_buffers`].
    pub fn with_usual_buffers() -> Self {
        let network = Self::open();
        if let Self::Namespace(arena) = &network {
            arena.use_usual_buffers();
        }
        network
    }

    pub fn describe(&self) -> String {
        match self {
            Self::Namespace(_) => "Each run is in a network namespace of its own.".to_owned(),
            Self::Loopback { reason } => {
                format!("On the plain loopback of this machine, and so without the kernel's counters:\n{reason}")
            }
        }
    }

    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Namespace(_))
    }

    pub fn start(&self, command: Command) -> Program {
        match self {
            Self::Namespace(arena) => arena.start(command),
            Self::Loopback { .. } => Program::start(command),
        }
    }

    /// What the kernel has counted, once the server on `port` holds no connection
    /// any more: what it still drains may yet be reset.
    pub fn counters_after(&self, port: u16) -> Option<KernelCounters> {
        wait_until("the server has let go of every connection", || {
            !self.sockets().iter().any(|socket| socket.is_held_by_server(port))
        });
        match self {
            Self::Namespace(arena) => Some(arena.counters()),
            Self::Loopback { .. } => None,
        }
    }

    fn sockets(&self) -> Vec<Socket> {
        match self {
            Self::Namespace(arena) => arena.sockets(),
            Self::Loopback { .. } => Socket::all(std::process::id()),
        }
    }
}
