//! Test harness of softclose.
