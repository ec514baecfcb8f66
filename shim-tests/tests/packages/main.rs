//! What is installed: by `make install`, by Debian packages, and what lies beside the
//! programs.

mod completions;
mod debian;
mod examples;
mod install;
mod manuals;
mod tree;
