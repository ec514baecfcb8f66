//! The suites. Another one is a file beside these and a line here.

mod cpython;
mod haproxy;
mod libevent;
mod libuv;
mod lighttpd;
mod redis;
mod tornado;
mod twisted;

use crate::suite::Suite;

/// The long ones first: they are run three at a time.
pub fn all() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(cpython::CPYTHON),
        Box::new(twisted::TWISTED),
        Box::new(redis::Redis),
        Box::new(haproxy::HAProxy),
        Box::new(libevent::Libevent),
        Box::new(libuv::Libuv),
        Box::new(tornado::TORNADO),
        Box::new(lighttpd::Lighttpd),
    ]
}
