//! Every road on which a connection can end delivers as `close` does, and in
//! every context it leaves alone what is not its own. The table is in
//! `every_road`; what only one road can get wrong has a module of its own.

/// A test of its own for each that is named.
macro_rules! tests {
    ($check:ident: $($name:ident $word:literal),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                $check(here!(), $word);
            }
        )+
    };
}

mod duplicates;
mod every_road;
mod exec;
mod process_end;
mod ranges;
mod runtimes;
mod stdio;
