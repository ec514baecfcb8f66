//! Everything of softclose that needs no symbol.
#![warn(missing_docs)]

pub mod settings;
