//! Compiles every victim, for a machine that has no compiler. `CC` and `SOFTCLOSE_VICTIMS` say by what, and where to.

fn main() {
    shim_tests::victim::compile_all();
}
