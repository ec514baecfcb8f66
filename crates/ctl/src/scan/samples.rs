//! Descriptions of the tracepoints, as several kernels print them, for tests.

/// Linux 5.10 (Debian 11): no reason, no family.
pub const RESET_5_10: &str = include_str!("samples/reset-5.10.txt");

/// Linux 6.1 (Debian 12): a family, which moves the addresses by two bytes.
pub const RESET_6_1: &str = include_str!("samples/reset-6.1.txt");

/// Linux 6.12 (Debian 13): the first that tells why it resets a connection at a close.
pub const RESET_6_12: &str = include_str!("samples/reset-6.12.txt");

/// Linux 6.18.
pub const RESET_6_18: &str = include_str!("samples/reset-6.18.txt");

/// The changes of state, by Linux 6.18.
pub const CHANGE_6_18: &str = include_str!("samples/change-6.18.txt");

/// The page of the ring buffer, by Linux 6.18.
pub const HEADER_PAGE: &str = include_str!("samples/header-page.txt");
