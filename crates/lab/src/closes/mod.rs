//! Every way to close a connection, as the packets show it. The program and its peer are in two
//! network namespaces with a [`link`] between them, so that it is clear which side holds TIME_WAIT.
//!
//! A [`case`](case::Case) is a [`subject`] (a strategy, or a recipe by hand) against a
//! [`scenario`] (what the peer does). [`measure`] runs it, [`expect`] says what must
//! come out, [`page`], [`answers`] and [`diagram`] write down what did.

pub mod answers;
pub mod case;
pub mod diagram;
pub mod expect;
pub mod format;
pub mod link;
pub mod measure;
pub mod packet;
pub mod page;
pub mod scenario;
pub mod subject;
