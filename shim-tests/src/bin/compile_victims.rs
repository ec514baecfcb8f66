//! Compiles every victim, for a machine that has no compiler. `CC` and `SOFTCLOSE_VICTIMS` say by what, and where to.
//! Prints the names of those that cannot be made, one a line.

fn main() {
    shim_tests::victim::compile_all().iter().for_each(|name| println!("{name}"));
}
