//! What is installed: by `make install`, by packages, from an archive and in containers, and what
//! lies beside the programs.

mod completions;
mod containers;
mod debian;
mod equal;
mod examples;
mod image;
mod install;
mod manuals;
mod rpm;
mod tarball;
mod tree;
