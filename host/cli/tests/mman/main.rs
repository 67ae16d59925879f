//! `shims/mman` as a user meets it: C programs, compiled by whatever compilers are here and run by memctl.

mod conformance;
mod differences;
mod guests;
mod names;
mod random;
