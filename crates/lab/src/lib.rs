//! The lab of softclose: everything that makes a page of `docs/`, and the hunt with random
//! programs.
//!
//! It runs real programs in the arenas of [`shim_tests`], each one natively and with the
//! shim. The commands are in `src/bin`; what they share, and what `make test` runs too, is
//! here.

pub mod closes;
pub mod compat;
pub mod fuzz;
pub mod head;
pub mod parallel;
pub mod picture;
pub mod tree;
