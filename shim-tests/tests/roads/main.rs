//! Every road on which a connection can end delivers as `close` does, and in
//! every context it leaves alone what is not its own. The table is in
//! `every_road`; what only one road can get wrong has a module of its own.

mod duplicates;
mod every_road;
mod exec;
mod process_end;
mod ranges;
mod runtimes;
mod stdio;
