//! The matrix: real programs that nobody has changed, natively and shimmed.
//!
//! A program is a file in `programs/` ([`row`]); everything else here works for
//! all of them. A run of one program is a [`stage`]: a namespace, a directory and
//! a server, which may be in a [`container`]. [`loss`] and [`sanity`] ask it what a user would ask, [`trace`] looks
//! how it ends its connections, [`comparison`] compares the two runs, and [`page`] and
//! [`chart`] write down what came out.

pub mod chart;
pub mod comparison;
pub mod container;
pub mod hear;
pub mod install;
pub mod loss;
pub mod mask;
pub mod page;
pub mod placeholders;
pub mod row;
pub mod run;
pub mod sanity;
pub mod script;
pub mod stage;
pub mod trace;
